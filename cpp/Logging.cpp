// Named loggers. Formatting is here, the rest in Rust.
#include "rogue/Logging.h"

#include "bridge.h"
#include "format.h"

#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace rmb = rogue_memory_bridge;

namespace rogue {

const uint32_t Logging::Critical;
const uint32_t Logging::Error;
const uint32_t Logging::Thread;
const uint32_t Logging::Warning;
const uint32_t Logging::Info;
const uint32_t Logging::Debug;

namespace {

/// Formats a record only if it will be emitted.
void emit(const std::string& name, uint32_t level, const char* fmt, va_list args) {
    if (!rmb::log_enabled(rmb::bytes(name), level)) return;
    rmb::log_submit(rmb::bytes(name), level, rmb::bytes(rmb::format(fmt, args)));
}

} // namespace

std::shared_ptr<Logging> Logging::create(const std::string& name, bool quiet) {
    return std::make_shared<Logging>(name, quiet);
}

Logging::Logging(const std::string& name, bool quiet) : name_(normalizeName(name)) {
    if (!quiet) warning("Logger starts at level %u", rmb::log_level_for(rmb::bytes(name_)));
}

Logging::~Logging() = default;

void Logging::setLevel(uint32_t level) { rmb::log_set_level(level); }

void Logging::setFilter(const std::string& filter, uint32_t level) {
    rmb::log_set_filter(rmb::bytes(filter), level);
}

void Logging::setEmitStdout(bool enable) { rmb::log_set_emit_stdout(enable); }

bool Logging::emitStdout() { return rmb::log_emit_stdout(); }

void Logging::setEmitStderr(bool enable) { rmb::log_set_emit_stderr(enable); }

bool Logging::emitStderr() { return rmb::log_emit_stderr(); }

uint64_t Logging::dropped() { return rmb::log_dropped(); }

std::string Logging::normalizeName(const std::string& name) {
    return static_cast<std::string>(rmb::log_normalize_name(rmb::bytes(name)));
}

// A va_list has to be made in the function that is variadic.
#define ROGUE_LOG_AT(level)                                                                        \
    va_list args;                                                                                  \
    va_start(args, fmt);                                                                           \
    emit(name_, level, fmt, args);                                                                 \
    va_end(args)

void Logging::log(uint32_t level, const char* fmt, ...) { ROGUE_LOG_AT(level); }

void Logging::critical(const char* fmt, ...) { ROGUE_LOG_AT(Critical); }

void Logging::error(const char* fmt, ...) { ROGUE_LOG_AT(Error); }

void Logging::warning(const char* fmt, ...) { ROGUE_LOG_AT(Warning); }

void Logging::info(const char* fmt, ...) { ROGUE_LOG_AT(Info); }

void Logging::debug(const char* fmt, ...) { ROGUE_LOG_AT(Debug); }

#undef ROGUE_LOG_AT

void Logging::logThreadId() {
    // glibc has gettid() only since 2.30.
    log(Thread, "PID=%ld, TID=%ld", static_cast<long>(getpid()), syscall(SYS_gettid));
}

const std::string& Logging::name() const { return name_; }

} // namespace rogue
