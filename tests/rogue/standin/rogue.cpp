// The stand-in's classes beside the bus: errors, loggers, Python's lock, the version.
#include "rogue/GeneralError.h"
#include "rogue/GilRelease.h"
#include "rogue/Logging.h"
#include "rogue/ScopedGil.h"
#include "rogue/Version.h"

#include <cstdarg>
#include <cstdio>
#include <map>
#include <mutex>
#include <vector>

namespace rogue {

GeneralError::GeneralError(std::string src, std::string text) {
    std::snprintf(text_, sizeof text_, "%s: General Error: %s", src.c_str(), text.c_str());
}

char const* GeneralError::what() const throw() { return text_; }

#ifndef STANDIN_VERSION
#define STANDIN_VERSION "v6.15.0"
#endif

std::string Version::current() { return STANDIN_VERSION; }

namespace {

/// All that loggers share. Never destroyed.
struct Logs {
    std::mutex mutex;
    std::map<std::string, uint32_t> filters;
    std::string lines;
};

std::atomic<bool> printing(false);

Logs& logs() {
    static Logs* const all = new Logs;
    return *all;
}

void keep(uint32_t level, uint32_t lowest, const std::string& name, const char* fmt, va_list rest) {
    if (level < lowest) return;
    char text[1000];
    std::vsnprintf(text, sizeof text, fmt, rest);
    std::lock_guard<std::mutex> lock(logs().mutex);
    logs().lines += name + ": " + text + "\n";
    if (printing) std::printf("%s: %s\n", name.c_str(), text);
}

} // namespace

LoggingPtr Logging::create(const std::string& name, bool quiet) {
    return std::make_shared<Logging>(name, quiet);
}

Logging::Logging(const std::string& name, bool) : level_(Error), name_("pyrogue." + name) {
    std::lock_guard<std::mutex> lock(logs().mutex);
    for (const auto& filter : logs().filters) {
        if (name_.compare(0, filter.first.size(), filter.first) == 0) level_ = filter.second;
    }
}

Logging::~Logging() {}

void Logging::setEmitStdout(bool enable) { printing = enable; }
bool Logging::emitStdout() { return printing; }

void Logging::setFilter(const std::string& filter, uint32_t level) {
    std::lock_guard<std::mutex> lock(logs().mutex);
    logs().filters[filter] = level;
}

void Logging::log(uint32_t level, const char* fmt, ...) {
    va_list rest;
    va_start(rest, fmt);
    keep(level, level_, name_, fmt, rest);
    va_end(rest);
}

void Logging::error(const char* fmt, ...) {
    va_list rest;
    va_start(rest, fmt);
    keep(Error, level_, name_, fmt, rest);
    va_end(rest);
}

void Logging::warning(const char* fmt, ...) {
    va_list rest;
    va_start(rest, fmt);
    keep(Warning, level_, name_, fmt, rest);
    va_end(rest);
}

void Logging::debug(const char* fmt, ...) {
    va_list rest;
    va_start(rest, fmt);
    keep(Debug, level_, name_, fmt, rest);
    va_end(rest);
}

void Logging::logThreadId() { log(Thread, "thread"); }
const std::string& Logging::name() const { return name_; }

std::string Logging::taken() {
    std::lock_guard<std::mutex> lock(logs().mutex);
    std::string lines;
    lines.swap(logs().lines);
    return lines;
}

#ifdef NO_PYTHON
GilRelease::GilRelease() {}
GilRelease::~GilRelease() {}
ScopedGil::ScopedGil() {}
ScopedGil::~ScopedGil() {}
#else
GilRelease::GilRelease() : state_(PyGILState_Check() ? PyEval_SaveThread() : nullptr) {}
GilRelease::~GilRelease() {
    if (state_ != nullptr) PyEval_RestoreThread(state_);
}
ScopedGil::ScopedGil() : state_(PyGILState_Ensure()) {}
ScopedGil::~ScopedGil() { PyGILState_Release(state_); }
#endif

} // namespace rogue
