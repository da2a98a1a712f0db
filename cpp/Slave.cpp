// The base of slaves. It keeps the C++ pointers of transactions, so that a slave gets back the very
// object that it added. The Rust side renews deadlines.
#include "rogue/interfaces/memory/Slave.h"

#include "access.h"
#include "beside.h"

#include <algorithm>
#include <unordered_map>
#include <vector>

namespace rmb = rogue_memory_bridge;

namespace rogue_memory_bridge {

namespace rim = rogue::interfaces::memory;

struct SlaveState {
    SlaveState(uint32_t min, uint32_t max)
        : min(min), max(max), handle(checked("Slave", [=] { return slave_new(min, max); })) {}

    void add(rim::TransactionPtr transaction) {
        const uint32_t id = transaction->id();
        // Destroyed after the lock is released.
        std::vector<rim::TransactionPtr> dropped;
        std::lock_guard<std::mutex> lock(mutex_);
        // Nobody fetches expired transactions, so they are removed here, or they would pile up.
        // They are looked for when the table has doubled: that keeps the mean cost of an addition
        // constant.
        if (kept_.size() >= sweepAt_) {
            for (auto it = kept_.begin(); it != kept_.end();) {
                if (it->second->expired()) {
                    dropped.push_back(std::move(it->second));
                    it = kept_.erase(it);
                } else {
                    ++it;
                }
            }
            sweepAt_ = std::max<size_t>(64, 2 * kept_.size());
        }
        kept_[id].swap(transaction);
        if (transaction) dropped.push_back(std::move(transaction));
    }

    rim::TransactionPtr take(uint32_t id) {
        std::lock_guard<std::mutex> lock(mutex_);
        const auto it = kept_.find(id);
        if (it == kept_.end()) return nullptr;
        const rim::TransactionPtr transaction = std::move(it->second);
        kept_.erase(it);
        return transaction;
    }

    // Kept here too, because a server reads them for each transaction.
    const uint32_t min;
    const uint32_t max;
    Owned<SlaveBase> handle;

  private:
    std::mutex mutex_;
    std::unordered_map<uint32_t, rim::TransactionPtr> kept_;
    size_t sweepAt_ = 64;
};

} // namespace rogue_memory_bridge

namespace rogue {
namespace interfaces {
namespace memory {

SlavePtr Slave::create(uint32_t min, uint32_t max) { return std::make_shared<Slave>(min, max); }

Slave::Slave(uint32_t min, uint32_t max) : state_(new rmb::SlaveState(min, max)) {
    // Here, because every object of the bus makes a slave. Once is enough.
    static const bool looked = (rmb::warnBesideRogue(), true);
    static_cast<void>(looked);
}

Slave::~Slave() = default;

void Slave::stop() {}

void Slave::addTransaction(TransactionPtr transaction) {
    if (!transaction) throw GeneralError("Slave::addTransaction", "There is no transaction");
    rmb::slave_note_added(*state_->handle, rmb::Access::handle(*transaction));
    state_->add(std::move(transaction));
}

TransactionPtr Slave::getTransaction(uint32_t index) {
    TransactionPtr transaction = state_->take(index);
    if (transaction) rmb::slave_note_taken(*state_->handle, rmb::Access::handle(*transaction));
    return transaction;
}

uint32_t Slave::min() { return state_->min; }

uint32_t Slave::max() { return state_->max; }

uint32_t Slave::id() { return rmb::slave_id(*state_->handle); }

void Slave::setName(std::string name) { rmb::slave_set_name(*state_->handle, rmb::bytes(name)); }

std::string Slave::name() { return static_cast<std::string>(rmb::slave_name(*state_->handle)); }

uint32_t Slave::doSlaveId() { return id(); }

std::string Slave::doSlaveName() { return name(); }

uint32_t Slave::doMinAccess() { return min(); }

uint32_t Slave::doMaxAccess() { return max(); }

uint64_t Slave::doAddress() { return 0; }

void Slave::doTransaction(TransactionPtr transaction) {
    transaction->errorStr(static_cast<std::string>(rmb::unconnected_text()));
}

} // namespace memory
} // namespace interfaces
} // namespace rogue
