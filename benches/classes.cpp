// Ours from C++, by the classes that stand in for Rogue's: masters, slaves, TcpServer, TcpClient.
//
// It uses nothing but what Rogue documents, and also compiles against Rogue: `bench --rogue
// PROGRAM` takes the program that comes of it as one more contestant. Words are read from an
// Emulate. The slave for blocks touches no byte: a read is answered from the memory that the server
// has for the transaction, whatever is in it.
#include "contestant.h"

#include <rogue/GeneralError.h>
#include <rogue/interfaces/memory/Constants.h>
#include <rogue/interfaces/memory/Emulate.h>
#include <rogue/interfaces/memory/Master.h>
#include <rogue/interfaces/memory/Slave.h>
#include <rogue/interfaces/memory/TcpClient.h>
#include <rogue/interfaces/memory/TcpServer.h>
#include <rogue/interfaces/memory/Transaction.h>
#include <rogue/interfaces/memory/TransactionLock.h>

#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

namespace rim = rogue::interfaces::memory;
using Clock = std::chrono::steady_clock;

namespace {

class Blocks : public rim::Slave {
  public:
    Blocks() : rim::Slave(4, BENCH_MAX_BLOCK) {}

    void doTransaction(rim::TransactionPtr transaction) override {
        const rim::TransactionLockPtr lock = transaction->lock();
        transaction->done();
    }
};

// Answers each transaction 1 ms after it came, from a thread of its own.
class Late : public rim::Slave {
  public:
    Late() : rim::Slave(4, 4) { std::thread(&Late::run, this).detach(); }

    void doTransaction(rim::TransactionPtr transaction) override {
        const auto due = Clock::now() + std::chrono::microseconds(BENCH_LATE_US);
        {
            const std::lock_guard<std::mutex> guard(mutex_);
            waiting_.emplace_back(due, std::move(transaction));
        }
        changed_.notify_one();
    }

  private:
    // For as long as the process is there.
    void run() {
        std::unique_lock<std::mutex> guard(mutex_);
        for (;;) {
            changed_.wait(guard, [this] { return !waiting_.empty(); });
            const auto due = waiting_.front().first;
            if (Clock::now() < due) {
                guard.unlock();
                std::this_thread::sleep_until(due);
                guard.lock();
            }
            const rim::TransactionPtr transaction = std::move(waiting_.front().second);
            waiting_.pop_front();
            guard.unlock();
            answer(*transaction);
            guard.lock();
        }
    }

    static void answer(rim::Transaction& transaction) {
        const uint32_t word = BENCH_WORD;
        const rim::TransactionLockPtr lock = transaction.lock();
        if (transaction.expired()) return;
        if (transaction.type() == rim::Read) std::memcpy(transaction.begin(), &word, sizeof word);
        transaction.done();
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::pair<Clock::time_point, rim::TransactionPtr>> waiting_;
};

rim::MasterPtr master;

rim::SlavePtr slaveFor(const std::string& kind) {
    if (kind == "blocks") return std::make_shared<Blocks>();
    if (kind == "late") return std::make_shared<Late>();
    return rim::Emulate::create(4, BENCH_MAX_BLOCK);
}

void serve(const char* kind) {
    rim::TcpServerPtr server;
    uint16_t port = 0;
    while (!server) {
        port = bench_any_port();
        try {
            server = rim::TcpServer::create("127.0.0.1", port);
        } catch (const rogue::GeneralError& error) {
            bench_fail("%s", error.what());
        }
    }
    server->setSlave(slaveFor(kind));
    bench_ready(port);
    for (;;)
        pause();
}

bool waitForAll() {
    master->waitTransaction(0);
    const std::string error = master->getError();
    return error.empty() || bench_fail("%s", error.c_str());
}

bool connectTo(uint16_t port) {
    master = rim::Master::create();
    master->setSlave(rim::TcpClient::create("127.0.0.1", port));
    // Rogue loses what is asked for before there is a connection.
    bool fine = false;
    for (int tries = 0; tries < 50 && !fine; tries++) {
        uint32_t word = BENCH_WORD;
        master->setTimeout(200000);
        master->clearError();
        master->reqTransaction(BENCH_ADDRESS, sizeof word, &word, rim::Write);
        fine = waitForAll();
    }
    master->setTimeout(BENCH_TIMEOUT_US);
    return fine;
}

bool word() {
    master->reqTransaction(BENCH_ADDRESS, sizeof *bench_words, bench_words, rim::Read);
    return waitForAll();
}

bool batch(unsigned outstanding) {
    for (unsigned n = 0; n < outstanding; n++)
        master->reqTransaction(BENCH_ADDRESS, sizeof *bench_words, &bench_words[n], rim::Read);
    return waitForAll();
}

bool block(bool write, uint32_t size) {
    master->reqTransaction(0, size, bench_block, write ? rim::Write : rim::Read);
    return waitForAll();
}

} // namespace

int main(int argc, char** argv) {
    static const bench_contestant classes = {serve, connectTo, word,   batch,
                                             block, nullptr,   nullptr};
    return bench_main(argc, argv, &classes);
}
