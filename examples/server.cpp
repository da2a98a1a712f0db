// Serves emulated memory at `server ADDRESS PORT`, until it is told to end by SIGINT or SIGTERM.
#include "rogue/GeneralError.h"
#include "rogue/interfaces/memory/Emulate.h"
#include "rogue/interfaces/memory/TcpServer.h"

#include <signal.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <iostream>

namespace rim = rogue::interfaces::memory;

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "usage: server ADDRESS PORT" << std::endl;
        return 2;
    }
    const uint16_t port = static_cast<uint16_t>(std::atoi(argv[2]));

    // Signals are waited for below. The threads of the bridge inherit that they are blocked.
    sigset_t end;
    sigemptyset(&end);
    sigaddset(&end, SIGINT);
    sigaddset(&end, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &end, nullptr);

    try {
        // Memory for accesses of 4 bytes to 1 MiB, at multiples of 4 bytes
        auto memory = rim::Emulate::create(4, 1024 * 1024);

        auto tcp = rim::TcpServer::create(argv[1], port);
        *tcp >> memory;
        std::cout << "serving emulated memory at " << argv[1] << ", ports " << port << " and "
                  << port + 1 << ", process " << getpid() << std::endl;

        int signal = 0;
        sigwait(&end, &signal);
        tcp->stop();
    } catch (const rogue::GeneralError& error) {
        std::cerr << error.what() << std::endl;
        return 1;
    }
    return 0;
}
