// The bridge inside Rogue, the client's side: nothing lost at the start, errors that say why,
// times, late responses, pieces, readiness.
#include "bus.h"

#include <cstring>

namespace {

void answer(const rim::TransactionPtr& transaction) { complete(transaction); }

void whatIsAskedBeforeTheServerIsThereWaits() {
    const uint16_t port = check::freePair();
    Asking asking(port);
    std::thread later;
    rim::TcpServerPtr server;
    const rim::SlavePtr slave = acting(answer);
    later = std::thread([&] {
        pass(0.1);
        server = rim::TcpServer::create("127.0.0.1", port);
        server->setSlave(slave);
    });
    CHECK_EQUAL(asking.access(0x40), "");
    CHECK_EQUAL(asking.word, 0x40u);
    later.join();
}

void errorsSayWhy() {
    const uint16_t port = check::freePair();
    Asking asking(port, 300000);
    const double begun = now();
    const uint32_t id = asking.master->reqTransaction(0, 4, &asking.word, rim::Read);
    asking.master->waitTransaction(id);
    const std::string refused = asking.master->getError();
    CHECK(now() - begun >= 0.25);
    CHECK(check::contains(refused, "refused"));
    CHECK(check::contains(refused, std::to_string(port)));
    CHECK(!check::contains(refused, "stand-in"));
    // A posted write is no exception.
    CHECK(!asking.access(0, rim::Post).empty());
    asking.client->stop();
    const double stopped = now();
    CHECK(check::contains(asking.access(0), "stopped"));
    CHECK(now() - stopped < 0.25);
}

void aTimeoutBearsRoguesNumberAndComesInTime() {
    const auto keeping = std::make_shared<Keeping>();
    const Served served = serve(keeping);
    Asking asking(served.port, 200000);
    // The library's numbers and Rogue's part ways: this is the only transaction that it has.
    for (int i = 0; i < 5; ++i)
        std::make_shared<rim::Transaction>(timeval{1, 0});
    std::vector<uint8_t> buffer(64, 0xEE);
    const double begun = now();
    const uint32_t id = asking.master->reqTransaction(0, 64, buffer.data(), rim::Read);
    asking.master->waitTransaction(id);
    const double took = now() - begun;
    CHECK(took >= 0.19);
    const std::string error = asking.master->getError();
    CHECK(check::contains(error, "Timeout waiting for register transaction " + std::to_string(id) +
                                     " message response."));
    // The answer comes when the buffer is not the bridge's any more.
    buffer.assign(64, 0x55);
    CHECK(comes([&] { return keeping->count() == 1; }));
    complete(keeping->kept()[0]);
    asking.master->setTimeout(20000000);
    std::thread next([&] {
        if (comes([&] { return keeping->count() == 2; })) complete(keeping->kept()[1]);
    });
    CHECK_EQUAL(asking.access(0), ""); // the late one has been passed by now
    next.join();
    for (const uint8_t byte : buffer)
        CHECK_EQUAL(static_cast<int>(byte), 0x55);
}

void anAnswerToAnEarlierOneRenewsTheTime() {
    const auto keeping = std::make_shared<Keeping>();
    const Served served = serve(keeping);
    served.server->setTimeout(30000000);
    Asking asking(served.port, 1000000);
    uint32_t words[4];
    std::thread slow([&] {
        for (size_t i = 0; i < 4; ++i) {
            if (!comes([&] { return keeping->count() == 4; })) return;
            pass(0.5);
            complete(keeping->kept()[i]);
        }
    });
    for (uint32_t i = 0; i < 4; ++i)
        asking.master->reqTransaction(4 * i, 4, &words[i], rim::Read);
    asking.master->waitTransaction(0); // 2 s in all
    CHECK_EQUAL(asking.master->getError(), "");
    slow.join();
}

void everyTypeIsCarried() {
    std::vector<std::string> seen;
    std::mutex mutex;
    const Served served = serve(acting([&](const rim::TransactionPtr& transaction) {
        {
            const rim::TransactionLockPtr held = transaction->lock();
            std::lock_guard<std::mutex> lock(mutex);
            seen.push_back(std::to_string(transaction->type()) + ":" +
                           std::to_string(transaction->begin()[0]));
        }
        complete(transaction);
    }));
    Asking asking(served.port);
    for (const uint32_t type : {rim::Write, rim::Verify, rim::Post}) {
        asking.word = 7;
        CHECK_EQUAL(asking.access(0x20, type), "");
        CHECK_EQUAL(asking.word, type == rim::Verify ? 0x20u : 7u);
    }
    CHECK_EQUAL(asking.access(0), "");
    std::lock_guard<std::mutex> lock(mutex);
    CHECK_EQUAL(seen.size(), 4u);
    // What is read is not left to chance before the slave has written it.
    CHECK_EQUAL(seen[0] + " " + seen[1] + " " + seen[2] + " " + seen[3], "2:7 4:0 3:7 1:0");
    CHECK(!asking.access(0, 77).empty());
}

/// What a hub of Rogue's does: splits a transaction in two.
void piecesAreCarriedAndFailTheWhole() {
    const Served served = serve(acting([](const rim::TransactionPtr& transaction) {
        complete(transaction, transaction->address() == 0x108 ? "bad half" : "");
    }));
    Asking asking(served.port);
    const auto split = acting([&](const rim::TransactionPtr& whole) {
        const rim::TransactionPtr first = whole->piece(0, 8), second = whole->piece(8, 8);
        whole->doneSubTransactions();
        asking.client->doTransaction(first);
        asking.client->doTransaction(second);
    });
    const rim::MasterPtr master = rim::Master::create();
    master->setSlave(split);
    master->setTimeout(20000000);
    uint32_t words[4] = {};
    master->waitTransaction(master->reqTransaction(0x40, 16, words, rim::Read));
    CHECK_EQUAL(master->getError(), "");
    for (uint32_t i = 0; i < 4; ++i)
        CHECK_EQUAL(words[i], 0x40 + 4 * i);
    master->waitTransaction(master->reqTransaction(0x100, 16, words, rim::Read));
    CHECK(check::contains(master->getError(), "bad half"));
}

/// The bytes of a piece are its parent's: they go with the parent's wait.
void aLatePieceLeavesTheParentsBytesAlone() {
    const auto keeping = std::make_shared<Keeping>();
    const Served served = serve(keeping);
    Asking asking(served.port);
    rim::TransactionPtr parent;
    const auto split = acting([&](const rim::TransactionPtr& whole) {
        parent = whole; // outlives its wait
        const rim::TransactionPtr piece = whole->piece(0, 16);
        whole->doneSubTransactions();
        asking.client->doTransaction(piece);
    });
    const rim::MasterPtr master = rim::Master::create();
    master->setSlave(split);
    master->setTimeout(20000000);
    std::unique_ptr<uint8_t[]> bytes(new uint8_t[16]);
    const uint32_t id = master->reqTransaction(0, 16, bytes.get(), rim::Read);
    CHECK(comes([&] { return keeping->count() == 1; }));
    complete(parent, "given up");
    master->waitTransaction(id);
    std::memset(bytes.get(), 0x33, 16);
    complete(keeping->kept()[0]);
    std::thread next([&] {
        if (comes([&] { return keeping->count() == 2; })) complete(keeping->kept()[1]);
    });
    CHECK_EQUAL(asking.access(0), "");
    next.join();
    for (int i = 0; i < 16; ++i)
        CHECK_EQUAL(static_cast<int>(bytes[i]), 0x33);
}

void readinessIsTold() {
    const uint16_t port = check::freePair();
    const rim::TcpClientPtr early = rim::TcpClient::create("127.0.0.1", port, true);
    const double begun = now();
    CHECK(!early->waitReady(0.2, 0.05));
    CHECK(now() - begun >= 0.19);
    const Served served = serve(acting(answer));
    const rim::TcpClientPtr client = rim::TcpClient::create("127.0.0.1", served.port, true);
    CHECK(client->waitReady(20, 0.1));
    client->start();
    client->stop();
    CHECK(!client->waitReady(20, 0.1)); // at once: see the alarm
    CHECK(check::contains(check::thrown<rogue::GeneralError>([&] { client->start(); }),
                          std::to_string(served.port)));
}

/// A reference that comes through Python code keeps a Python object, which may not be let go of on
/// the library's threads, without Python's lock.
void theReferenceThatIsGivenIsNotKept() {
    const auto keeping = std::make_shared<Keeping>();
    const Served served = serve(keeping);
    Asking asking(served.port);
    std::thread::id letGoBy;
    const auto lending = acting([&](const rim::TransactionPtr& own) {
        const auto letGo = [&letGoBy, own](rim::Transaction*) {
            letGoBy = std::this_thread::get_id();
        };
        asking.client->doTransaction(rim::TransactionPtr(own.get(), letGo));
    });
    asking.master->setSlave(lending);
    const uint32_t id = asking.master->reqTransaction(0x40, 4, &asking.word, rim::Read);
    CHECK(letGoBy == std::this_thread::get_id()); // there is no answer yet
    CHECK(comes([&] { return keeping->count() == 1; }));
    complete(keeping->kept()[0]);
    asking.master->waitTransaction(id);
    CHECK_EQUAL(asking.master->getError(), "");
    CHECK_EQUAL(asking.word, 0x40u);
}

void aTransactionWithoutDataFailsAtOnce() {
    const Served served = serve(acting(answer));
    Asking asking(served.port);
    for (const uint32_t size : {0u, 4u}) {
        const double begun = now();
        asking.master->clearError();
        asking.master->waitTransaction(asking.master->reqTransaction(0, size, nullptr, rim::Read));
        CHECK(check::contains(asking.master->getError(), "without data"));
        CHECK(now() - begun < 5); // of 20
    }
    CHECK_EQUAL(asking.access(0x40), "");
}

} // namespace

int main() {
    check::begin();
    whatIsAskedBeforeTheServerIsThereWaits();
    errorsSayWhy();
    aTimeoutBearsRoguesNumberAndComesInTime();
    anAnswerToAnEarlierOneRenewsTheTime();
    everyTypeIsCarried();
    piecesAreCarriedAndFailTheWhole();
    aLatePieceLeavesTheParentsBytesAlone();
    readinessIsTold();
    theReferenceThatIsGivenIsNotKept();
    aTransactionWithoutDataFailsAtOnce();
    return check::finish();
}
