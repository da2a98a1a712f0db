// The bridge inside Rogue, the server's side: overlap and its limit, order, errors kept apart,
// exceptions, sizes, several clients.
#include "bus.h"

#include <pthread.h>

#include <cstdlib>

namespace {

void overlapsUpToTheLimit() {
    const auto keeping = std::make_shared<Keeping>();
    const Served served = serve(keeping);
    Asking asking(served.port);
    std::vector<uint32_t> words(40), ids;
    for (uint32_t i = 0; i < words.size(); ++i)
        ids.push_back(asking.master->reqTransaction(4 * i, 4, &words[i], rim::Read));
    CHECK(comes([&] { return keeping->count() == 32; }));
    pass(0.05);
    CHECK_EQUAL(keeping->count(), 32u);
    // Completed from the last to the first, with errors of their own: each hears its own.
    const auto kept = keeping->kept();
    for (size_t i = kept.size(); i-- > 0;)
        complete(kept[i], i % 2 == 0 ? "" : "error of " + std::to_string(kept[i]->address()));
    CHECK(comes([&] { return keeping->count() == 40; }));
    const auto all = keeping->kept();
    for (size_t i = 32; i < all.size(); ++i)
        complete(all[i]);
    for (uint32_t i = 0; i < words.size(); ++i) {
        CHECK_EQUAL(all[i]->address(), 4u * i); // in the order of arrival
        asking.master->clearError();
        asking.master->waitTransaction(ids[i]);
        const bool fails = i < 32 && i % 2 == 1;
        CHECK_EQUAL(asking.master->getError(), fails ? "error of " + std::to_string(4 * i) : "");
        if (!fails) CHECK_EQUAL(words[i], 4 * i);
    }
}

void oneAtATimeIfTheSiteWantsThat() {
    setenv("ROGUE_MEMORY_BRIDGE_OUTSTANDING", "1", 1);
    const auto keeping = std::make_shared<Keeping>();
    const Served served = serve(keeping);
    unsetenv("ROGUE_MEMORY_BRIDGE_OUTSTANDING");
    Asking asking(served.port);
    uint32_t words[3];
    for (uint32_t i = 0; i < 3; ++i)
        asking.master->reqTransaction(4 * i, 4, &words[i], rim::Read);
    for (size_t i = 0; i < 3; ++i) {
        CHECK(comes([&] { return keeping->count() == i + 1; }));
        pass(0.03);
        CHECK_EQUAL(keeping->count(), i + 1);
        complete(keeping->kept().back());
    }
    asking.master->waitTransaction(0);
    CHECK_EQUAL(asking.master->getError(), "");
}

void theEnvironmentIsChecked() {
    for (const char* bad : {"0", "-1", "many", "3x", "99999999999999999999999"}) {
        setenv("ROGUE_MEMORY_BRIDGE_OUTSTANDING", bad, 1);
        const std::string text = check::thrown<rogue::GeneralError>(
            [] { rim::TcpServer::create("127.0.0.1", check::freePair()); });
        CHECK(check::contains(text, "ROGUE_MEMORY_BRIDGE_OUTSTANDING"));
        CHECK(check::contains(text, bad));
    }
    unsetenv("ROGUE_MEMORY_BRIDGE_OUTSTANDING");
}

void exceptionsFailTheirTransaction() {
    const Served served = serve(acting([](const rim::TransactionPtr& transaction) {
        switch (transaction->address()) {
        case 0:
            throw std::runtime_error("no such %s thing");
        case 4:
            throw 17;
        case 8:
            complete(transaction, "first");
            throw std::runtime_error("too late");
        default:
            complete(transaction);
        }
    }));
    Asking asking(served.port);
    CHECK(check::contains(asking.access(0), "no such %s thing"));
    CHECK(check::contains(asking.access(4), "not a std::exception"));
    CHECK_EQUAL(asking.access(8), "first");
    CHECK_EQUAL(asking.access(12), "");
    CHECK_EQUAL(asking.word, 12u);
}

void aSlaveThatEndsTheThreadLeavesNobodyWithoutAnAnswer() {
    const Served served = serve(acting([](const rim::TransactionPtr&) { pthread_exit(nullptr); }));
    Asking asking(served.port);
    const double begun = now();
    const std::string error = asking.access(0);
    CHECK(!error.empty());
    CHECK(!check::contains(error, "Timeout"));
    CHECK(now() - begun < 10);
    served.server->stop();
}

void sizesOutsideTheSlavesAreRefused() {
    const auto small = acting([](const rim::TransactionPtr& t) { complete(t); }, 8, 16);
    const Served served = serve(small);
    Asking asking(served.port);
    CHECK(check::contains(asking.access(0), "minimum access of 8"));
    uint8_t data[64] = {};
    asking.master->waitTransaction(asking.master->reqTransaction(0, 64, data, rim::Read));
    CHECK(check::contains(asking.master->getError(), "maximum access of 16"));
    asking.master->clearError();
    asking.master->waitTransaction(asking.master->reqTransaction(0, 16, data, rim::Write));
    CHECK_EQUAL(asking.master->getError(), "");
}

void theLargestTransactionIsASetting() {
    setenv("ROGUE_MEMORY_BRIDGE_MAX_TRANSACTION", "16", 1);
    const Served served = serve(acting([](const rim::TransactionPtr& t) { complete(t); }));
    unsetenv("ROGUE_MEMORY_BRIDGE_MAX_TRANSACTION");
    Asking asking(served.port);
    uint8_t data[20] = {};
    asking.master->waitTransaction(asking.master->reqTransaction(0, 16, data, rim::Write));
    CHECK_EQUAL(asking.master->getError(), "");
    asking.master->waitTransaction(asking.master->reqTransaction(0, 20, data, rim::Write));
    CHECK(check::contains(asking.master->getError(), "16"));
}

void aServerWithoutASlaveSaysSo() {
    const Served served = serve(nullptr);
    Asking asking(served.port);
    CHECK_EQUAL(asking.access(0), "Nothing is connected");
    served.server->setSlave(nullptr);
    CHECK(!asking.access(0).empty());
}

void manyClientsGetTheirOwn() {
    std::vector<std::thread> late;
    std::mutex mutex;
    const Served served = serve(acting([&](const rim::TransactionPtr& transaction) {
        if (transaction->address() % 3 != 0) return complete(transaction);
        std::lock_guard<std::mutex> lock(mutex);
        late.emplace_back([transaction] {
            pass(0.001);
            complete(transaction);
        });
    }));
    std::vector<std::thread> clients;
    for (uint32_t c = 0; c < 4; ++c) {
        clients.emplace_back([&served, c] {
            Asking asking(served.port);
            for (uint32_t i = 0; i < 60; ++i) {
                const uint32_t address = c * 0x1000 + i;
                CHECK_EQUAL(asking.access(address), "");
                CHECK_EQUAL(asking.word, address);
            }
        });
    }
    for (std::thread& client : clients)
        client.join();
    served.server->stop();
    for (std::thread& thread : late)
        thread.join();
}

void aSlaveThatNeverAnswersIsTimedOutByTheServersMaster() {
    const auto keeping = std::make_shared<Keeping>();
    const Served served = serve(keeping);
    served.server->setTimeout(100000);
    Asking asking(served.port);
    uint32_t words[8];
    const double begun = now();
    for (uint32_t i = 0; i < 8; ++i)
        asking.master->reqTransaction(4 * i, 4, &words[i], rim::Read);
    asking.master->waitTransaction(0);
    CHECK_EQUAL(asking.master->getError(), "Timeout of the stand-in's own");
    CHECK(now() - begun < 10);
    // Nobody is troubled by what the slave does with them afterwards.
    for (const rim::TransactionPtr& transaction : keeping->kept()) {
        CHECK(transaction->expired());
        complete(transaction);
    }
}

} // namespace

int main() {
    check::begin();
    overlapsUpToTheLimit();
    oneAtATimeIfTheSiteWantsThat();
    theEnvironmentIsChecked();
    exceptionsFailTheirTransaction();
    aSlaveThatEndsTheThreadLeavesNobodyWithoutAnAnswer();
    sizesOutsideTheSlavesAreRefused();
    theLargestTransactionIsASetting();
    aServerWithoutASlaveSaysSo();
    manyClientsGetTheirOwn();
    aSlaveThatNeverAnswersIsTimedOutByTheServersMaster();
    return check::finish();
}
