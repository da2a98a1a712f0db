// What the tests of the bridge inside Rogue need besides ../cpp/check.h: slaves that answer at once
// or later, one access at a time, the clock.
#ifndef TESTS_ROGUE_BUS_H
#define TESTS_ROGUE_BUS_H

#include "../cpp/check.h"

#include "rogue/GeneralError.h"
#include "rogue/interfaces/memory/Constants.h"
#include "rogue/interfaces/memory/Master.h"
#include "rogue/interfaces/memory/Slave.h"
#include "rogue/interfaces/memory/TcpClient.h"
#include "rogue/interfaces/memory/TcpServer.h"
#include "rogue/interfaces/memory/Transaction.h"
#include "rogue/interfaces/memory/TransactionLock.h"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace rim = rogue::interfaces::memory;

/// Seconds since some moment.
inline double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

inline void pass(double seconds) {
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

/// Waits until `holds`, for 20 s at most: whether it does.
inline bool comes(const std::function<bool()>& holds) {
    for (const double end = now() + 20; now() < end; pass(0.002)) {
        if (holds()) return true;
    }
    return holds();
}

/// A slave that does what the test says.
class Acting : public rim::Slave {
  public:
    typedef std::function<void(const rim::TransactionPtr&)> Act;
    explicit Acting(Act act, uint32_t min = 4, uint32_t max = 0xFFFFFFFF)
        : rim::Slave(min, max), act_(std::move(act)) {}
    void doTransaction(rim::TransactionPtr transaction) override { act_(transaction); }

  private:
    Act act_;
};

inline std::shared_ptr<Acting> acting(Acting::Act act, uint32_t min = 4,
                                      uint32_t max = 0xFFFFFFFF) {
    return std::make_shared<Acting>(std::move(act), min, max);
}

/// Completes a transaction: a read brings its address, which is what `word` expects. With a text,
/// it fails.
inline void complete(const rim::TransactionPtr& transaction, const std::string& error = "") {
    const rim::TransactionLockPtr lock = transaction->lock();
    if (transaction->expired()) return;
    if (!error.empty()) {
        transaction->errorStr(error);
        return;
    }
    if (transaction->type() == rim::Read || transaction->type() == rim::Verify) {
        for (uint32_t i = 0; i < transaction->size(); ++i) {
            transaction->begin()[i] =
                static_cast<uint8_t>((transaction->address() + i / 4 * 4) >> (8 * (i % 4)));
        }
    }
    transaction->done();
}

/// A slave that keeps what it gets until the test takes it.
class Keeping : public rim::Slave {
  public:
    Keeping() : rim::Slave(4, 0xFFFFFFFF) {}
    void doTransaction(rim::TransactionPtr transaction) override {
        std::lock_guard<std::mutex> lock(mutex_);
        kept_.push_back(transaction);
    }
    std::vector<rim::TransactionPtr> kept() {
        std::lock_guard<std::mutex> lock(mutex_);
        return kept_;
    }
    size_t count() { return kept().size(); }

  private:
    std::mutex mutex_;
    std::vector<rim::TransactionPtr> kept_;
};

struct Served {
    rim::TcpServerPtr server;
    uint16_t port;
};

inline Served serve(const rim::SlavePtr& slave) {
    return check::onFreePorts([&](uint16_t port) {
        const rim::TcpServerPtr server = rim::TcpServer::create("127.0.0.1", port);
        if (slave) server->setSlave(slave);
        return Served{server, port};
    });
}

/// A master on a client of its own.
struct Asking {
    explicit Asking(uint16_t port, uint64_t timeoutUs = 20000000)
        : client(rim::TcpClient::create("127.0.0.1", port)), master(rim::Master::create()) {
        master->setSlave(client);
        master->setTimeout(timeoutUs);
    }

    /// One access of a word; the error.
    std::string access(uint64_t address, uint32_t type = rim::Read) {
        master->clearError();
        master->waitTransaction(master->reqTransaction(address, 4, &word, type));
        return master->getError();
    }

    rim::TcpClientPtr client;
    rim::MasterPtr master;
    uint32_t word = 0;
};

#endif
