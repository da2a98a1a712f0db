// Hands the library's log records to Rogue's loggers.
#include "logs.h"

#include "inside.h"
#include "process.h"

#include "rogue/rim.h"

#include <cxxabi.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <mutex>

namespace rogue_memory_bridge RMB_HIDDEN {
namespace {

/// The loggers of all servers and clients, by name. Never destroyed: the library's threads may log
/// until the process is gone.
struct Loggers {
    std::mutex mutex;
    std::multimap<std::string, rogue::LoggingPtr> all;
};

Loggers& loggers() {
    static Loggers* const all = FreeInChildren<Loggers>::make();
    return *all;
}

rogue::LoggingPtr find(const std::string& name) {
    Loggers& known = loggers();
    std::lock_guard<std::mutex> lock(known.mutex);
    const auto found = known.all.find(name);
    return found == known.all.end() ? nullptr : found->second;
}

/// While it exists, writing raises no signal on this thread. Rogue's loggers write with printf.
class Quiet {
  public:
    Quiet() {
        sigset_t block;
        sigemptyset(&block);
        for (const int signal : {SIGPIPE, SIGXFSZ, SIGTTOU})
            sigaddset(&block, signal);
        pthread_sigmask(SIG_BLOCK, &block, &before_);
        sigpending(&pending_);
    }

    ~Quiet() {
        for (const int signal : {SIGPIPE, SIGXFSZ})
            if (!sigismember(&pending_, signal)) takeBack(signal);
        pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }

    Quiet(const Quiet&) = delete;
    Quiet& operator=(const Quiet&) = delete;

  private:
    /// Removes a pending signal, which this thread's own write has raised.
    static void takeBack(int signal) {
        sigset_t now, one;
        sigemptyset(&one);
        sigaddset(&one, signal);
        sigpending(&now);
        if (!sigismember(&now, signal)) return;
#ifdef __APPLE__
        int taken;
        sigwait(&one, &taken);
#else
        const timespec atOnce = {0, 0};
        sigtimedwait(&one, nullptr, &atOnce);
#endif
    }

    sigset_t before_;
    sigset_t pending_;
};

/// Whether a line can be written without waiting: no thread is in a printf, and stdout takes data.
/// A pipe then takes 4096 bytes, more than a line or stdio's buffer has; but another process that
/// writes to the same pipe may fill it first.
bool stdoutTakesLines() {
    if (ftrylockfile(stdout) != 0) return false;
    // Released before Rogue logs: Rogue may wait for Python's lock then, and the thread that holds
    // that one may be waiting for stdout's lock.
    funlockfile(stdout);
    pollfd out = {STDOUT_FILENO, POLLOUT, 0};
    return poll(&out, 1, 0) == 1 && (out.revents & (POLLERR | POLLHUP | POLLNVAL)) == 0;
}

/// Dropped lines that no line has reported yet.
std::atomic<unsigned> dropped(0);

/// Writes a line by Rogue's logger, unless it would have to wait.
void emit(rogue::Logging& logger, uint32_t level, const char* text) {
    if (level < levelOf(logger)) return;
    const Quiet quiet;
    if (rogue::Logging::emitStdout()) {
        if (!stdoutTakesLines()) {
            ++dropped;
            return;
        }
        const unsigned before = dropped.exchange(0);
        if (before > 0) {
            logger.log(level, "stdout did not take lines of the log: %u dropped", before);
            if (!stdoutTakesLines()) {
                dropped += before + 1;
                return;
            }
        }
    }
    logger.log(level, "%s", text);
}

/// Receives a record of the library.
void hear(void*, uint32_t level, const char* name, const char* text) {
    try {
        const rogue::LoggingPtr logger = find(name);
        // There is none for a server or client that is being destroyed.
        if (logger) emit(*logger, level, text);
    } catch (abi::__forced_unwind&) {
        park();
    } catch (...) {
        // Out of memory: this line of the log is lost.
    }
}

/// Makes a logger of Rogue's. It writes a first line if stdout takes one.
rogue::LoggingPtr begin(const std::string& name) {
    const Quiet quiet;
    return rogue::Logging::create(name, rogue::Logging::emitStdout() && !stdoutTakesLines());
}

} // namespace

void park() {
    for (;;)
        pause();
}

Log::Log(const char* end, const std::string& address, uint16_t port)
    : logger_(begin("memory." + std::string(end) + "." + address + "." + std::to_string(port))),
      told_(RIM_LOG_ERROR) {
    static std::once_flag once;
    std::call_once(once, [] {
        rim_log_set_stdout(false);
        rim_log_set_sink(hear, nullptr, nullptr);
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

void Log::say(uint32_t level, const std::string& text) const {
    emit(*logger_, level, text.c_str());
}

void Log::sayThread() const {
    const Quiet quiet;
    if (!rogue::Logging::emitStdout() || stdoutTakesLines()) logger_->logThreadId();
}

void Log::followLevel() {
    const uint32_t level = levelOf(*logger_);
    // When the level has been raised again, librim emits more than necessary; the logger drops
    // that.
    if (level >= told_.load(std::memory_order_relaxed)) return;
    told_.store(level, std::memory_order_relaxed);
    rim_log_set_filter(logger_->name().c_str(), level);
}

} // namespace RMB_HIDDEN
