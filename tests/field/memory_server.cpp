// A server of mapped memory as in the field: the slave puts transactions into a queue, and a thread
// of its own carries them out on the mapping. The mapping is of a temporary file that stands for
// /dev/mem, 64 KiB for each of four targets.
#include <rogue/GeneralError.h>
#include <rogue/GilRelease.h>
#include <rogue/Logging.h>
#include <rogue/Queue.h>
#include <rogue/interfaces/memory/Constants.h>
#include <rogue/interfaces/memory/Slave.h>
#include <rogue/interfaces/memory/TcpServer.h>
#include <rogue/interfaces/memory/Transaction.h>
#include <rogue/interfaces/memory/TransactionLock.h>

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <memory>
#include <thread>

namespace rim = rogue::interfaces::memory;

class MapSlave : public rim::Slave {
    static const uint32_t Targets = 4;
    static const uint32_t Span = 0x10000;

    FILE* file_;
    uint8_t* map_;
    std::thread* thread_;
    rogue::LoggingPtr log_;
    rogue::Queue<rim::TransactionPtr> queue_;

  public:
    static std::shared_ptr<MapSlave> create() { return std::make_shared<MapSlave>(); }

    MapSlave() : rim::Slave(4, 0x1000) {
        log_ = rogue::Logging::create("field.MapSlave");
        file_ = tmpfile();
        if (file_ == NULL || ftruncate(fileno(file_), Targets * Span) != 0)
            throw(rogue::GeneralError::create("MapSlave", "No file of %u bytes", Targets * Span));
        void* map =
            mmap(NULL, Targets * Span, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(file_), 0);
        if (map == MAP_FAILED) throw(rogue::GeneralError("MapSlave", "The file cannot be mapped"));
        map_ = (uint8_t*)map;
        thread_ = new std::thread(&MapSlave::runThread, this);
    }

    ~MapSlave() { stop(); }

    void stop() override {
        if (thread_ == NULL) return;
        rogue::GilRelease noGil;
        queue_.stop();
        thread_->join();
        delete thread_;
        thread_ = NULL;
        munmap(map_, Targets * Span);
        fclose(file_);
    }

    void doTransaction(rim::TransactionPtr tran) override {
        rogue::GilRelease noGil;
        queue_.push(tran);
    }

    void runThread() {
        rim::TransactionPtr tran;
        log_->logThreadId();
        while ((tran = queue_.pop()) != NULL) {
            rim::TransactionLockPtr lock = tran->lock();
            if (tran->expired()) {
                log_->warning("Transaction expired. Id=%" PRIu32, tran->id());
                continue;
            }
            serve(tran);
        }
    }

  private:
    void serve(rim::TransactionPtr tran) {
        uint32_t target = (uint32_t)(tran->address() >> 32);
        uint32_t offset = (uint32_t)tran->address();
        if (target >= Targets || offset >= Span || tran->size() > Span - offset) {
            tran->error("There is no target at address 0x%" PRIx64, tran->address());
            return;
        }
        if (((offset | tran->size()) & 3) != 0) {
            tran->error("Address 0x%" PRIx64 " or size %" PRIu32 " is not of whole words",
                        tran->address(), tran->size());
            return;
        }
        volatile uint32_t* io = (volatile uint32_t*)(map_ + target * Span + offset);
        uint8_t* data = tran->begin();
        for (uint32_t i = 0; i < tran->size() / 4; i++) {
            uint32_t word;
            if (tran->type() == rim::Read || tran->type() == rim::Verify) {
                word = io[i];
                memcpy(data + 4 * i, &word, 4);
            } else {
                memcpy(&word, data + 4 * i, 4);
                io[i] = word;
            }
        }
        tran->done();
    }
};

static volatile sig_atomic_t running = 1;

static void onSignal(int) { running = 0; }

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    signal(SIGTERM, onSignal);
    signal(SIGINT, onSignal);
    try {
        std::shared_ptr<MapSlave> slave = MapSlave::create();
        rim::TcpServerPtr server = rim::TcpServer::create(argv[1], (uint16_t)atoi(argv[2]));
        server->setSlave(slave);
        server->start();
        printf("ready\n");
        fflush(stdout);
        while (running)
            usleep(20000);
        server->stop();
        slave->stop();
    } catch (rogue::GeneralError& error) {
        fprintf(stderr, "%s\n", error.what());
        return 1;
    }
    printf("bye\n");
    return 0;
}
