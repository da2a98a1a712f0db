// A master. Its connection and the call of the slave are here; transactions and waiting are in
// Rust.
#include "rogue/interfaces/memory/Master.h"

#include "access.h"
#include "dispatch.h"

#include <chrono>
#include <thread>
#include <vector>

namespace rmb = rogue_memory_bridge;

namespace rogue_memory_bridge {

namespace rim = rogue::interfaces::memory;

MasterState::MasterState()
    : handle(checked("Master", [] { return master_new(); })), slave_(rim::Slave::create(4, 0)) {}

/// In a process that was forked off, a thread that exists only in the parent may hold the lock for
/// ever: a server's thread takes it for each transaction. Then the slave cannot be reached.
bool MasterState::take(std::unique_lock<std::mutex>& lock) {
    if (master_is_here(*handle)) {
        lock.lock();
        return true;
    }
    // Longer than any thread of this process holds it.
    for (int i = 0; i < 100; ++i) {
        if (lock.try_lock()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
}

rim::SlavePtr MasterState::getSlave() {
    std::unique_lock<std::mutex> lock(mutex_, std::defer_lock);
    return take(lock) ? slave_ : rim::Slave::create(4, 0);
}

void MasterState::setSlave(rim::SlavePtr slave) {
    if (!slave) slave = rim::Slave::create(4, 0);
    // The old slave is swapped into the parameter, which is destroyed after the lock is released:
    // that may drop the last reference, and the slave's destructor is the user's code.
    std::unique_lock<std::mutex> lock(mutex_, std::defer_lock);
    if (take(lock)) slave_.swap(slave);
}

} // namespace rogue_memory_bridge

namespace rogue {
namespace interfaces {
namespace memory {
namespace {

/// Hands `transaction`, which the master has registered, to the slave.
uint32_t hand(rmb::MasterState& master, const TransactionPtr& transaction) {
    rmb::Transaction& handle = rmb::Access::handle(*transaction);
    const SlavePtr slave = master.getSlave();
    rmb::dispatch(*slave, transaction);
    rmb::transaction_taken(handle);
    return rmb::transaction_id(handle);
}

/// The bytes that hold `size` bits from bit `lsb`.
size_t bytesFor(uint32_t lsb, uint32_t size) {
    return static_cast<size_t>((static_cast<uint64_t>(lsb) + size + 7) / 8);
}

} // namespace

MasterPtr Master::create() { return std::make_shared<Master>(); }

Master::Master() : state_(std::make_shared<rmb::MasterState>()) {}

Master::~Master() = default;

void Master::stop() {}

void Master::setSlave(SlavePtr slave) { state_->setSlave(std::move(slave)); }

SlavePtr Master::getSlave() { return state_->getSlave(); }

uint32_t Master::reqSlaveId() { return getSlave()->doSlaveId(); }

std::string Master::reqSlaveName() { return getSlave()->doSlaveName(); }

uint32_t Master::reqMinAccess() { return getSlave()->doMinAccess(); }

uint32_t Master::reqMaxAccess() { return getSlave()->doMaxAccess(); }

uint64_t Master::reqAddress() { return getSlave()->doAddress(); }

std::string Master::getError() {
    return static_cast<std::string>(rmb::master_error(*state_->handle));
}

void Master::clearError() { rmb::master_clear_error(*state_->handle); }

void Master::setTimeout(uint64_t timeout) { rmb::master_set_timeout(*state_->handle, timeout); }

uint32_t Master::reqTransaction(uint64_t address, uint32_t size, void* data, uint32_t type) {
    bool refused = false;
    const TransactionPtr transaction =
        rmb::Access::wrap(rmb::checked("Master::reqTransaction", [&] {
            return rmb::master_create(*state_->handle, address, size, static_cast<uint8_t*>(data),
                                      type, refused);
        }));
    // It has failed already, because of its arguments. The wait reports why.
    if (refused) return transaction->id();
    return hand(*state_, transaction);
}

uint32_t Master::intTransaction(TransactionPtr transaction) {
    if (!transaction) throw GeneralError("Master::intTransaction", "There is no transaction");
    rmb::master_register(*state_->handle, rmb::Access::handle(*transaction));
    return hand(*state_, transaction);
}

void Master::waitTransaction(uint32_t id) { rmb::master_wait(*state_->handle, id); }

void Master::copyBits(uint8_t* dstData, uint32_t dstLsb, uint8_t* srcData, uint32_t srcLsb,
                      uint32_t size) {
    if (size == 0) return;
    if (dstData == nullptr || srcData == nullptr) {
        throw GeneralError("Master::copyBits", "A data pointer is null");
    }
    const size_t dstBytes = bytesFor(dstLsb, size);
    const size_t srcBytes = bytesFor(srcLsb, size);
    // The Rust side requires that the two do not overlap.
    std::vector<uint8_t> apart;
    if (std::less<uint8_t*>()(srcData, dstData + dstBytes) &&
        std::less<uint8_t*>()(dstData, srcData + srcBytes)) {
        apart.assign(srcData, srcData + srcBytes);
        srcData = apart.data();
    }
    rmb::checked("Master::copyBits", [&] {
        rmb::copy_bits(rust::Slice<uint8_t>(dstData, dstBytes), dstLsb,
                       rust::Slice<const uint8_t>(srcData, srcBytes), srcLsb, size);
    });
}

void Master::setBits(uint8_t* dstData, uint32_t lsb, uint32_t size) {
    if (size == 0) return;
    if (dstData == nullptr) throw GeneralError("Master::setBits", "The data pointer is null");
    rmb::checked("Master::setBits", [&] {
        rmb::set_bits(rust::Slice<uint8_t>(dstData, bytesFor(lsb, size)), lsb, size);
    });
}

bool Master::anyBits(uint8_t* srcData, uint32_t lsb, uint32_t size) {
    if (size == 0) return false;
    if (srcData == nullptr) throw GeneralError("Master::anyBits", "The data pointer is null");
    return rmb::checked("Master::anyBits", [&] {
        return rmb::any_bits(rust::Slice<const uint8_t>(srcData, bytesFor(lsb, size)), lsb, size);
    });
}

} // namespace memory
} // namespace interfaces
} // namespace rogue
