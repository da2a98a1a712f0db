// Named loggers. One line on stdout for each record:
// <seconds>.<microseconds>:<name>: <text>
// On stderr, and with RIM_LOG in the environment on stdout too:
// <seconds>.<microseconds>:<name>: <level>: <text>

// Outside the include guard, so that it stops the compiler when a header of Rogue's comes later.
#include "rogue/Directives.h"
#ifndef ROGUE_DIRECTIVES_H
#error "Both Rogue and rogue-memory-bridge are here: use one of the two. See docs/from-rogue.md."
#endif

#ifndef ROGUE_LOGGING_H
#define ROGUE_LOGGING_H

// Not all of these are needed here: programs rely on what Rogue's header of this name brings along.
#include <stdint.h>

#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace rogue {

/// A logger. All loggers share the levels and filters, which may be set at any time. Any thread may
/// use any logger. Texts are printf formats; control characters in the result are written as
/// escapes.
///
/// A line never makes its thread wait and never raises a signal, whatever stdout or stderr is. A
/// line that is not taken at once is dropped and counted (`dropped`). A line is cut after 4096
/// bytes.
///
/// An operator can lower the level without the program's help, by the environment variable RIM_LOG:
/// `RIM_LOG=info`, or `RIM_LOG=memory.TcpServer=debug` for names that begin so, or several of these
/// with commas between them. It is read when the library is first used. The lowest level that
/// applies counts, whether it comes from RIM_LOG or from the program.
class Logging {
  public:
    /// Level of a failure after which the program is of no use.
    static const uint32_t Critical = 50;
    /// Level of a failure. Lower levels are not emitted unless the program or RIM_LOG says so.
    static const uint32_t Error = 40;
    /// Level of messages about the identity of threads.
    static const uint32_t Thread = 35;
    /// Level of an unexpected event that the library survives.
    static const uint32_t Warning = 30;
    /// Level of rare events of normal operation.
    static const uint32_t Info = 20;
    /// Level of each step, down to single transactions.
    static const uint32_t Debug = 10;

    /// Makes a logger named `name`, with `pyrogue.` put before the name unless it is there. Unless
    /// `quiet`, it logs the level that applies to it, at level Warning.
    static std::shared_ptr<Logging> create(const std::string& name, bool quiet = false);

    /// As `create`.
    explicit Logging(const std::string& name, bool quiet = false);

    ~Logging();

    Logging(const Logging&) = delete;
    Logging& operator=(const Logging&) = delete;

    /// Sets the lowest level that all loggers emit.
    static void setLevel(uint32_t level);

    /// Sets the lowest level that is emitted by loggers whose names begin with `filter`, with or
    /// without `pyrogue.`. It applies to loggers that exist and to later ones. Of all levels that
    /// apply to a logger, the lowest counts. Setting the same filter again replaces its level.
    static void setFilter(const std::string& filter, uint32_t level);

    /// Sets whether records are written to stdout. At the start they are.
    static void setEmitStdout(bool enable);

    /// Whether records are written to stdout.
    static bool emitStdout();

    /// Sets whether records are written to stderr, each with the name of its level. At the start
    /// they are not. This does not depend on `setEmitStdout`. Rogue has no such function.
    static void setEmitStderr(bool enable);

    /// Whether records are written to stderr.
    static bool emitStderr();

    /// The number of lines that were dropped since the process began, because stdout or stderr did
    /// not take them at once or could not be written. When a line is taken again, a line with the
    /// number of those dropped comes before it. The call is cheap and may be made at any time.
    /// Rogue has no such function.
    static uint64_t dropped();

    /// Returns `name` with `pyrogue.` put before it, unless it is there.
    static std::string normalizeName(const std::string& name);

    /// Emits a record of any level.
    void log(uint32_t level, const char* fmt, ...);

    /// Emits a record of level Critical.
    void critical(const char* fmt, ...);
    /// Emits a record of level Error.
    void error(const char* fmt, ...);
    /// Emits a record of level Warning.
    void warning(const char* fmt, ...);
    /// Emits a record of level Info.
    void info(const char* fmt, ...);
    /// Emits a record of level Debug.
    void debug(const char* fmt, ...);

    /// Emits the ids of the process and of the calling thread, at level Thread.
    void logThreadId();

    /// The full name, with `pyrogue.`.
    const std::string& name() const;

  private:
    std::string name_;
};

/// Pointer to a logger.
typedef std::shared_ptr<Logging> LoggingPtr;

} // namespace rogue

#endif
