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

/// A logger. All of them share the levels and filters, which may be set at any time, from any
/// thread. Texts are printf formats; control characters in what they make are written as escapes.
///
/// A line never makes its thread wait, and never raises a signal, whatever stdout or stderr is: one
/// that is not taken at once is dropped and counted (`dropped`). One of more than 4096 bytes is
/// cut.
///
/// An operator can lower the level without the program's help: `RIM_LOG=info` in the environment,
/// or for names that begin in a certain way `RIM_LOG=memory.TcpServer=debug`, or several of these
/// with commas between them. It is read when the library is used first. Of this and what the
/// program sets, the lowest level that applies counts.
class Logging {
  public:
    /// Level of a failure that ends the program's usefulness.
    static const uint32_t Critical = 50;
    /// Level of a failure. The level that is set at the start.
    static const uint32_t Error = 40;
    /// Level of messages about the identity of threads.
    static const uint32_t Thread = 35;
    /// Level of what is unexpected but survivable.
    static const uint32_t Warning = 30;
    /// Level of the rare events of normal operation.
    static const uint32_t Info = 20;
    /// Level of each step.
    static const uint32_t Debug = 10;

    /// A logger named `name`, to which `pyrogue.` is added if it is not there. Unless `quiet`, it
    /// says at level Warning which level applies to it.
    static std::shared_ptr<Logging> create(const std::string& name, bool quiet = false);

    /// As `create`.
    explicit Logging(const std::string& name, bool quiet = false);

    ~Logging();

    Logging(const Logging&) = delete;
    Logging& operator=(const Logging&) = delete;

    /// Sets the lowest level that all loggers emit.
    static void setLevel(uint32_t level);

    /// Sets the lowest level that loggers emit whose name begins with `filter`, given with or
    /// without `pyrogue.`. It holds for existing loggers and for those to come. Of all levels that
    /// apply to a logger the lowest counts; the same filter set again replaces the earlier one.
    static void setFilter(const std::string& filter, uint32_t level);

    /// Sets whether records are written to stdout.
    static void setEmitStdout(bool enable);

    /// Whether records are written to stdout.
    static bool emitStdout();

    /// Sets whether records are written to stderr, each with its level. At the start they are not.
    /// It does not depend on `setEmitStdout`. Rogue has no such function.
    static void setEmitStderr(bool enable);

    /// Whether records are written to stderr.
    static bool emitStderr();

    /// How many lines stdout and stderr did not take at once, or could not be written there, since
    /// the process began. The next line that is taken is preceded by one that tells how many it
    /// were. It costs next to nothing. Rogue has no such function.
    static uint64_t dropped();

    /// `name` with `pyrogue.` before it, unless it is there.
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

    /// Emits the numbers of the process and the calling thread, at level Thread.
    void logThreadId();

    /// The full name.
    const std::string& name() const;

  private:
    std::string name_;
};

/// Pointer to a logger.
typedef std::shared_ptr<Logging> LoggingPtr;

} // namespace rogue

#endif
