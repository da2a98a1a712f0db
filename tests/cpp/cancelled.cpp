// A thread that is cancelled (pthread_cancel) inside a method comes out of it, and is cancelled
// afterwards. A slave that runs on the program's own thread has its state of cancellation.
#include "rogue/interfaces/memory/Constants.h"
#include "rogue/interfaces/memory/Emulate.h"
#include "rogue/interfaces/memory/Hub.h"
#include "rogue/interfaces/memory/Master.h"
#include "rogue/interfaces/memory/TcpClient.h"
#include "rogue/interfaces/memory/TcpServer.h"
#include "rogue/interfaces/memory/TransactionLock.h"

#include "bridge.h"
#include "check.h"

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace rim = rogue::interfaces::memory;

namespace {

void pass(int ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }

int state() {
    int now = 0;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &now);
    pthread_setcancelstate(now, nullptr);
    return now;
}

/// Answers after a while, and notes with what state it was called.
class Slow : public rim::Slave {
  public:
    explicit Slow(int ms) : Slave(4, 4096), ms_(ms) {}
    void doTransaction(rim::TransactionPtr transaction) override {
        seen = state();
        if (ms_ > 0) pass(ms_);
        const rim::TransactionLockPtr lock = transaction->lock();
        if (!transaction->expired()) transaction->done();
    }
    std::atomic<int> seen{-1};

  private:
    const int ms_;
};

typedef std::function<void()> Work;

std::atomic<int> returned(0);

void* run(void* work) {
    (*static_cast<const Work*>(work))();
    // Only now, and not before.
    ++returned;
    pthread_testcancel();
    return nullptr;
}

/// Whether a thread that does `work` is cancelled behind it; told when it has been at it for `ms`.
bool cancelledBehind(const Work& work, int ms) {
    const int before = returned;
    pthread_t thread;
    void* result = nullptr;
    if (pthread_create(&thread, nullptr, run, const_cast<Work*>(&work)) != 0) return false;
    pass(ms);
    pthread_cancel(thread);
    pthread_join(thread, &result);
    return result == PTHREAD_CANCELED && returned == before + 1;
}

} // namespace

int main() {
    check::begin();
    uint16_t port = 0;
    const rim::TcpServerPtr server = bridge::serve(&port);
    server->setTimeout(20000000);
    *server >> std::make_shared<Slow>(200);
    const auto client = rim::TcpClient::create("127.0.0.1", port);
    const rim::MasterPtr master = rim::Master::create();
    master->setTimeout(20000000);
    *master >> client;
    uint32_t word = 0;

    // In a wait, and in stop(), which waits for the slave.
    CHECK(cancelledBehind(
        [&] { master->waitTransaction(master->reqTransaction(0, 4, &word, rim::Read)); }, 50));
    CHECK_EQUAL(master->getError(), "");
    CHECK(cancelledBehind([&] { client->waitLink(rim::TcpLinkState::Lost, 0.2); }, 50));
    CHECK(cancelledBehind([&] { client->waitReady(0.2, 0.01); }, 0));
    master->reqTransaction(0, 4, &word, rim::Read);
    pass(50);
    CHECK(cancelledBehind([&] { server->stop(); }, 20));
    master->waitTransaction(0);

    // To release a lock and to let go of what was made may send and close.
    uint16_t at = 0;
    rim::TcpServerPtr keeper = bridge::serve(&at);
    keeper->setTimeout(20000000);
    auto keeping = std::make_shared<bridge::Keeping>();
    *keeper >> keeping;
    auto asking = rim::TcpClient::create("127.0.0.1", at);
    auto asker = rim::Master::create();
    asker->setTimeout(20000000);
    *asker >> asking;
    uint32_t words[3];
    for (uint32_t& each : words)
        asker->reqTransaction(0, 4, &each, rim::Read);
    keeping->await(3);
    CHECK(cancelledBehind(
        [&] {
            pthread_cancel(pthread_self());
            rim::TransactionLockPtr lock = keeping->first()->lock();
            keeping->first()->done();
            lock.reset();
            keeping.reset();
            asker.reset();
            asking.reset();
            keeper.reset();
        },
        0));

    // Everything, with the cancellation waiting from the beginning.
    CHECK(cancelledBehind(
        [&] {
            pthread_cancel(pthread_self());
            // Its own code stands between the calls, and comes to no point of cancellation.
            const auto again = std::make_shared<rim::TcpServer>("127.0.0.1", port);
            const auto memory = rim::Emulate::create(4, 4096);
            *again >> memory;
            const auto other = std::make_shared<rim::TcpClient>("127.0.0.1", port);
            const auto there = rim::Master::create();
            const auto hub = rim::Hub::create(0x100, 0, 0);
            there->setTimeout(20000000);
            *(*there >> hub) >> other;
            uint32_t values[2] = {0x12345678, 0};
            there->reqTransaction(0, 4, &values[0], rim::Write);
            there->reqTransaction(0, 4, &values[1], rim::Read);
            there->waitTransaction(0);
            CHECK_EQUAL(there->getError(), "");
            CHECK_EQUAL(values[1], 0x12345678u);
            other->stats();
            again->stats();
            other->stop();
            again->stop();
            CHECK(state() == PTHREAD_CANCEL_ENABLE);
        },
        0));

    // A slave on the thread that asks is as free as that thread.
    const auto here = std::make_shared<Slow>(0);
    const rim::MasterPtr local = rim::Master::create();
    *local >> here;
    for (const int wanted : {PTHREAD_CANCEL_ENABLE, PTHREAD_CANCEL_DISABLE}) {
        pthread_setcancelstate(wanted, nullptr);
        local->waitTransaction(local->reqTransaction(0, 4, &word, rim::Read));
        CHECK_EQUAL(here->seen.load(), wanted);
        CHECK_EQUAL(state(), wanted);
    }
    return check::finish();
}
