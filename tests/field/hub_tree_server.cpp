// A tree of hubs as in the field, crate, board and chip, each with an offset, and at the end of it
// registers that take four bytes at a time. Says at its end what the leaf has seen.
#include <rogue/GeneralError.h>
#include <rogue/interfaces/memory/Constants.h>
#include <rogue/interfaces/memory/Hub.h>
#include <rogue/interfaces/memory/Slave.h>
#include <rogue/interfaces/memory/TcpServer.h>
#include <rogue/interfaces/memory/Transaction.h>
#include <rogue/interfaces/memory/TransactionLock.h>

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>
#include <stdexcept>

namespace rim = rogue::interfaces::memory;

static const uint64_t CrateOffset = 0x10000000;
static const uint64_t BoardOffset = 0x00200000;
static const uint64_t ChipOffset = 0x00003000;
static const uint64_t Base = CrateOffset + BoardOffset + ChipOffset;

class Leaf : public rim::Slave {
    std::map<uint64_t, uint32_t> words_;

  public:
    uint32_t largest;
    uint64_t lowest;

    Leaf() : rim::Slave(4, 4), largest(0), lowest(UINT64_MAX) {}

    void doTransaction(rim::TransactionPtr tran) {
        auto lock = tran->lock();
        largest = std::max(largest, tran->size());
        lowest = std::min(lowest, tran->address());
        if (tran->size() != 4) throw std::runtime_error("The chip takes four bytes at a time");
        if ((tran->address() >> 32) > 3)
            throw rogue::GeneralError::create("Leaf", "There is no register at 0x%" PRIx64,
                                              tran->address());
        uint32_t& word = words_[tran->address()];
        if (tran->type() == rim::Read || tran->type() == rim::Verify)
            memcpy(tran->begin(), &word, 4);
        else
            memcpy(&word, tran->begin(), 4);
        tran->done();
    }
};

// Counts what passes
class Board : public rim::Hub {
  public:
    unsigned long passed;

    Board() : rim::Hub(BoardOffset, 0, 0), passed(0) {}

    void doTransaction(rim::TransactionPtr tran) {
        passed++;
        rim::Hub::doTransaction(tran);
    }
};

static volatile sig_atomic_t running = 1;

static void onSignal(int) { running = 0; }

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    signal(SIGTERM, onSignal);
    signal(SIGINT, onSignal);
    try {
        rim::HubPtr crate = rim::Hub::create(CrateOffset, 0, 0);
        std::shared_ptr<Board> board = std::make_shared<Board>();
        rim::HubPtr chip = rim::Hub::create(ChipOffset, 0, 0);
        std::shared_ptr<Leaf> leaf = std::make_shared<Leaf>();
        rim::TcpServerPtr server = rim::TcpServer::create(argv[1], (uint16_t)atoi(argv[2]));
        *(*(*crate >> board) >> chip) >> leaf;
        if (chip->getAddress() != ChipOffset || crate->getAddress() != Base) return 1;
        *server >> crate;
        if (server->reqAddress() != Base || server->reqMinAccess() != 4) return 1;
        printf("ready\n");
        fflush(stdout);
        while (running)
            usleep(20000);
        server->stop();
        if (board->passed > 0)
            printf("largest %" PRIu32 " lowest 0x%" PRIx64 "\n", leaf->largest, leaf->lowest);
    } catch (std::exception& error) {
        fprintf(stderr, "%s\n", error.what());
        return 1;
    }
    printf("bye\n");
    return 0;
}
