// Once its threads are warm, the classes take no memory from the heap for an access, with one at a
// time and with many outstanding, at either end. What is beneath them is tests/rust/steady.rs.
#include "rogue/interfaces/memory/Constants.h"
#include "rogue/interfaces/memory/Emulate.h"
#include "rogue/interfaces/memory/TcpClient.h"
#include "rogue/interfaces/memory/TcpServer.h"

#include "check.h"

#include <atomic>
#include <new>
#include <stdlib.h>

namespace rim = rogue::interfaces::memory;

namespace {

std::atomic<uint64_t> taken{0};

/// Fewer than a thread keeps for its next ones.
const uint32_t outstanding = 100;

/// Reads `count` words, so many at a time; returns how often memory was taken meanwhile.
uint64_t read(rim::Master& master, uint32_t count, uint32_t atATime) {
    static uint32_t words[outstanding];
    const uint64_t before = taken;
    for (uint32_t n = 0; n < count; n += atATime) {
        for (uint32_t k = 0; k < atATime; k++) {
            master.reqTransaction(4 * k, 4, &words[k], rim::Read);
        }
        master.waitTransaction(0);
    }
    return taken - before;
}

void steady() {
    uint16_t port = 0;
    const rim::TcpServerPtr server = check::onFreePorts([&port](uint16_t at) {
        port = at;
        return rim::TcpServer::create("127.0.0.1", at);
    });
    *server >> rim::Emulate::create(4, 0x1000);
    const rim::TcpClientPtr client = rim::TcpClient::create("127.0.0.1", port);
    const rim::MasterPtr master = rim::Master::create();
    master->setTimeout(20000000);
    *master >> client;
    read(*master, 1000, outstanding);
    for (const uint32_t atATime : {1u, 10u, outstanding}) {
        CHECK_EQUAL(read(*master, 1000, atATime), 0u);
        CHECK_EQUAL(master->getError(), "");
    }
}

} // namespace

void* operator new(size_t size) {
    taken++;
    void* const memory = malloc(size);
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
}

void operator delete(void* memory) noexcept { free(memory); }

void operator delete(void* memory, size_t) noexcept { free(memory); }

int main() {
    steady();
    return check::finish();
}
