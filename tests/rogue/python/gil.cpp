// The bridge inside a Rogue with Python: who holds Python's lock lets go of it wherever the bridge
// can wait, the names that Python sees, and the end of the interpreter with the bridge at work.
#include "../bus.h"

#include "rogue/GilRelease.h"
#include "rogue/ScopedGil.h"

#include <atomic>

namespace {

/// A slave in Python: it needs the lock to answer.
rim::SlavePtr inPython() {
    return acting([](const rim::TransactionPtr& transaction) {
        rogue::ScopedGil gil;
        complete(transaction);
    });
}

void namesArePythons() {
    rim::TcpServer::setup_python();
    rim::TcpClient::setup_python();
    CHECK_EQUAL(standin::names(), "TcpServer.close\nTcpServer._start\nTcpServer._stop\n"
                                  "TcpClient.close\nTcpClient.waitReady\nTcpClient._start\n"
                                  "TcpClient._stop\n");
}

/// With the lock in this thread's hands throughout, as in a script. What waited with it would never
/// end: see the alarm.
void waitsWithoutTheLock() {
    const Served served = serve(inPython());
    Asking asking(served.port);
    CHECK_EQUAL(asking.access(0x10), "");
    CHECK(asking.client->waitReady(20, 0.05));
    CHECK(!rim::TcpClient::create("127.0.0.1", check::freePair())->waitReady(0.1, 0.05));
    // A slave that is in the middle of a transaction, and wants the lock, while the server stops.
    std::atomic<bool> entered(false);
    served.server->setSlave(acting([&](const rim::TransactionPtr& transaction) {
        entered = true;
        pass(0.05);
        rogue::ScopedGil gil;
        complete(transaction);
    }));
    uint32_t word;
    asking.master->reqTransaction(0, 4, &word, rim::Read);
    CHECK(comes([&] { return entered.load(); }));
    served.server->stop();
    asking.client->stop();
    asking.master->waitTransaction(0);
    CHECK(PyGILState_Check() == 1);
}

/// The last reference to a slave may be that of the bridge: it goes with the lock held.
void aSlaveGoesWithTheLockHeld() {
    std::atomic<int> gone(0);
    const Served served = serve(nullptr);
    {
        std::shared_ptr<Acting> made(new Acting([&](const rim::TransactionPtr& transaction) {
                                         served.server->setSlave(rim::Slave::create(4, 0));
                                         complete(transaction);
                                     }),
                                     [&](Acting* slave) {
                                         gone = PyGILState_Check() == 1 ? 1 : 2;
                                         delete slave;
                                     });
        served.server->setSlave(made);
    }
    Asking asking(served.port);
    CHECK_EQUAL(asking.access(0), "");
    standin::leaveLock();
    CHECK(comes([&] { return gone != 0; }));
    standin::takeLock();
    CHECK_EQUAL(gone.load(), 1);
}

} // namespace

int main() {
    check::begin();
    standin::takeLock();
    namesArePythons();
    waitsWithoutTheLock();
    aSlaveGoesWithTheLockHeld();

    // The interpreter goes while transactions come, and the bridge is still there.
    Served served = serve(inPython());
    Asking asking(served.port, 100000);
    std::atomic<bool> end(false);
    std::thread busy([&] {
        Asking own(served.port, 100000);
        while (!end)
            own.access(0x20);
    });
    CHECK_EQUAL(asking.access(0x20), "");
    standin::finalize();
    // Their owners go afterwards, as global variables of a script do.
    served.server.reset();
    end = true;
    {
        rogue::GilRelease noGil;
        busy.join();
    }
    return check::finish();
}
