// The server's threads, between librim and the slave that Rogue's TcpServer is connected to. They
// are apart from the TcpServer object, whose last reference may go while its slave is being called.
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
    /// Binds. Throws GeneralError.
    Server(rim::Master& master, const std::string& address, uint16_t port);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// Starts the threads. Throws GeneralError, and then none is left.
    void start();

    /// Closes the sockets, fails what is outstanding, and waits for the threads. The slave's own
    /// code may hold that up, which is logged; on the thread that calls the slave nothing is waited
    /// for. May be called by any thread, again and again. Python's lock must not be held. In a
    /// process that was forked off it does nothing: the server is the parent's.
    void stop();

    /// As `stop`, but waits for the slave for `patience` at most, and then leaves the threads to
    /// themselves.
    void stopWithin(std::chrono::milliseconds patience);

    /// Stops, and forgets the master, which is about to go.
    void detach();

    /// Stops every server that there is: for the end of the interpreter.
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

    /// The process that it was made in. One that was forked off has no threads to wait for.
    const pid_t home_;
    rim_tcp_server* handle_ = nullptr;
    Log log_;

    /// Guards the pointer alone: held while the master is looked at, and while it goes.
    std::mutex masterMutex_;
    rim::Master* master_;

    std::mutex mutex_;
    std::condition_variable changed_;
    /// Given to the slave and not complete when it returned, in the order of arrival. The first one
    /// is being waited for.
    std::deque<AccessPtr> outstanding_;
    /// What the slave is busy with; 0 is nothing.
    uint32_t busyId_ = 0;
    bool stopped_ = false;
    bool pulling_ = false;
    bool awaiting_ = false;

    /// The pulling thread's: the slave that was asked last for its sizes, and what it said.
    std::weak_ptr<rim::Slave> asked_;
    uint32_t min_ = 0;
    uint32_t max_ = 0;

    /// Held by the thread that waits for the two to end.
    std::timed_mutex joinMutex_;
    std::thread puller_;
    std::thread awaiter_;
};

} // namespace RMB_HIDDEN

#endif
