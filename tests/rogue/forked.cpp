// The bridge inside Rogue, in a process that is forked off while threads are at work on it: what
// was made before fails at once, and nothing hangs; what is made there works. The parent notices
// nothing. And threads that are cancelled in a call.
#include "bus.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>

namespace {

/// The checks of a child; its exit status.
int use(Served& served, Asking& inherited, const rim::TransactionPtr& kept) {
    alarm(20);
    // In a second, and not after the transaction's time.
    const double begun = now();
    CHECK(check::contains(inherited.access(0x40), "was made before the process was forked"));
    CHECK(!inherited.client->waitReady(20, 0.1));
    CHECK(now() - begun < 10);
    inherited.client->stop();
    served.server->stop();
    // A server of its own, and a client of the parent's.
    Served own = serve(acting([](const rim::TransactionPtr& t) { complete(t); }));
    {
        Asking asking(own.port);
        CHECK_EQUAL(asking.access(0x48), "");
        CHECK_EQUAL(asking.word, 0x48u);
        Asking parents(served.port);
        CHECK_EQUAL(parents.access(0x4C), "");
        CHECK_EQUAL(parents.word, 0x4Cu);
    }
    complete(kept);
    own.server.reset();
    served.server.reset();
    return check::finish();
}

void theParentNoticesNothing() {
    Served served = serve(acting([](const rim::TransactionPtr& t) { complete(t); }));
    const auto keeping = std::make_shared<Keeping>();
    const Served keeper = serve(keeping);
    keeper.server->setTimeout(60000000);
    Asking waiting(keeper.port, 60000000);
    const uint32_t id = waiting.master->reqTransaction(0, 4, &waiting.word, rim::Read);
    CHECK(comes([&] { return keeping->count() == 1; }));

    // They have their clients for themselves but for one, which the child inherits with them.
    Asking shared(served.port);
    std::atomic<bool> over(false);
    std::atomic<int> asked(0);
    std::vector<std::thread> threads;
    for (int n = 0; n < 3; ++n) {
        threads.emplace_back([&, n] {
            const rim::MasterPtr master = rim::Master::create();
            master->setSlave(shared.client);
            master->setTimeout(20000000);
            for (uint32_t address = 0; !over; address = (address + 4) & 0xFFFF) {
                uint32_t word = ~address;
                master->waitTransaction(master->reqTransaction(address, 4, &word, rim::Read));
                CHECK_EQUAL(master->getError(), "");
                CHECK_EQUAL(word, address);
                ++asked;
                // Loggers come and go too, under a lock of the whole process.
                if (n == 0 && address % 64 == 0) Asking another(served.port);
            }
        });
    }
    for (int n = 0; n < 20; ++n) {
        const int before = asked;
        const pid_t child = fork();
        if (child == 0) _exit(use(served, shared, keeping->kept()[0]));
        int status = -1;
        CHECK(waitpid(child, &status, 0) == child);
        CHECK_EQUAL(status, 0);
        CHECK(comes([&] { return asked >= before + 10; }));
    }
    over = true;
    for (std::thread& thread : threads)
        thread.join();
    complete(keeping->kept()[0]);
    waiting.master->waitTransaction(id);
    CHECK_EQUAL(waiting.master->getError(), "");
}

/// Does `work` with the cancellation of its thread waiting, and comes back from it.
void* cancelledAtOnce(void* work) {
    pthread_cancel(pthread_self());
    (*static_cast<std::function<void()>*>(work))();
    static std::atomic<bool> back(false);
    back = true;
    pthread_testcancel();
    return nullptr;
}

void aCancelledThreadComesBackFirst() {
    const auto keeping = std::make_shared<Keeping>();
    Served served = serve(keeping);
    Asking asking(served.port);
    asking.master->reqTransaction(0, 4, &asking.word, rim::Read);
    CHECK(comes([&] { return keeping->count() == 1; }));
    bool stopped = false;
    std::function<void()> work = [&] {
        asking.client->waitReady(1, 0.1);
        served.server->stop();
        stopped = true;
    };
    pthread_t thread;
    void* result = nullptr;
    CHECK(pthread_create(&thread, nullptr, cancelledAtOnce, &work) == 0);
    CHECK(pthread_join(thread, &result) == 0);
    CHECK(result == PTHREAD_CANCELED);
    CHECK(stopped);
    asking.master->waitTransaction(0);
}

} // namespace

int main() {
    check::begin();
    theParentNoticesNothing();
    aCancelledThreadComesBackFirst();
    return check::finish();
}
