// The client between Rogue's TcpClient and librim: takes Rogue's transactions across, and brings
// their results back.
#ifndef ROGUE_MEMORY_BRIDGE_CLIENT_H
#define ROGUE_MEMORY_BRIDGE_CLIENT_H

#include "inside.h"
#include "logs.h"

#include "rogue/rim.h"

#include <string>

namespace rogue_memory_bridge RMB_HIDDEN {

/// No function of it may be called with Python's lock held, but for the simple ones.
class Client {
  public:
    /// Throws GeneralError.
    Client(const std::string& address, uint16_t port, bool waitReady);
    /// Stops it. No other call may be under way.
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    /// Fails what is under way and what comes. Returns within 200 ms.
    void stop();

    /// Asks the server for a sign of life, every `period` seconds, for at most `timeout` seconds.
    bool waitReady(double timeout, double period);

    /// Sends a transaction. It is completed on some thread or, at once, on this one. Its bytes are
    /// copied: after its timeout nothing of the bridge looks at them.
    void doTransaction(const rim::TransactionPtr& transaction);

    bool waitsReady() const { return waitReady_; }

    /// The server's address and port, for texts.
    const std::string& place() const { return place_; }

  private:
    rim_tcp_client* handle_ = nullptr;
    Log log_;
    bool waitReady_;
    std::string place_;
};

} // namespace RMB_HIDDEN

#endif
