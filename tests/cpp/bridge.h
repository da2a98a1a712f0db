// What tests of the bridge share: a server on ports that are free, and a slave that answers only
// when the test wants it to.
#ifndef TESTS_CPP_BRIDGE_H
#define TESTS_CPP_BRIDGE_H

#include "rogue/interfaces/memory/Slave.h"
#include "rogue/interfaces/memory/TcpServer.h"

#include "check.h"

#include <condition_variable>
#include <mutex>
#include <vector>

namespace bridge {

inline rogue::interfaces::memory::TcpServerPtr serve(uint16_t* port) {
    return check::onFreePorts([port](uint16_t at) {
        *port = at;
        return rogue::interfaces::memory::TcpServer::create("127.0.0.1", at);
    });
}

/// Keeps its transactions until the test takes them, or until it is destroyed.
class Keeping : public rogue::interfaces::memory::Slave {
  public:
    typedef rogue::interfaces::memory::TransactionPtr Pointer;

    Keeping() : Slave(4, 4096) {}

    void doTransaction(Pointer transaction) override {
        std::lock_guard<std::mutex> lock(mutex_);
        kept_.push_back(transaction);
        came_.notify_all();
    }

    size_t count() {
        std::lock_guard<std::mutex> lock(mutex_);
        return kept_.size();
    }

    /// Waits until it has at least `count`.
    void await(size_t count) {
        std::unique_lock<std::mutex> lock(mutex_);
        came_.wait(lock, [&] { return kept_.size() >= count; });
    }

    std::vector<Pointer> take() {
        std::lock_guard<std::mutex> lock(mutex_);
        std::vector<Pointer> taken;
        taken.swap(kept_);
        return taken;
    }

    Pointer first() {
        std::lock_guard<std::mutex> lock(mutex_);
        return kept_.front();
    }

  private:
    std::mutex mutex_;
    std::condition_variable came_;
    std::vector<Pointer> kept_;
};

} // namespace bridge

#endif
