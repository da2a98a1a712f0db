// The bridge inside Rogue: it stops and goes in every state, in bounded time, and says what holds
// it up; its log lines come from Rogue's loggers.
#include "bus.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>

namespace {

/// What is called a bound here: far below a timeout of 20 s, and safe on a busy machine.
const double soon = 5;

void stopFailsWhatIsOutstanding() {
    const auto keeping = std::make_shared<Keeping>();
    const Served served = serve(keeping);
    served.server->setTimeout(20000000);
    Asking asking(served.port);
    uint32_t words[4];
    for (uint32_t i = 0; i < 4; ++i)
        asking.master->reqTransaction(4 * i, 4, &words[i], rim::Read);
    CHECK(comes([&] { return keeping->count() == 4; }));
    const double begun = now();
    served.server->stop();
    served.server->stop();
    CHECK(now() - begun < soon);
    asking.master->waitTransaction(0);
    CHECK(!asking.master->getError().empty());
    CHECK(now() - begun < soon);
    for (const rim::TransactionPtr& transaction : keeping->kept()) {
        CHECK(transaction->expired());
        complete(transaction);
    }
    // The ports are free again.
    rim::TcpServer::create("127.0.0.1", served.port)->stop();
}

void severalThreadsMayStop() {
    const Served served = serve(std::make_shared<Keeping>());
    Asking asking(served.port);
    uint32_t word;
    asking.master->reqTransaction(0, 4, &word, rim::Read);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            served.server->stop();
            asking.client->stop();
        });
    }
    for (std::thread& thread : threads)
        thread.join();
    asking.master->waitTransaction(0);
}

void theSlaveMayStopTheServerAlsoWithItsTransactionLocked() {
    Served served;
    std::atomic<bool> returned(false);
    served = serve(acting([&](const rim::TransactionPtr& transaction) {
        const rim::TransactionLockPtr lock = transaction->lock();
        served.server->stop();
        returned = true;
    }));
    Asking asking(served.port);
    const std::string error = asking.access(0);
    CHECK(!error.empty());
    CHECK(comes([&] { return returned.load(); }));
    served.server->stop();
}

void theSlaveMayDropTheServersLastReference() {
    for (const bool completes : {true, false}) {
        Served served;
        std::atomic<int> state(0);
        const auto slave = acting([&](const rim::TransactionPtr& transaction) {
            while (state == 0)
                pass(0.001);
            served.server.reset();
            if (completes) complete(transaction);
            state = 2;
        });
        served = serve(slave);
        Asking asking(served.port);
        state = 1;
        asking.access(0); // it fails, or its answer has left just in time
        CHECK(comes([&] { return state == 2; }));
    }
}

void aSlaveThatBlocksIsWaitedForAndNamed() {
    rogue::Logging::taken();
    std::atomic<bool> free(false), entered(false);
    const Served served = serve(acting([&](const rim::TransactionPtr& transaction) {
        entered = true;
        while (!free)
            pass(0.005);
        complete(transaction);
    }));
    Asking asking(served.port);
    uint32_t word;
    asking.master->reqTransaction(0, 4, &word, rim::Read);
    CHECK(comes([&] { return entered.load(); }));
    std::string lines;
    std::thread freeing([&] {
        comes([&] {
            lines += rogue::Logging::taken();
            return check::contains(lines, "waits for the slave, which does not return");
        });
        free = true;
    });
    served.server->stop();
    freeing.join();
    CHECK(check::contains(lines, "pyrogue.memory.TcpServer.127.0.0.1." +
                                     std::to_string(served.port) + ": stop() waits for the slave"));
    asking.master->waitTransaction(0);
}

void aLockHeldElsewhereHoldsUpNoMoreThanItself() {
    const auto keeping = std::make_shared<Keeping>();
    const Served served = serve(keeping);
    Asking asking(served.port);
    uint32_t words[2];
    for (uint32_t i = 0; i < 2; ++i)
        asking.master->reqTransaction(4 * i, 4, &words[i], rim::Read);
    CHECK(comes([&] { return keeping->count() == 2; }));
    rim::TransactionLockPtr lock = keeping->kept()[0]->lock();
    std::thread later([&] {
        pass(0.1);
        lock->unlock();
    });
    served.server->stop();
    later.join();
    asking.master->waitTransaction(0);
}

void everythingMayGoInAnyOrder() {
    for (int order = 0; order < 12; ++order) {
        const auto keeping = std::make_shared<Keeping>();
        Served served = serve(keeping);
        std::unique_ptr<Asking> asking(new Asking(served.port));
        const rim::MasterPtr master = asking->master;
        uint32_t words[3];
        for (uint32_t& word : words)
            master->reqTransaction(0, 4, &word, rim::Read);
        if (order % 2 == 0) CHECK(comes([&] { return keeping->count() == 3; }));
        if (order % 3 == 0) served.server.reset();
        if (order % 4 == 1 && keeping->count() > 0) complete(keeping->kept()[0]);
        asking->client->stop();
        master->waitTransaction(0);
        master->setSlave(rim::Slave::create(4, 0));
        asking.reset();
        served.server.reset();
        for (const rim::TransactionPtr& transaction : keeping->kept())
            complete(transaction);
    }
}

void whatCannotBeMadeSaysWhyAndLeavesNothing() {
    const Served served = serve(nullptr);
    for (int i = 0; i < 20; ++i) {
        const std::string text = check::thrown<rogue::GeneralError>(
            [&] { rim::TcpServer::create("127.0.0.1", served.port); });
        CHECK(check::contains(text, std::to_string(served.port)) ||
              check::contains(text, std::to_string(served.port + 1)));
        CHECK(check::contains(text, "127.0.0.1"));
        CHECK(check::contains(text, "another process may be using"));
    }
    for (const uint16_t port : {uint16_t(0), uint16_t(65535)}) {
        CHECK(check::contains(
            check::thrown<rogue::GeneralError>([=] { rim::TcpServer::create("127.0.0.1", port); }),
            std::to_string(port)));
        CHECK(check::contains(
            check::thrown<rogue::GeneralError>([=] { rim::TcpClient::create("127.0.0.1", port); }),
            std::to_string(port)));
    }
}

void linesComeFromRoguesLoggers() {
    rogue::Logging::setFilter("pyrogue.memory.Tcp", rogue::Logging::Debug);
    rogue::Logging::taken();
    const std::string printed = check::written(STDOUT_FILENO, [] {
        const Served served = serve(acting([](const rim::TransactionPtr& t) { complete(t); }));
        Asking asking(served.port);
        CHECK_EQUAL(asking.access(0x1234), "");
        const std::string lines = rogue::Logging::taken();
        for (const char* end : {"Server", "Client"}) {
            const std::string name = std::string("pyrogue.memory.Tcp") + end + ".127.0.0.1." +
                                     std::to_string(served.port);
            CHECK(check::contains(lines, name + ": "));
        }
        CHECK(check::contains(lines, "0x1234") || check::contains(lines, "0x0000000000001234"));
    });
    CHECK_EQUAL(printed, ""); // by them, and not by the library itself
    rogue::Logging::setFilter("pyrogue.memory.Tcp", rogue::Logging::Error);
}

/// Lines of the library where stdout has no reader, or one that does not read. In a child, which
/// they would end or hold up.
void linesDoNoHarm(bool dead) {
    const pid_t child = fork();
    if (child == 0) {
        alarm(20);
        signal(SIGPIPE, SIG_DFL);
        int ends[2];
        CHECK(pipe(ends) == 0 && dup2(ends[1], STDOUT_FILENO) == STDOUT_FILENO);
        close(ends[1]);
        setvbuf(stdout, nullptr, _IOLBF, 0);
        pollfd out = {STDOUT_FILENO, POLLOUT, 0};
        const char page[4096] = {};
        if (dead) close(ends[0]);
        while (!dead && poll(&out, 1, 0) == 1)
            CHECK(write(STDOUT_FILENO, page, sizeof page) == sizeof page);
        rogue::Logging::setEmitStdout(true);
        rogue::Logging::setFilter("pyrogue.memory.Tcp", rogue::Logging::Debug);
        const Served served = serve(acting([](const rim::TransactionPtr& t) { complete(t); }));
        Asking asking(served.port);
        const double begun = now();
        for (int n = 0; n < 20; ++n)
            CHECK_EQUAL(asking.access(4 * n), "");
        CHECK(now() - begun < soon);
        if (!dead) {
            std::string text(1 << 20, 0);
            CHECK(read(ends[0], &text[0], text.size()) > 0);
            CHECK_EQUAL(asking.access(0x44), "");
            const ssize_t size = read(ends[0], &text[0], text.size());
            text.resize(size > 0 ? static_cast<size_t>(size) : 0);
            CHECK(check::contains(text, "stdout did not take lines of the log: "));
        }
        asking.client->stop();
        served.server->stop();
        _exit(check::finish());
    }
    CHECK(child > 0);
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_EQUAL(status, 0);
}

void aChildThatExitsDoesNotWaitForThreadsThatItHasNot() {
    static Served served; // goes in exit(), in the child too
    served = serve(acting([](const rim::TransactionPtr& t) { complete(t); }));
    const pid_t child = fork();
    if (child == 0) exit(0);
    CHECK(child > 0);
    int status = -1;
    const bool ended = comes([&] { return waitpid(child, &status, WNOHANG) == child; });
    if (!ended) {
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
    }
    CHECK(ended);
    CHECK_EQUAL(status, 0);
    Asking asking(served.port);
    CHECK_EQUAL(asking.access(0x44), "");
    CHECK_EQUAL(asking.word, 0x44u);
}

} // namespace

int main() {
    check::begin();
    linesDoNoHarm(true);
    linesDoNoHarm(false);
    stopFailsWhatIsOutstanding();
    severalThreadsMayStop();
    theSlaveMayStopTheServerAlsoWithItsTransactionLocked();
    theSlaveMayDropTheServersLastReference();
    aSlaveThatBlocksIsWaitedForAndNamed();
    aLockHeldElsewhereHoldsUpNoMoreThanItself();
    everythingMayGoInAnyOrder();
    whatCannotBeMadeSaysWhyAndLeavesNothing();
    linesComeFromRoguesLoggers();
    aChildThatExitsDoesNotWaitForThreadsThatItHasNot();
    return check::finish();
}
