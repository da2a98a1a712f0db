// Servers and clients as static objects, destroyed by the end of the process while they are at
// work: from main, by exit on another thread and in a slave, and in a child that was forked off,
// which leaves those of its parent alone.
#include "rogue/interfaces/memory/Constants.h"
#include "rogue/interfaces/memory/Emulate.h"
#include "rogue/interfaces/memory/Master.h"
#include "rogue/interfaces/memory/TcpClient.h"
#include "rogue/interfaces/memory/TcpServer.h"

#include "check.h"

#include <sys/wait.h>

#include <atomic>
#include <cstdlib>
#include <thread>

namespace rim = rogue::interfaces::memory;

namespace {

const int kStatus = 42;

/// Carries out nothing but the end of the process.
class Exiting : public rim::Slave {
  public:
    Exiting() : Slave(4, 4) {}
    void doTransaction(rim::TransactionPtr) override { std::exit(kStatus); }
};

/// What a program may well keep in a static object: destroyed after main, in the reverse order.
struct Ends {
    rim::TcpServerPtr server;
    rim::TcpClientPtr client;
    rim::MasterPtr master;

    void make(const rim::SlavePtr& slave) {
        server = check::onFreePorts([this](uint16_t port) {
            auto made = rim::TcpServer::create("127.0.0.1", port);
            client = rim::TcpClient::create("127.0.0.1", port);
            return made;
        });
        *server >> slave;
        master = rim::Master::create();
        master->setTimeout(20000000);
        *master >> client;
    }

    std::string write(uint32_t word) {
        uint32_t back = ~word;
        master->waitTransaction(master->reqTransaction(0x40, 4, &word, rim::Write));
        master->waitTransaction(master->reqTransaction(0x40, 4, &back, rim::Read));
        return back == word ? master->getError() : "another value: " + master->getError();
    }
};

Ends first;
Ends second;

/// Asks without end, as a thread that nobody joins. What it touches is not destroyed under it.
void keepAsking(const Ends& ends) {
    const rim::MasterPtr master = rim::Master::create();
    *master >> ends.client;
    const rim::TcpServerPtr server = ends.server;
    std::thread([master, server] {
        for (;;) {
            uint32_t word = 0;
            master->waitTransaction(master->reqTransaction(0x80, 4, &word, rim::Read));
        }
    }).detach();
}

void begin() {
    first.make(rim::Emulate::create(4, 4096));
    second.make(rim::Emulate::create(4, 4096));
    CHECK_EQUAL(first.write(1), "");
    CHECK_EQUAL(second.write(2), "");
}

void fromMain() {
    begin();
    std::exit(kStatus);
}

void whileAsked() {
    begin();
    keepAsking(first);
    keepAsking(second);
    usleep(5000);
    std::exit(kStatus);
}

void onAnotherThread() {
    begin();
    std::thread([] { std::exit(kStatus); }).join();
}

void inASlave() {
    begin();
    first.make(std::make_shared<Exiting>());
    // One of its own: the object's goes while this thread waits.
    const rim::MasterPtr master = first.master;
    static uint32_t word;
    master->waitTransaction(master->reqTransaction(0x40, 4, &word, rim::Write));
    for (;;)
        pause();
}

void beforeAnything() {
    first.client = rim::TcpClient::create("127.0.0.1", check::freePair());
    first.master = rim::Master::create();
    *first.master >> first.client;
    static uint32_t word;
    first.master->reqTransaction(0, 4, &word, rim::Read);
    std::exit(kStatus);
}

/// The status of a child that does `what`; -1 if a signal has ended it, its alarm for one.
int status(void (*what)()) {
    fflush(nullptr);
    const pid_t child = fork();
    if (child == 0) {
        check::begin();
        what();
        _exit(1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// A child that exits destroys its copies of the static objects.
void forked() {
    begin();
    std::atomic<bool> over(false);
    std::thread asking([&over] {
        for (uint32_t word = 0; !over; ++word)
            CHECK_EQUAL(first.write(word), "");
    });
    for (int i = 0; i < 20; ++i) {
        CHECK_EQUAL(status([] { std::exit(kStatus); }), kStatus);
        CHECK_EQUAL(status([] {
                        first.server->stop();
                        second.client->stop();
                        second = Ends();
                        std::exit(kStatus);
                    }),
                    kStatus);
        CHECK_EQUAL(second.write(3), "");
    }
    over = true;
    asking.join();
    CHECK_EQUAL(first.client->stats().losses, 0u);
    CHECK_EQUAL(second.client->stats().losses, 0u);
}

} // namespace

int main() {
    check::begin();
    for (int i = 0; i < 5; ++i) {
        CHECK_EQUAL(status(fromMain), kStatus);
        CHECK_EQUAL(status(whileAsked), kStatus);
        CHECK_EQUAL(status(onAnotherThread), kStatus);
        CHECK_EQUAL(status(inASlave), kStatus);
        CHECK_EQUAL(status(beforeAnything), kStatus);
    }
    forked();
    return check::finish();
}
