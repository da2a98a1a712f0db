// A daemon as in the field that joins two networks: its server hands everything to a client of
// another server, or to emulated memory if none is named. What it logs is set by options.
#include <rogue/GeneralError.h>
#include <rogue/Logging.h>
#include <rogue/Version.h>
#include <rogue/interfaces/memory/Emulate.h>
#include <rogue/interfaces/memory/Slave.h>
#include <rogue/interfaces/memory/TcpClient.h>
#include <rogue/interfaces/memory/TcpServer.h>

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <iostream>
#include <string>

using rogue::interfaces::memory::Emulate;
using rogue::interfaces::memory::SlavePtr;
using rogue::interfaces::memory::TcpClient;
using rogue::interfaces::memory::TcpClientPtr;
using rogue::interfaces::memory::TcpServer;
using rogue::interfaces::memory::TcpServerPtr;

static volatile bool stopping = false;

extern "C" void handler(int) { stopping = true; }

static void usage(const char* program) {
    std::cerr << "usage: " << program
              << " [-a address] -p port [-u upstream port] [-w seconds] [-v level] [-f name=level]"
              << std::endl;
}

int main(int argc, char* argv[]) {
    std::string address = "127.0.0.1";
    int port = 0, upstream = 0, option;
    double patience = 10;

    while ((option = getopt(argc, argv, "a:p:u:w:v:f:Vh")) != -1) {
        switch (option) {
        case 'a':
            address = optarg;
            break;
        case 'p':
            port = atoi(optarg);
            break;
        case 'u':
            upstream = atoi(optarg);
            break;
        case 'w':
            patience = atof(optarg);
            break;
        case 'v':
            rogue::Logging::setLevel((uint32_t)atoi(optarg));
            break;
        case 'f': {
            char* level = strchr(optarg, '=');
            if (level == NULL) {
                usage(argv[0]);
                return 2;
            }
            rogue::Logging::setFilter(std::string(optarg, level), (uint32_t)atoi(level + 1));
            break;
        }
        case 'V':
            std::cout << rogue::Version::current() << std::endl;
            return 0;
        default:
            usage(argv[0]);
            return 2;
        }
    }
    if (port == 0) {
        usage(argv[0]);
        return 2;
    }

    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_handler = handler;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);

    rogue::LoggingPtr log = rogue::Logging::create("field.daemon");
    try {
        SlavePtr memory;
        TcpClientPtr client;
        if (upstream != 0) {
            client = TcpClient::create(address, (uint16_t)upstream);
            if (!client->waitReady(patience, 0.1)) {
                log->critical("No server at %s:%i", address.c_str(), upstream);
                return 3;
            }
            memory = client;
        } else {
            memory = Emulate::create(4, 4096);
        }
        TcpServerPtr server = TcpServer::create(address, (uint16_t)port);
        *server >> memory;
        log->info("Serving at port %i", port);
        std::cout << "ready" << std::endl;

        while (!stopping)
            usleep(20000);
        log->info("Ending");
        server->stop();
        if (client) client->stop();
    } catch (rogue::GeneralError& error) {
        std::cerr << error.what() << std::endl;
        return 1;
    }
    std::cout << "bye" << std::endl;
    return 0;
}
