// A transaction on its way from the network to a slave of Rogue's, and back.
#include "access.h"

#include "rogue/GeneralError.h"
#include "rogue/interfaces/memory/Constants.h"

#include <mutex>
#include <utility>

namespace rogue_memory_bridge RMB_HIDDEN {
namespace {

void check(rim_status status) {
    if (status != RIM_STATUS_OK) throw rogue::GeneralError("memory::TcpServer", rim_last_error());
}

} // namespace

Access::Access(Wire wire, timeval timeout) : rim::Transaction(timeout), wire_(std::move(wire)) {
    rim_transaction_info info;
    check(rim_transaction_get_info(wire_.get(), &info, sizeof(info)));
    address_ = info.address;
    size_ = static_cast<uint32_t>(info.size);
    type_ = info.type;
    bytes_.resize(size_);
    iter_ = bytes_.data();
    if (type_ == rim::Write || type_ == rim::Post) {
        check(rim_transaction_copy_out(wire_.get(), 0, bytes_.data(), bytes_.size()));
    }
}

void Access::fail(const std::string& text) {
    std::lock_guard<std::mutex> lock(lock_);
    if (!done_) errorStr(text);
}

bool Access::tryFail(const std::string& text) {
    std::unique_lock<std::mutex> lock(lock_, std::try_to_lock);
    if (!lock) return false;
    if (!done_) errorStr(text);
    return true;
}

bool Access::over() {
    std::unique_lock<std::mutex> lock(lock_, std::try_to_lock);
    return lock && done_;
}

void Access::answer() {
    {
        // A deadline on a whole second would never come: wait() takes it for no deadline.
        std::lock_guard<std::mutex> lock(lock_);
        if (endTime_.tv_usec == 0) endTime_.tv_usec = 1;
    }
    const std::string error = wait();
    // From here on no slave touches the bytes: the transaction has expired.
    if (!error.empty()) {
        rim_transaction_fail(wire_.get(), error.c_str());
    } else {
        // Both calls fail if the client has gone. Then there is nobody to answer.
        if (type_ == rim::Read || type_ == rim::Verify) {
            rim_transaction_copy_in(wire_.get(), 0, bytes_.data(), bytes_.size());
        }
        rim_transaction_done(wire_.get());
    }
    wire_.reset();
}

} // namespace RMB_HIDDEN
