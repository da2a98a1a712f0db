// The client between Rogue's TcpClient and librim. It hands Rogue's transactions to librim, and
// brings their results back.
#ifndef ROGUE_MEMORY_BRIDGE_CLIENT_H
#define ROGUE_MEMORY_BRIDGE_CLIENT_H

#include "inside.h"
#include "logs.h"

#include "rogue/rim.h"

#include <string>

namespace rogue_memory_bridge RMB_HIDDEN {

/// Python's lock must not be held by a thread that calls it, except for waitsReady and place.
class Client {
  public:
    /// Throws GeneralError if the address or port cannot be one.
    Client(const std::string& address, uint16_t port, bool waitReady);
    /// Stops the client. No other call may be running.
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    /// Fails all transactions under way and all later ones. Returns within 200 ms.
    void stop();

    /// Waits until the server answers, for at most `timeout` seconds, and asks it every `period`
    /// seconds. Returns whether it has answered.
    bool waitReady(double timeout, double period);

    /// Sends a transaction. It is completed on another thread, or on this one before the call
    /// returns. Its bytes are copied, so nothing of the bridge touches them after its timeout.
    void doTransaction(const rim::TransactionPtr& transaction);

    bool waitsReady() const { return waitReady_; }

    /// The server's address and port, for messages.
    const std::string& place() const { return place_; }

  private:
    rim_tcp_client* handle_ = nullptr;
    Log log_;
    bool waitReady_;
    std::string place_;
};

} // namespace RMB_HIDDEN

#endif
