// Hands the library's log records to Rogue's loggers.
#include "logs.h"

#include "inside.h"

#include "rogue/rim.h"

#include <cxxabi.h>
#include <unistd.h>

#include <map>
#include <mutex>

namespace rogue_memory_bridge RMB_HIDDEN {
namespace {

/// The loggers of the ends that there are, by name. Never destroyed: the library's threads may log
/// until the process is gone.
struct Loggers {
    std::mutex mutex;
    std::multimap<std::string, rogue::LoggingPtr> all;
};

Loggers& loggers() {
    static Loggers* const all = new Loggers;
    return *all;
}

rogue::LoggingPtr find(const std::string& name) {
    Loggers& known = loggers();
    std::lock_guard<std::mutex> lock(known.mutex);
    const auto found = known.all.find(name);
    return found == known.all.end() ? nullptr : found->second;
}

/// A record of the library's.
void hear(void*, uint32_t level, const char* name, const char* text) {
    try {
        const rogue::LoggingPtr logger = find(name);
        // Others come from ends that are just going.
        if (logger) logger->log(level, "%s", text);
    } catch (abi::__forced_unwind&) {
        park();
    } catch (...) {
        // A line of the log is lost: memory has run out.
    }
}

} // namespace

void park() {
    for (;;)
        pause();
}

Log::Log(const char* end, const std::string& address, uint16_t port)
    : logger_(rogue::Logging::create("memory." + std::string(end) + "." + address + "." +
                                     std::to_string(port))),
      told_(RIM_LOG_ERROR) {
    static std::once_flag once;
    std::call_once(once, [] {
        rim_log_set_sink(hear, nullptr, nullptr);
        rim_log_set_stdout(false);
    });
    Loggers& known = loggers();
    {
        std::lock_guard<std::mutex> lock(known.mutex);
        known.all.emplace(logger_->name(), logger_);
    }
    followLevel();
}

Log::~Log() {
    Loggers& known = loggers();
    std::lock_guard<std::mutex> lock(known.mutex);
    const auto range = known.all.equal_range(logger_->name());
    for (auto entry = range.first; entry != range.second; ++entry) {
        if (entry->second != logger_) continue;
        known.all.erase(entry);
        break;
    }
}

void Log::followLevel() {
    const uint32_t level = levelOf(*logger_);
    // What librim emits too much when the level has been raised again, the logger drops.
    if (level >= told_.load(std::memory_order_relaxed)) return;
    told_.store(level, std::memory_order_relaxed);
    rim_log_set_filter(logger_->name().c_str(), level);
}

} // namespace RMB_HIDDEN
