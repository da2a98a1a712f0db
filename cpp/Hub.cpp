// A hub. Transactions are split here, not in Rust: each piece is handed to a slave, whose code must
// have no Rust frame beneath it.
#include "rogue/interfaces/memory/Hub.h"

#include "access.h"
#include "dispatch.h"

#include <algorithm>

namespace rmb = rogue_memory_bridge;

namespace rogue {
namespace interfaces {
namespace memory {
namespace {

/// Seals the transaction, so that it expects no more pieces, however the loop that makes them ends.
class Seal {
  public:
    explicit Seal(rmb::Transaction& transaction) : transaction_(transaction) {}
    ~Seal() { rmb::transaction_seal(transaction_); }
    Seal(const Seal&) = delete;
    Seal& operator=(const Seal&) = delete;

  private:
    rmb::Transaction& transaction_;
};

/// Carries out `transaction` in pieces of at most `max` bytes. Each is made when the one before it
/// has been handed over, so a slave that completes at once never has more than one in memory.
void split(Slave& slave, rmb::Transaction& transaction, uint32_t max) {
    const uint32_t size = rmb::transaction_size(transaction);
    const uint64_t address = rmb::transaction_address(transaction);
    const uint32_t count = size / max + (size % max != 0 ? 1 : 0);
    if (count > rmb::max_pieces()) {
        throw GeneralError::create("Hub",
                                   "A transaction of %u bytes would take %u parts of %u bytes, "
                                   "more than %u",
                                   size, count, max, rmb::max_pieces());
    }
    const Seal seal(transaction);
    // 64 bits: the last step may go beyond 2^32.
    for (uint64_t done = 0; done < size; done += max) {
        // If the master has stopped waiting, the rest would move nothing. As in `src/bus/hub.rs`.
        // (Rogue's own hub issues all pieces.)
        if (rmb::transaction_expired(transaction)) {
            rmb::transaction_fail(
                transaction,
                rmb::bytes("The transaction has expired before all of its parts were issued"));
            return;
        }
        const uint32_t offset = static_cast<uint32_t>(done);
        const uint32_t bytes = std::min(max, size - offset);
        const TransactionPtr part = rmb::Access::wrap(rmb::checked("Hub", [&] {
            return rmb::transaction_piece(transaction, offset, bytes, address + offset);
        }));
        rmb::dispatch(slave, part);
    }
}

} // namespace

HubPtr Hub::create(uint64_t offset, uint32_t min, uint32_t max) {
    return std::make_shared<Hub>(offset, min, max);
}

Hub::Hub(uint64_t offset, uint32_t min, uint32_t max)
    : Slave(min, max), offset_(offset), root_(min != 0 && max != 0) {}

Hub::~Hub() = default;

void Hub::stop() {}

uint64_t Hub::getOffset() { return offset_; }

uint64_t Hub::getAddress() { return reqAddress() + offset_; }

uint32_t Hub::doSlaveId() { return root_ ? Slave::doSlaveId() : reqSlaveId(); }

std::string Hub::doSlaveName() { return root_ ? Slave::doSlaveName() : reqSlaveName(); }

uint32_t Hub::doMinAccess() { return root_ ? Slave::doMinAccess() : reqMinAccess(); }

uint32_t Hub::doMaxAccess() { return root_ ? Slave::doMaxAccess() : 0xFFFFFFFF; }

uint64_t Hub::doAddress() { return root_ ? 0 : getAddress(); }

void Hub::doTransaction(TransactionPtr transaction) {
    const SlavePtr slave = getSlave();
    const uint32_t max = slave->doMaxAccess();
    rmb::Transaction& handle = rmb::Access::handle(*transaction);
    // False: the transaction would go beyond the last address. It has failed, and none of it is
    // carried out.
    if (!rmb::transaction_offset_address(handle, offset_)) return;
    if (max == 0 || rmb::transaction_size(handle) <= max) {
        slave->doTransaction(std::move(transaction));
    } else {
        split(*slave, handle, max);
    }
}

} // namespace memory
} // namespace interfaces
} // namespace rogue
