// Uses the memory of a server at `client ADDRESS PORT` and shows each access: what was written,
// what came back, and how long it took. Ends with 0 if every value was right.
#include "rogue/GeneralError.h"
#include "rogue/interfaces/memory/Constants.h"
#include "rogue/interfaces/memory/Master.h"
#include "rogue/interfaces/memory/TcpClient.h"

#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace rim = rogue::interfaces::memory;

namespace {

bool allRight = true;

// Makes one access and waits for it. Gives the microseconds that it took.
double access(rim::Master& master, uint64_t address, uint32_t size, void* data, uint32_t type) {
    const auto start = std::chrono::steady_clock::now();
    master.clearError();
    master.waitTransaction(master.reqTransaction(address, size, data, type));
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
    return took.count();
}

void show(const char* what, uint64_t address, const std::string& sent, const std::string& received,
          double microseconds, bool right) {
    std::printf("  %-22s 0x%06llx  %-12s %-12s %8.0f us  %s\n", what,
                static_cast<unsigned long long>(address), sent.c_str(), received.c_str(),
                microseconds, right ? "ok" : "WRONG");
    allRight = allRight && right;
}

std::string hex(uint32_t value) {
    char text[16];
    std::snprintf(text, sizeof text, "0x%08x", static_cast<unsigned>(value));
    return text;
}

// Sums up a block, so that it can be shown (FNV-1a).
std::string sum(const std::vector<uint8_t>& block) {
    uint32_t sum = 2166136261u;
    for (const uint8_t byte : block)
        sum = (sum ^ byte) * 16777619u;
    return "sum " + hex(sum).substr(2);
}

void write(rim::Master& master, const char* what, uint64_t address, uint32_t value, uint32_t type) {
    const double took = access(master, address, sizeof value, &value, type);
    const std::string error = master.getError();
    if (!error.empty()) std::printf("  %s\n", error.c_str());
    show(what, address, hex(value), "-", took, error.empty());
}

void read(rim::Master& master, const char* what, uint64_t address, uint32_t expected,
          uint32_t type) {
    uint32_t value = 0;
    const double took = access(master, address, sizeof value, &value, type);
    const std::string error = master.getError();
    if (!error.empty()) std::printf("  %s\n", error.c_str());
    show(what, address, "-", hex(value), took, error.empty() && value == expected);
}

void block(rim::Master& master, uint64_t address) {
    std::vector<uint8_t> sent(1024 * 1024), received(sent.size());
    uint32_t random = 1;
    for (uint8_t& byte : sent) {
        random = random * 1664525u + 1013904223u;
        byte = static_cast<uint8_t>(random >> 24);
    }
    const uint32_t size = static_cast<uint32_t>(sent.size());

    double took = access(master, address, size, sent.data(), rim::Write);
    show("write a block of 1 MiB", address, sum(sent), "-", took, master.getError().empty());
    took = access(master, address, size, received.data(), rim::Read);
    show("read the block", address, "-", sum(received), took,
         master.getError().empty() && received == sent);
}

void refused(rim::Master& master, uint64_t address) {
    uint32_t value = 0;
    const double took = access(master, address, sizeof value, &value, rim::Read);
    const std::string error = master.getError();
    show("an access that fails", address, "-", "error", took, !error.empty());
    std::printf("    the error says: %s\n", error.c_str());
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: client ADDRESS PORT\n");
        return 2;
    }
    try {
        auto tcp = rim::TcpClient::create(argv[1], static_cast<uint16_t>(std::atoi(argv[2])));
        auto master = rim::Master::create();
        *master >> tcp;

        std::printf("C++ client, process %d\n", static_cast<int>(getpid()));
        std::printf("  %-22s %-8s  %-12s %-12s %11s\n", "access", "address", "written", "came back",
                    "time");
        write(*master, "first write, connects", 0x1000, 0x12345678, rim::Write);
        read(*master, "read it back", 0x1000, 0x12345678, rim::Read);
        read(*master, "verify it", 0x1000, 0x12345678, rim::Verify);
        write(*master, "posted write", 0x1004, 0xcafef00d, rim::Post);
        read(*master, "read it back", 0x1004, 0xcafef00d, rim::Read);
        block(*master, 0x100000);
        refused(*master, 0x1001);
    } catch (const rogue::GeneralError& error) {
        std::printf("%s\n", error.what());
        return 1;
    }
    return allRight ? 0 : 1;
}
