// rogue/interfaces/memory/Transaction.h
#include "rogue/interfaces/memory/Transaction.h"

#include "rogue/GeneralError.h"
#include "rogue/interfaces/memory/Constants.h"
#include "rogue/interfaces/memory/Slave.h"
#include "rogue/interfaces/memory/TransactionLock.h"

#include "check.h"

#include <atomic>

namespace rim = rogue::interfaces::memory;

namespace {

/// Hands each transaction to a function.
class Slave : public rim::Slave {
  public:
    explicit Slave(std::function<void(rim::TransactionPtr)> take)
        : rim::Slave(1, 64), take_(take) {}
    void doTransaction(rim::TransactionPtr tran) override { take_(tran); }

  private:
    std::function<void(rim::TransactionPtr)> take_;
};

/// How a read of 8 bytes at 0x10 comes out when `take` is the slave.
std::string read8(std::function<void(rim::TransactionPtr)> take, uint8_t* data = nullptr) {
    uint8_t own[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    const rim::MasterPtr master = rim::Master::create();
    *master >> std::make_shared<Slave>(take);
    master->setTimeout(5000000);
    master->waitTransaction(master->reqTransaction(0x10, 8, data ? data : own, rim::Read));
    return master->getError();
}

void properties() {
    uint8_t data[8] = {9, 9, 9, 9, 9, 9, 9, 9};
    rim::TransactionPtr kept;
    const std::string error = read8(
        [&](rim::TransactionPtr tran) {
            kept = tran;
            CHECK(tran->id() != 0);
            CHECK_EQUAL(tran->address(), 0x10u);
            CHECK_EQUAL(tran->size(), 8u);
            CHECK_EQUAL(tran->type(), rim::Read);
            CHECK(!tran->expired());
            CHECK(tran->begin() == data && tran->end() == data + 8);
            const rim::Transaction::iterator first = tran->begin();
            *first = 42;
            CHECK(tran->shared_from_this() == tran);
            tran->done();
            CHECK(tran->expired());
            // A second completion is ignored.
            tran->errorStr("too late");
        },
        data);
    CHECK_EQUAL(error, "");
    CHECK_EQUAL(int(data[0]), 42);
    CHECK(check::contains(check::thrown<rogue::GeneralError>([&] { kept->begin(); }), "no data"));
    CHECK(check::contains(check::thrown<rogue::GeneralError>([&] { kept->end(); }), "no data"));
    CHECK_EQUAL(kept->size(), 8u);
}

void errors() {
    CHECK_EQUAL(read8([](rim::TransactionPtr tran) { tran->error("%d of %s", 3, "many"); }),
                "3 of many");
    CHECK_EQUAL(read8([](rim::TransactionPtr tran) { tran->errorStr("100%n %s"); }), "100%n %s");
    const std::string text(20000, 'e');
    CHECK_EQUAL(read8([&](rim::TransactionPtr tran) { tran->error("%s", text.c_str()); }), text);
    // A handle that is let go of without a word leaves the transaction to its timeout, since the
    // master still knows it.
    const rim::MasterPtr master = rim::Master::create();
    uint32_t word = 0;
    *master >> std::make_shared<Slave>([](rim::TransactionPtr) {});
    master->setTimeout(10000);
    master->waitTransaction(master->reqTransaction(0, 4, &word, rim::Read));
    CHECK(check::contains(master->getError(), "Timeout waiting for register transaction"));
}

void parts() {
    // The parent completes when all have completed and no more are to come.
    std::string order;
    CHECK_EQUAL(read8([&](rim::TransactionPtr tran) {
                    const rim::TransactionPtr a = tran->createSubTransaction();
                    const rim::TransactionPtr b = tran->createSubTransaction();
                    CHECK(a->id() != b->id() && a->id() != tran->id());
                    CHECK_EQUAL(a->address(), tran->address());
                    CHECK_EQUAL(a->type(), tran->type());
                    b->done();
                    a->done();
                    CHECK(!tran->expired());
                    tran->doneSubTransactions();
                    CHECK(tran->expired());
                }),
                "");
    // An early failure is not lost.
    uint32_t failed = 0;
    const std::string error = read8([&](rim::TransactionPtr tran) {
        const rim::TransactionPtr a = tran->createSubTransaction();
        const rim::TransactionPtr b = tran->createSubTransaction();
        failed = a->id();
        tran->doneSubTransactions();
        a->errorStr("parity");
        b->done();
    });
    CHECK(check::contains(error, std::to_string(failed)) && check::contains(error, "parity"));
}

void timers() {
    // The time is started anew, so the transaction outlives its timeout.
    const rim::MasterPtr master = rim::Master::create();
    rim::TransactionPtr first;
    rim::TransactionPtr second;
    *master >>
        std::make_shared<Slave>([&](rim::TransactionPtr tran) { (first ? second : first) = tran; });
    master->setTimeout(300000);
    uint32_t words[2] = {0, 0};
    master->reqTransaction(0, 4, &words[0], rim::Read);
    const uint32_t id = master->reqTransaction(4, 4, &words[1], rim::Read);
    std::thread slave([&] {
        for (int i = 0; i < 6; ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
            second->refreshTimer(first); // an answer to an earlier one
        }
        second->refreshTimer(nullptr);
        second->done();
    });
    master->waitTransaction(id);
    CHECK_EQUAL(master->getError(), "");
    slave.join();
    // One that is younger does not count.
    first->refreshTimer(second);
    master->waitTransaction(0);
    CHECK(check::contains(master->getError(), "Timeout"));
}

void own() {
    struct Own : rim::Transaction {
        Own() : Transaction(timeval{1, 500000}) {}
    };
    const auto tran = std::make_shared<Own>();
    CHECK(tran->id() != 0);
    CHECK_EQUAL(tran->size(), 0u);
    CHECK(tran->expired());
    CHECK(check::thrown<rogue::GeneralError>([&] { tran->begin(); }) != "(nothing thrown)");
    tran->done();
}

} // namespace

int main() {
    check::begin();
    properties();
    errors();
    parts();
    timers();
    own();
    return check::finish();
}
