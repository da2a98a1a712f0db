// A wishbone client as in the field: a Master and a TcpClient, and the number of the target in the
// upper half of the address. Writes and reads the registers of every target, and ends with 0 if
// what it reads is right.
#include <rogue/GeneralError.h>
#include <rogue/interfaces/memory/Constants.h>
#include <rogue/interfaces/memory/Master.h>
#include <rogue/interfaces/memory/TcpClient.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace rim = rogue::interfaces::memory;

class Wishbone {
    rim::TcpClientPtr link_;
    rim::MasterPtr bus_;
    uint32_t target_;

    uint64_t address(uint32_t reg) const {
        return ((uint64_t)target_ << 32) | ((uint64_t)reg << 2);
    }

    void finish(uint32_t id, const char* what, uint32_t reg) {
        bus_->waitTransaction(id);
        std::string error = bus_->getError();
        if (!error.empty()) {
            bus_->clearError();
            char text[64];
            snprintf(text, sizeof(text), "%s 0x%" PRIx64 ": ", what, address(reg));
            throw std::runtime_error(text + error);
        }
    }

  public:
    Wishbone(const std::string& host, uint16_t port, uint64_t timeoutUs) : target_(0) {
        link_ = rim::TcpClient::create(host, port);
        bus_ = rim::Master::create();
        bus_->setSlave(link_);
        bus_->setTimeout(timeoutUs);
    }

    bool up(double seconds) { return link_->waitReady(seconds, 0.1); }

    void select(uint32_t target) { target_ = target; }

    void poke(uint32_t reg, uint32_t value) {
        finish(bus_->reqTransaction(address(reg), sizeof(value), &value, rim::Write), "write", reg);
    }

    void post(uint32_t reg, uint32_t value) {
        finish(bus_->reqTransaction(address(reg), sizeof(value), &value, rim::Post), "post", reg);
    }

    uint32_t peek(uint32_t reg, uint32_t type = rim::Read) {
        uint32_t value = 0;
        finish(bus_->reqTransaction(address(reg), sizeof(value), &value, type), "read", reg);
        return value;
    }

    void burst(uint32_t reg, std::vector<uint32_t>& words, uint32_t type) {
        uint32_t size = (uint32_t)(words.size() * sizeof(uint32_t));
        finish(bus_->reqTransaction(address(reg), size, &words[0], type), "burst", reg);
    }

    // All of them under way at the same time
    void scatter(uint32_t reg, std::vector<uint32_t>& words, uint32_t type) {
        for (size_t i = 0; i < words.size(); i++)
            bus_->reqTransaction(address(reg + (uint32_t)i), sizeof(uint32_t), &words[i], type);
        finish(0, "scatter", reg);
    }
};

static int wrong = 0;

static void compare(const char* what, uint32_t target, uint32_t got, uint32_t wanted) {
    if (got == wanted) return;
    printf("target %u %s: 0x%08x instead of 0x%08x\n", target, what, got, wanted);
    wrong++;
}

static void exercise(Wishbone& wb, uint32_t target) {
    wb.select(target);
    uint32_t mark = 0x5A000000 | target;
    wb.poke(0, mark);
    compare("read", target, wb.peek(0), mark);
    compare("verify", target, wb.peek(0, rim::Verify), mark);
    wb.post(1, ~mark);
    compare("posted", target, wb.peek(1), ~mark);

    std::vector<uint32_t> out(64), in(64, 0);
    for (size_t i = 0; i < out.size(); i++)
        out[i] = (uint32_t)i * 0x01010101u + target;
    wb.burst(16, out, rim::Write);
    wb.scatter(16, in, rim::Read);
    compare("burst", target, (uint32_t)memcmp(&in[0], &out[0], 256), 0);

    for (size_t i = 0; i < out.size(); i++)
        out[i] = ~out[i];
    wb.scatter(96, out, rim::Write);
    wb.burst(96, in, rim::Read);
    compare("scatter", target, (uint32_t)memcmp(&in[0], &out[0], 256), 0);
    printf("target %u done\n", target);
}

int main(int argc, char** argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: %s host port [timeout in s] [target that is not there]\n", argv[0]);
        return 2;
    }
    uint64_t seconds = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
    try {
        Wishbone wb(argv[1], (uint16_t)atoi(argv[2]), seconds * 1000000);
        if (!wb.up(10.0 * (double)seconds)) {
            fprintf(stderr, "nobody answers at %s:%s\n", argv[1], argv[2]);
            return 1;
        }
        for (uint32_t target = 0; target < 4; target++)
            exercise(wb, target);
        // What was written to one target is not seen at another.
        for (uint32_t target = 0; target < 4; target++) {
            wb.select(target);
            compare("again", target, wb.peek(0), 0x5A000000 | target);
        }
        if (argc > 4) {
            wb.select((uint32_t)atoi(argv[4]));
            try {
                wb.peek(0);
                printf("target %s answers\n", argv[4]);
                wrong++;
            } catch (const std::runtime_error& error) {
                printf("refused: %s\n", error.what());
            }
        }
    } catch (std::exception& error) {
        fprintf(stderr, "%s\n", error.what());
        return 1;
    }
    printf("%d wrong\n", wrong);
    return wrong == 0 ? 0 : 1;
}
