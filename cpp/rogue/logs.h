// The bridge's log lines come out through Rogue's loggers: what librim logs is handed to them, at
// the levels that are set there.
#ifndef ROGUE_MEMORY_BRIDGE_LOGS_H
#define ROGUE_MEMORY_BRIDGE_LOGS_H

#include "rogue/Directives.h"

#include "hidden.h"

#include "rogue/Logging.h"

#include <atomic>
#include <cstdint>
#include <string>

namespace rogue_memory_bridge RMB_HIDDEN {

/// The logger of one end of the bridge.
class Log {
  public:
    /// `end` is TcpServer or TcpClient. The line that Rogue's loggers begin with appears.
    Log(const char* end, const std::string& address, uint16_t port);
    ~Log();
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;

    /// Tells librim when the logger's level has been lowered since the last time: cheap, to be
    /// called with each transaction.
    void followLevel();

    /// Logs a text. As all lines of the bridge: one that stdout does not take now is dropped.
    void say(uint32_t level, const std::string& text) const;

    /// Logs the numbers of the process and the calling thread, as Rogue's threads do.
    void sayThread() const;

    const rogue::LoggingPtr& logger() const { return logger_; }

  private:
    rogue::LoggingPtr logger_;
    std::atomic<uint32_t> told_;
};

/// Ends a callback of librim that has been caught in the end of its thread, which Python forces
/// on every thread that asks for its lock while the interpreter exits: the library's frames must
/// not be unwound, so the thread stays here until the process is gone.
[[noreturn]] void park();

} // namespace RMB_HIDDEN

#endif
