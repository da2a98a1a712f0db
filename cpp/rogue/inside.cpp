// Reads members that Rogue declares private or protected, without changing Rogue. Access is not
// checked where a template is explicitly instantiated, nor for a member of a base class that is
// named through the derived class. The compiler checks all names and types: with a Rogue that has
// other members, this does not compile.
#include "inside.h"

#include <mutex>

namespace rogue_memory_bridge RMB_HIDDEN {
namespace {

template <typename Tag, typename Tag::Member member>
struct Reveal {
    friend typename Tag::Member reveal(Tag) { return member; }
};

struct MasterSlave {
    typedef rim::SlavePtr rim::Master::*Member;
    friend Member reveal(MasterSlave);
};
template struct Reveal<MasterSlave, &rim::Master::slave_>;

struct MasterTimeout {
    typedef timeval rim::Master::*Member;
    friend Member reveal(MasterTimeout);
};
template struct Reveal<MasterTimeout, &rim::Master::sumTime_>;

struct MasterMutex {
    typedef std::mutex rim::Master::*Member;
    friend Member reveal(MasterMutex);
};
template struct Reveal<MasterMutex, &rim::Master::mastMtx_>;

struct LoggingLevel {
    typedef std::atomic<uint32_t> rogue::Logging::*Member;
    friend Member reveal(LoggingLevel);
};
template struct Reveal<LoggingLevel, &rogue::Logging::level_>;

/// Only names protected members. No object of this class is ever made.
struct Open : rim::Transaction {
    static timeval rim::Transaction::*timeout() { return &Open::timeout_; }
    static bool rim::Transaction::*piece() { return &Open::isSubTransaction_; }
    static std::weak_ptr<rim::Transaction> rim::Transaction::*parent() {
        return &Open::parentTransaction_;
    }
    static uint8_t* rim::Transaction::*data() { return &Open::iter_; }
    static bool rim::Transaction::*done() { return &Open::done_; }
};

} // namespace

Target targetOf(rim::Master& master) {
    std::lock_guard<std::mutex> lock(master.*reveal(MasterMutex()));
    return {master.*reveal(MasterSlave()), master.*reveal(MasterTimeout())};
}

void giveBack(rim::Master& master, rim::SlavePtr& slave) {
    std::lock_guard<std::mutex> lock(master.*reveal(MasterMutex()));
    if (master.*reveal(MasterSlave()) == slave) slave.reset();
}

timeval timeoutOf(rim::Transaction& transaction) { return transaction.*Open::timeout(); }

void setTimeout(rim::Transaction& transaction, timeval timeout) {
    transaction.*Open::timeout() = timeout;
}

bool isPiece(rim::Transaction& transaction) { return transaction.*Open::piece(); }

bool isOver(rim::Transaction& transaction) {
    if (transaction.expired()) return true;
    if (!isPiece(transaction)) return false;
    const rim::TransactionPtr parent = (transaction.*Open::parent()).lock();
    return !parent || isOver(*parent);
}

bool lacksData(rim::Transaction& transaction) {
    return transaction.*Open::data() == nullptr && !(transaction.*Open::done());
}

uint32_t levelOf(const rogue::Logging& log) { return (log.*reveal(LoggingLevel())).load(); }

} // namespace RMB_HIDDEN
