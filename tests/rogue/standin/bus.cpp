// The stand-in's master and slave.
#include "rogue/GilRelease.h"
#include "rogue/interfaces/memory/Master.h"
#include "rogue/interfaces/memory/Slave.h"
#include "rogue/interfaces/memory/Transaction.h"

namespace rogue {
namespace interfaces {
namespace memory {

MasterPtr Master::create() { return std::make_shared<Master>(); }
Master::Master() : slave_(Slave::create(4, 0)), sumTime_{1, 0} {}
Master::~Master() {}
void Master::stop() {}

void Master::setSlave(SlavePtr slave) {
    GilRelease noGil;
    std::lock_guard<std::mutex> lock(mastMtx_);
    slave_ = slave;
}

std::string Master::getError() { return error_; }

void Master::clearError() {
    GilRelease noGil;
    std::lock_guard<std::mutex> lock(mastMtx_);
    error_.clear();
}

void Master::setTimeout(uint64_t timeout) {
    GilRelease noGil;
    std::lock_guard<std::mutex> lock(mastMtx_);
    sumTime_.tv_sec = static_cast<time_t>(timeout / 1000000);
    sumTime_.tv_usec = static_cast<suseconds_t>(timeout % 1000000);
}

uint32_t Master::reqTransaction(uint64_t address, uint32_t size, void* data, uint32_t type) {
    const TransactionPtr transaction = std::make_shared<Transaction>(sumTime_);
    transaction->iter_ = static_cast<uint8_t*>(data);
    transaction->address_ = address;
    transaction->size_ = size;
    transaction->type_ = type;
    SlavePtr slave;
    {
        GilRelease noGil;
        std::lock_guard<std::mutex> lock(mastMtx_);
        slave = slave_;
        tranMap_[transaction->id_] = transaction;
    }
    slave->doTransaction(transaction);
    transaction->refreshTimer(transaction);
    return transaction->id_;
}

void Master::waitTransaction(uint32_t id) {
    GilRelease noGil;
    for (;;) {
        TransactionPtr transaction;
        {
            std::lock_guard<std::mutex> lock(mastMtx_);
            const auto found = id == 0 ? tranMap_.begin() : tranMap_.find(id);
            if (found == tranMap_.end()) return;
            transaction = found->second;
            tranMap_.erase(found);
        }
        const std::string error = transaction->wait();
        if (!error.empty()) error_ = error;
    }
}

SlavePtr Slave::create(uint32_t min, uint32_t max) { return std::make_shared<Slave>(min, max); }
Slave::Slave(uint32_t min, uint32_t max) : min_(min), max_(max) {}
Slave::~Slave() {}
#ifndef NO_PYTHON
SlaveWrap::SlaveWrap(uint32_t min, uint32_t max) : Slave(min, max) {}
#endif
void Slave::stop() {}
uint32_t Slave::doMinAccess() { return min_; }
uint32_t Slave::doMaxAccess() { return max_; }

void Slave::doTransaction(TransactionPtr transaction) {
    transaction->errorStr("Nothing is connected");
}

} // namespace memory
} // namespace interfaces
} // namespace rogue
