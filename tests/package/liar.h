// Put before examples/server.cpp by demo.sh: memory that keeps another value than was written. A
// client that calls that right is worth nothing.
#include "rogue/interfaces/memory/Constants.h"
#include "rogue/interfaces/memory/Emulate.h"
#include "rogue/interfaces/memory/Transaction.h"
#include "rogue/interfaces/memory/TransactionLock.h"

struct Liar : rogue::interfaces::memory::Emulate {
    Liar() : Emulate(4, 1024 * 1024) {}

    void doTransaction(rogue::interfaces::memory::TransactionPtr transaction) override {
        if (transaction->type() != rogue::interfaces::memory::Read) {
            auto lock = transaction->lock();
            transaction->begin()[0] ^= 1;
        }
        Emulate::doTransaction(transaction);
    }
};
