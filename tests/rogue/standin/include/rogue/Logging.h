// Stand-in for Rogue's header of this name: named loggers with a level. It keeps the lines for the
// tests, and prints them as well, as Rogue does, if it is told to.
#ifndef STANDIN_ROGUE_LOGGING_H
#define STANDIN_ROGUE_LOGGING_H
#include "rogue/Directives.h"

#include <stdint.h>

#include <atomic>
#include <memory>
#include <string>

namespace rogue {

class Logging {
    std::atomic<uint32_t> level_;
    std::string name_;

  public:
    static const uint32_t Error = 40;
    static const uint32_t Thread = 35;
    static const uint32_t Warning = 30;
    static const uint32_t Debug = 10;

    static std::shared_ptr<rogue::Logging> create(const std::string& name, bool quiet = false);
    explicit Logging(const std::string& name, bool quiet = false);
    ~Logging();
    static void setEmitStdout(bool enable);
    static bool emitStdout();
    static void setFilter(const std::string& filter, uint32_t level);
    void log(uint32_t level, const char* fmt, ...) __attribute__((format(printf, 3, 4)));
    void error(const char* fmt, ...) __attribute__((format(printf, 2, 3)));
    void warning(const char* fmt, ...) __attribute__((format(printf, 2, 3)));
    void debug(const char* fmt, ...) __attribute__((format(printf, 2, 3)));
    void logThreadId();
    const std::string& name() const;

    /// For the tests: all that was logged since the last call, a line "name: text" each.
    static std::string taken();
};

typedef std::shared_ptr<rogue::Logging> LoggingPtr;

} // namespace rogue
#endif
