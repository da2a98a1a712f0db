// Rogue's transactions on their way to a server and back.
#include "client.h"

#include "rogue/GeneralError.h"
#include "rogue/interfaces/memory/Constants.h"
#include "rogue/interfaces/memory/TransactionLock.h"

#include <cxxabi.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace rogue_memory_bridge RMB_HIDDEN {
namespace {

const uint64_t second = 1000000;

/// The library keeps the time of a transaction. It renews the deadline with each answer to an
/// earlier transaction, at a constant cost however many are outstanding; it uses the monotonic
/// clock; and it knows why there was no answer. Rogue's own deadline is put off by this time, in
/// seconds, so that it does not come first.
const time_t putOff = 3600;

/// Rogue's hub splits a transaction into pieces. The whole has a timeout of its own, which began a
/// little later than those of the pieces; but it is to fail with the text of a piece. So the
/// library gives a piece less time than its timeout: at most this much less, in microseconds.
const uint64_t piecesAhead = 50000;

uint64_t microseconds(timeval time) {
    return static_cast<uint64_t>(time.tv_sec) * second + static_cast<uint64_t>(time.tv_usec);
}

uint64_t microseconds(double seconds) {
    if (!(seconds > 0)) return 0;
    return seconds > 1e12 ? RIM_FOREVER_US : static_cast<uint64_t>(seconds * 1e6);
}

/// The text of a timeout has the library's number of the transaction. Puts Rogue's in its place.
std::string renumbered(std::string text, uint32_t id) {
    const std::string before = "Timeout waiting for register transaction ";
    if (text.compare(0, before.size(), before) != 0) return text;
    const size_t end = text.find_first_not_of("0123456789", before.size());
    const size_t digits = end == std::string::npos ? end : end - before.size();
    return text.replace(before.size(), digits, std::to_string(id));
}

/// One transaction under way. It does not refer to the client, which may be destroyed in the
/// meantime.
class Request {
  public:
    explicit Request(rim::TransactionPtr transaction) : transaction_(std::move(transaction)) {}

    /// Copies from the transaction all that is to be sent. False if no master waits for it any
    /// more.
    bool take();

    /// Sends `request`, which is deleted when it is over.
    static void send(rim_tcp_client* client, std::unique_ptr<Request> request);

    /// Completes the transaction, if a master still waits for it: without an error, or with `text`.
    void complete(rim_status status, std::string text);

  private:
    rim::TransactionPtr transaction_;
    std::vector<uint8_t> bytes_;
    uint64_t address_ = 0;
    uint32_t type_ = 0;
    uint64_t timeout_ = 0;
    timeval ownTimeout_ = {0, 0};
    bool putOff_ = false;
};

bool Request::take() {
    const rim::TransactionLockPtr lock = transaction_->lock();
    if (lacksData(*transaction_)) {
        transaction_->errorStr("A transaction without data is not possible");
        return false;
    }
    if (isOver(*transaction_)) return false;
    address_ = transaction_->address();
    type_ = transaction_->type();
    bytes_.resize(transaction_->size());
    if ((type_ == rim::Write || type_ == rim::Post) && !bytes_.empty()) {
        std::memcpy(bytes_.data(), transaction_->begin(), bytes_.size());
    }
    ownTimeout_ = timeoutOf(*transaction_);
    timeout_ = std::max<uint64_t>(microseconds(ownTimeout_), 1);
    if (isPiece(*transaction_)) {
        timeout_ -= std::min(timeout_ / 16, piecesAhead);
    } else {
        timeval later = ownTimeout_;
        later.tv_sec += putOff;
        setTimeout(*transaction_, later);
        putOff_ = true;
    }
    return true;
}

void Request::complete(rim_status status, std::string text) {
    const rim::TransactionLockPtr lock = transaction_->lock();
    if (isOver(*transaction_)) return;
    if (putOff_) setTimeout(*transaction_, ownTimeout_);
    if (status != RIM_STATUS_OK) {
        text = renumbered(std::move(text), transaction_->id());
        transaction_->errorStr(text.empty() ? "error without text" : text);
        return;
    }
    if (type_ != rim::Write && type_ != rim::Post) {
        std::memcpy(transaction_->begin(), bytes_.data(), bytes_.size());
    }
    transaction_->done();
}

/// Is called when a request is over.
void over(void* user, rim_status status, const char* text) {
    std::unique_ptr<Request> request(static_cast<Request*>(user));
    try {
        request->complete(status, text);
    } catch (abi::__forced_unwind&) {
        request.release();
        park();
    } catch (...) {
        // Out of memory: Rogue's own timeout ends the transaction.
    }
}

void Request::send(rim_tcp_client* client, std::unique_ptr<Request> request) {
    Request& sent = *request;
    void* const bytes = sent.bytes_.empty() ? nullptr : sent.bytes_.data();
    const rim_status status =
        rim_tcp_client_request(client, sent.address_, bytes, sent.bytes_.size(), sent.type_,
                               sent.timeout_, over, request.get(), nullptr);
    if (status == RIM_STATUS_OK) {
        request.release(); // over() owns it, or has deleted it
    } else {
        sent.complete(status, rim_last_error());
    }
}

} // namespace

Client::Client(const std::string& address, uint16_t port, bool waitReady)
    : log_("TcpClient", address, port),
      waitReady_(waitReady),
      place_(address + " port " + std::to_string(port)) {
    if (rim_tcp_client_new(address.c_str(), port, nullptr, &handle_) != RIM_STATUS_OK) {
        throw rogue::GeneralError("memory::TcpClient", rim_last_error());
    }
}

Client::~Client() { rim_tcp_client_free(handle_); }

void Client::stop() { rim_tcp_client_stop(handle_); }

bool Client::waitReady(double timeout, double period) {
    log_.followLevel();
    const uint64_t timeoutUs = microseconds(timeout);
    const uint64_t periodUs = std::min(microseconds(period), timeoutUs);
    const rim_status status = rim_tcp_client_wait_ready(handle_, timeoutUs, periodUs);
    if (status == RIM_STATUS_OK) return true;
    log_.say(RIM_LOG_WARNING, std::string("Not ready: ") + rim_last_error());
    return false;
}

void Client::doTransaction(const rim::TransactionPtr& transaction) {
    log_.followLevel();
    try {
        // Not `transaction` itself: if it comes through Python code, it keeps a Python object,
        // which must not be dropped on the library's threads, since they do not hold Python's lock.
        std::unique_ptr<Request> request(new Request(transaction->shared_from_this()));
        if (request->take()) Request::send(handle_, std::move(request));
    } catch (const std::bad_alloc&) {
        const rim::TransactionLockPtr lock = transaction->lock();
        if (!isOver(*transaction)) transaction->errorStr("Memory has run out");
    }
}

} // namespace RMB_HIDDEN
