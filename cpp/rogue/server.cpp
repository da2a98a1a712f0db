// The server's two threads.
#include "server.h"

#include "interpreter.h"
#include "process.h"
#include "settings.h"

#include "rogue/GeneralError.h"

#include <cxxabi.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace rogue_memory_bridge RMB_HIDDEN {
namespace {

const char* const stoppedText = "The server has been stopped";

/// How long stop() waits before it logs what it waits for.
const std::chrono::milliseconds unremarkable(150);

thread_local const Server* pulledHere = nullptr;

/// All servers of the process. Never destroyed, because stopAll may be called late.
struct Servers {
    std::mutex mutex;
    std::vector<std::weak_ptr<Server>> all;
};

Servers& servers() {
    static Servers* const all = FreeInChildren<Servers>::make();
    return *all;
}

/// The text of an exception, or a substitute if it has none.
std::string textOf(const char* what) {
    return what == nullptr || *what == '\0' ? "exception without text" : what;
}

/// Runs a function at the end of a scope, also if pthread_exit ends the thread there, which is how
/// Python ends threads.
template <typename Function>
class AtEnd {
  public:
    explicit AtEnd(Function function) : function_(function) {}
    ~AtEnd() { function_(); }
    AtEnd(const AtEnd&) = delete;
    AtEnd& operator=(const AtEnd&) = delete;

  private:
    Function function_;
};

} // namespace

Server::Server(rim::Master& master, const std::string& address, uint16_t port)
    : home_(getpid()), log_("TcpServer", address, port), master_(&master) {
    const rim_tcp_server_options options = serverOptions();
    if (port == 0) {
        throw rogue::GeneralError("memory::TcpServer",
                                  "Port 0 is not possible: it must be 1 to 65534");
    }
    if (rim_tcp_server_new(address.c_str(), port, &options, &handle_) != RIM_STATUS_OK) {
        throw rogue::GeneralError("memory::TcpServer", rim_last_error());
    }
}

Server::~Server() {
    if (getpid() != home_) {
        // These are copies of the parent's threads, which do not run here. They are never
        // destroyed, since a thread can be neither joined nor detached here.
        new std::thread(std::move(puller_));
        new std::thread(std::move(awaiter_));
    }
    // The threads have ended, or are past the point where they use this object.
    if (puller_.joinable()) puller_.detach();
    if (awaiter_.joinable()) awaiter_.detach();
    rim_tcp_server_free(handle_);
}

void Server::start() {
    const std::shared_ptr<Server> self = shared_from_this();
    try {
        Servers& known = servers();
        {
            std::lock_guard<std::mutex> lock(known.mutex);
            const auto gone = [](const std::weak_ptr<Server>& server) { return server.expired(); };
            known.all.erase(std::remove_if(known.all.begin(), known.all.end(), gone),
                            known.all.end());
            known.all.push_back(self);
        }
        std::lock_guard<std::mutex> lock(mutex_);
        awaiter_ = std::thread([self] { self->await(); });
        awaiting_ = true;
        puller_ = std::thread([self] { self->pull(); });
        pulling_ = true;
    } catch (const std::exception& error) {
        stop();
        throw rogue::GeneralError("memory::TcpServer",
                                  std::string("The server's threads cannot be started: ") +
                                      error.what());
    }
}

bool Server::here() const { return pulledHere == this; }

void Server::pull() {
    const auto end = [this] {
        // The slave may have ended the thread. Stopping the server keeps clients from waiting for
        // an answer.
        rim_tcp_server_stop(handle_);
        pulledHere = nullptr;
        // The slave has forked, and this is the child.
        if (getpid() != home_) return;
        {
            std::lock_guard<std::mutex> lock(mutex_);
            stopped_ = true;
            pulling_ = false;
            busyId_ = 0;
            changed_.notify_all();
        }
        // This time also those that the slave held locked when it stopped the server.
        failOutstanding();
    };
    const AtEnd<decltype(end)> atEnd(end);
    pulledHere = this;
    pthread_setname_np(pthread_self(), "TcpServer");
    log_.sayThread();
    for (;;) {
        rim_transaction* next = nullptr;
        const rim_status status = rim_tcp_server_next(handle_, RIM_FOREVER_US, &next);
        if (status == RIM_STATUS_STOPPED || status == RIM_STATUS_FORKED) return;
        if (status != RIM_STATUS_OK) {
            log_.say(RIM_LOG_ERROR, std::string("The server ends: ") + rim_last_error());
            return;
        }
        log_.followLevel();
        try {
            serve(Wire(next));
        } catch (const std::exception& error) {
            // Out of memory. The transaction has failed, because its handle was freed.
            log_.say(RIM_LOG_ERROR, std::string("Transaction lost: ") + error.what());
        }
    }
}

void Server::serve(Wire wire) {
    Target target;
    {
        std::lock_guard<std::mutex> lock(masterMutex_);
        if (master_ == nullptr) return;
        target = targetOf(*master_);
    }
    if (!target.slave) return; // no slave: freeing `wire` fails the transaction
    const auto giveBack = [this, &target] {
        std::lock_guard<std::mutex> lock(masterMutex_);
        if (master_ != nullptr) rogue_memory_bridge::giveBack(*master_, target.slave);
    };
    const auto end = [&target, &giveBack] {
        if (target.slave) giveBack();
        // Still there: the thread is being ended. It cannot get Python's lock, so the reference is
        // never dropped.
        if (target.slave) new rim::SlavePtr(std::move(target.slave));
    };
    const AtEnd<decltype(end)> atEnd(end);
    carryOut(std::move(wire), target);
    giveBack();
    if (target.slave) drop(target.slave);
}

void Server::carryOut(Wire wire, const Target& target) {
    const AccessPtr access = std::make_shared<Access>(std::move(wire), target.timeout);
    {
        std::lock_guard<std::mutex> lock(mutex_);
        busyId_ = access->id();
    }
    handOver(target.slave, access);
    // Its time begins now, as with a master of Rogue's.
    access->refreshTimer(access);
    const bool over = access->over();
    if (over) access->answer();
    bool stopped;
    {
        std::lock_guard<std::mutex> lock(mutex_);
        busyId_ = 0;
        if (!over) outstanding_.push_back(access);
        stopped = stopped_;
        changed_.notify_all();
    }
    if (stopped) failOutstanding();
}

/// Why the slave does not take `size` bytes; empty if it does. Asking a slave in Python takes as
/// long as a transaction, so it is asked only when it is new, and before a refusal.
std::string Server::refusal(const rim::SlavePtr& slave, uint32_t size) {
    const bool known = !asked_.owner_before(slave) && !slave.owner_before(asked_);
    if (known && size >= min_ && size <= max_) return "";
    min_ = slave->doMinAccess();
    max_ = slave->doMaxAccess();
    if (max_ == 0) max_ = UINT32_MAX;
    asked_ = slave;
    if (size >= min_ && size <= max_) return "";
    const std::string text = "Size " + std::to_string(size) + " is ";
    if (size < min_) {
        return text + "below the slave's minimum access of " + std::to_string(min_) + " bytes";
    }
    return text + "above the slave's maximum access of " + std::to_string(max_) + " bytes";
}

void Server::handOver(const rim::SlavePtr& slave, const AccessPtr& access) {
    try {
        const std::string refused = refusal(slave, access->size());
        if (refused.empty()) {
            slave->doTransaction(access);
        } else {
            access->fail(refused);
        }
    } catch (const std::exception& error) {
        access->fail(textOf(error.what()));
    } catch (abi::__forced_unwind&) {
        access->fail("the slave has ended the thread that called it");
        access->answer();
        throw;
    } catch (...) {
        access->fail("the slave has thrown something that is not a std::exception");
    }
}

void Server::await() {
    const auto end = [this] {
        std::lock_guard<std::mutex> lock(mutex_);
        awaiting_ = false;
        changed_.notify_all();
    };
    const AtEnd<decltype(end)> atEnd(end);
    pthread_setname_np(pthread_self(), "TcpServerAnswer");
    for (;;) {
        AccessPtr access;
        {
            std::unique_lock<std::mutex> lock(mutex_);
            changed_.wait(lock,
                          [this] { return !outstanding_.empty() || (stopped_ && !pulling_); });
            if (outstanding_.empty()) return;
            access = outstanding_.front();
        }
        try {
            access->answer();
        } catch (const std::exception& error) {
            // Out of memory. When the handle is freed, the client is told that the transaction has
            // failed.
            log_.say(RIM_LOG_ERROR, std::string("Answer lost: ") + error.what());
        }
        std::lock_guard<std::mutex> lock(mutex_);
        outstanding_.pop_front();
        changed_.notify_all();
    }
}

/// Fails what is outstanding, except for transactions that are locked.
void Server::failOutstanding() {
    std::deque<AccessPtr> outstanding;
    {
        std::lock_guard<std::mutex> lock(mutex_);
        outstanding = outstanding_;
    }
    for (const AccessPtr& access : outstanding)
        access->tryFail(stoppedText);
}

/// Waits until both threads have ended, for at most `patience`. Returns whether they have.
bool Server::waitFor(std::unique_lock<std::mutex>& lock, std::chrono::milliseconds patience) {
    const auto over = [this] { return !pulling_ && !awaiting_; };
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!over() && std::chrono::steady_clock::now() < end) {
        // Tried again, since a transaction may have been locked a moment ago.
        lock.unlock();
        failOutstanding();
        lock.lock();
        changed_.wait_for(lock, std::chrono::milliseconds(5), over);
    }
    return over();
}

void Server::stop() { stop(std::chrono::milliseconds(0), true); }

void Server::stopWithin(std::chrono::milliseconds patience) { stop(patience, false); }

void Server::stop(std::chrono::milliseconds patience, bool forEver) {
    if (getpid() != home_) return;
    const Uncancelled uncancelled;
    rim_tcp_server_stop(handle_);
    {
        std::lock_guard<std::mutex> lock(mutex_);
        stopped_ = true;
        changed_.notify_all();
    }
    failOutstanding();
    // The slave itself stops the server: the threads end when the slave has returned.
    if (here()) return;
    std::unique_lock<std::timed_mutex> joining(joinMutex_, std::defer_lock);
    if (forEver) {
        joining.lock();
    } else if (!joining.try_lock_for(patience)) {
        return;
    }
    std::unique_lock<std::mutex> lock(mutex_);
    bool over = waitFor(lock, forEver ? unremarkable : std::min(unremarkable, patience));
    if (!over) {
        const uint32_t id = busyId_;
        lock.unlock();
        if (id != 0) {
            log_.say(RIM_LOG_ERROR,
                     "stop() waits for the slave, which does not return from transaction " +
                         std::to_string(id));
        } else {
            log_.say(RIM_LOG_ERROR, "stop() waits for the slave, which holds a transaction locked");
        }
        lock.lock();
        const auto end = std::chrono::steady_clock::now() + patience;
        while (!over && (forEver || std::chrono::steady_clock::now() < end)) {
            over = waitFor(lock, unremarkable);
        }
    }
    lock.unlock();
    if (over) {
        if (puller_.joinable()) puller_.join();
        if (awaiter_.joinable()) awaiter_.join();
    } else {
        if (puller_.joinable()) puller_.detach();
        if (awaiter_.joinable()) awaiter_.detach();
        std::lock_guard<std::mutex> left(mutex_);
        pulling_ = awaiting_ = false;
    }
}

void Server::detach() {
    // In the child, the lock may be held for ever by a thread that exists only in the parent.
    if (getpid() != home_) return;
    stop();
    std::lock_guard<std::mutex> lock(masterMutex_);
    master_ = nullptr;
}

void Server::stopAll(std::chrono::milliseconds patience) {
    std::vector<std::weak_ptr<Server>> all;
    {
        Servers& known = servers();
        std::lock_guard<std::mutex> lock(known.mutex);
        all.swap(known.all);
    }
    for (const std::weak_ptr<Server>& entry : all) {
        if (const std::shared_ptr<Server> server = entry.lock()) server->stopWithin(patience);
    }
}

} // namespace RMB_HIDDEN
