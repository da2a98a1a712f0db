// The server's threads, between librim and the slave that Rogue's TcpServer is connected to. This
// class is separate from TcpServer, because the last reference to that may be dropped while its
// slave is being called.
#ifndef ROGUE_MEMORY_BRIDGE_SERVER_H
#define ROGUE_MEMORY_BRIDGE_SERVER_H

#include "access.h"
#include "logs.h"

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace rogue_memory_bridge RMB_HIDDEN {

/// One thread, TcpServer, pulls transactions from the network and hands them to the slave in the
/// order of arrival. A second one, TcpServerAnswer, waits in the same order for those that the
/// slave did not complete at once. No lock of this class is held while the slave's code runs.
class Server : public std::enable_shared_from_this<Server> {
  public:
    /// Binds the ports. Throws GeneralError if they cannot be had.
    Server(rim::Master& master, const std::string& address, uint16_t port);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// Starts the threads. Throws GeneralError if that fails; then neither runs.
    void start();

    /// Closes the sockets, fails what is outstanding, and waits for both threads. If the slave's
    /// code holds that up, logs it. On the thread that calls the slave, does not wait. May be
    /// called by any thread, again and again. Python's lock must not be held. Does nothing in a
    /// process that was forked off: the server is the parent's.
    void stop();

    /// As `stop`, but waits for the slave for at most `patience`, and then leaves the threads
    /// running.
    void stopWithin(std::chrono::milliseconds patience);

    /// Stops, and forgets the master, which is about to be destroyed.
    void detach();

    /// Stops every server of the process, at the exit of the interpreter. Each waits for at most
    /// `patience`.
    static void stopAll(std::chrono::milliseconds patience);

  private:
    void pull();
    void serve(Wire wire);
    void carryOut(Wire wire, const Target& target);
    std::string refusal(const rim::SlavePtr& slave, uint32_t size);
    void handOver(const rim::SlavePtr& slave, const AccessPtr& access);
    void await();
    void failOutstanding();
    bool waitFor(std::unique_lock<std::mutex>& lock, std::chrono::milliseconds patience);
    void stop(std::chrono::milliseconds patience, bool forEver);
    bool here() const;

    /// The process that the server was made in. A process that was forked off has no threads to
    /// wait for.
    const pid_t home_;
    rim_tcp_server* handle_ = nullptr;
    Log log_;

    /// Guards the pointer only. Held while the master is used, and while it is being destroyed.
    std::mutex masterMutex_;
    rim::Master* master_;

    std::mutex mutex_;
    std::condition_variable changed_;
    /// Transactions that were not complete when the slave returned, in the order of arrival. The
    /// answering thread waits for the first one.
    std::deque<AccessPtr> outstanding_;
    /// The id of the transaction that the slave is working on; 0 is none.
    uint32_t busyId_ = 0;
    bool stopped_ = false;
    bool pulling_ = false;
    bool awaiting_ = false;

    /// Used by the pulling thread only: the slave that was last asked for its access sizes, and its
    /// answer.
    std::weak_ptr<rim::Slave> asked_;
    uint32_t min_ = 0;
    uint32_t max_ = 0;

    /// Held by the thread that waits for both threads to end.
    std::timed_mutex joinMutex_;
    std::thread puller_;
    std::thread awaiter_;
};

} // namespace RMB_HIDDEN

#endif
