// Writes the bridge's log lines through Rogue's loggers: they get the records of librim, at the
// levels that are set in Rogue.
#ifndef ROGUE_MEMORY_BRIDGE_LOGS_H
#define ROGUE_MEMORY_BRIDGE_LOGS_H

#include "rogue/Directives.h"

#include "hidden.h"

#include "rogue/Logging.h"

#include <atomic>
#include <cstdint>
#include <string>

namespace rogue_memory_bridge RMB_HIDDEN {

/// The logger of one server or client.
class Log {
  public:
    /// `end` is TcpServer or TcpClient. Rogue's logger logs its usual first line.
    Log(const char* end, const std::string& address, uint16_t port);
    ~Log();
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;

    /// Tells librim if the logger's level has been lowered since the last call. It is cheap: call
    /// it with each transaction.
    void followLevel();

    /// Logs a text. Like every line of the bridge, it is dropped if stdout does not take it now.
    void say(uint32_t level, const std::string& text) const;

    /// Logs the ids of the process and of the calling thread, as Rogue's threads do.
    void sayThread() const;

    const rogue::LoggingPtr& logger() const { return logger_; }

  private:
    rogue::LoggingPtr logger_;
    std::atomic<uint32_t> told_;
};

/// Ends a callback of librim whose thread is being ended. Python ends every thread that asks for
/// its lock while the interpreter exits. The library's frames must not be unwound, so the thread
/// stays here until the process is gone.
[[noreturn]] void park();

} // namespace RMB_HIDDEN

#endif
