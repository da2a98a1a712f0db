// rogue/Logging.h. What goes to stdout is read back from a file in its place.
#include "rogue/Logging.h"

#include "check.h"

#include <algorithm>
#include <sstream>
#include <vector>

using rogue::Logging;

namespace {

/// The lines that `call` writes to stdout.
std::vector<std::string> written(const std::function<void()>& call) {
    std::istringstream text(check::written(STDOUT_FILENO, call));
    std::vector<std::string> lines;
    for (std::string line; std::getline(text, line);)
        lines.push_back(line);
    CHECK(lines.empty() || text.str().back() == '\n'); // the last line is a whole one
    return lines;
}

/// The text behind `<seconds>.<6 digits>:`; empty if the line does not look like that.
std::string stripped(const std::string& line) {
    const size_t dot = line.find('.');
    const size_t colon = line.find(':');
    if (dot == std::string::npos || colon != dot + 7 || dot < 9) return "";
    const auto digit = [](char c) { return c >= '0' && c <= '9'; };
    if (!std::all_of(line.begin(), line.begin() + static_cast<long>(dot), digit)) return "";
    if (!std::all_of(line.begin() + static_cast<long>(dot) + 1,
                     line.begin() + static_cast<long>(colon), digit)) {
        return "";
    }
    return line.substr(colon + 1);
}

} // namespace

int main() {
    check::begin();
    CHECK_EQUAL(Logging::normalizeName("memory.Hub"), "pyrogue.memory.Hub");
    CHECK_EQUAL(Logging::normalizeName("pyrogue.memory.Hub"), "pyrogue.memory.Hub");
    CHECK_EQUAL(Logging::normalizeName("pyrogue"), "pyrogue");

    // The default level is Error.
    const rogue::LoggingPtr log = Logging::create("test.plain");
    CHECK_EQUAL(log->name(), "pyrogue.test.plain");
    auto lines = written([&] {
        log->critical("c %d", 1);
        log->error("e %s", "two");
        log->warning("w");
        log->info("i");
        log->debug("d");
        log->log(Logging::Thread, "t");
        log->log(41, "between");
    });
    CHECK_EQUAL(lines.size(), 3u);
    if (lines.size() == 3) {
        CHECK_EQUAL(stripped(lines[0]), "pyrogue.test.plain: c 1");
        CHECK_EQUAL(stripped(lines[1]), "pyrogue.test.plain: e two");
        CHECK_EQUAL(stripped(lines[2]), "pyrogue.test.plain: between");
    }

    // A filter holds for a logger that exists, and for one to come; with and without `pyrogue.`.
    Logging::setFilter("test.plain", Logging::Debug);
    Logging::setFilter("pyrogue.test.later", Logging::Warning);
    lines = written([&] {
        log->debug("now");
        const rogue::LoggingPtr later = Logging::create("test.later.one"); // announces itself
        later->info("no");
        const rogue::LoggingPtr quiet = Logging::create("test.later.two", true);
        quiet->warning("yes");
        Logging::create("test.other", true)->warning("no");
    });
    CHECK_EQUAL(lines.size(), 3u);
    if (lines.size() == 3) {
        CHECK_EQUAL(stripped(lines[0]), "pyrogue.test.plain: now");
        CHECK_EQUAL(stripped(lines[1]), "pyrogue.test.later.one: Logger starts at level 30");
        CHECK_EQUAL(stripped(lines[2]), "pyrogue.test.later.two: yes");
    }

    // Text is data, on one line, of any length and encoding.
    const std::string text(3000, 'x');
    lines = written([&] {
        log->error("%s", "%s%n\n1.000000:pyrogue.forged: line");
        log->error("%s", text.c_str());
        log->error("%s", "\xff\xfe");
    });
    CHECK_EQUAL(lines.size(), 3u);
    if (lines.size() == 3) {
        CHECK_EQUAL(stripped(lines[0]), "pyrogue.test.plain: %s%n\\n1.000000:pyrogue.forged: line");
        CHECK_EQUAL(stripped(lines[1]), "pyrogue.test.plain: " + text);
        CHECK(check::contains(lines[2], "pyrogue.test.plain: \xef\xbf\xbd"));
    }

    lines = written([&] {
        Logging::setLevel(Logging::Thread);
        log->logThreadId();
    });
    CHECK_EQUAL(lines.size(), 1u);
    CHECK(!lines.empty() &&
          check::contains(lines[0], "PID=" + std::to_string(getpid()) + ", TID="));

    // The levels are usable as references.
    CHECK_EQUAL(std::max(Logging::Critical, Logging::Error), 50u);

    // stderr, where lines carry their level.
    CHECK(!Logging::emitStderr());
    std::string err;
    lines = written([&] {
        err = check::written(STDERR_FILENO, [&] {
            Logging::setEmitStderr(true);
            CHECK(Logging::emitStderr());
            log->info("%s", "to both");
            Logging::setEmitStderr(false);
            log->info("to stdout");
        });
    });
    CHECK_EQUAL(lines.size(), 2u);
    CHECK(!lines.empty() && stripped(lines[0]) == "pyrogue.test.plain: to both");
    CHECK_EQUAL(stripped(err), "pyrogue.test.plain: Info: to both\n");

    // Without a reader: a line is counted, and the process goes on.
    CHECK_EQUAL(Logging::dropped(), 0u);
    int ends[2];
    const int saved = dup(STDOUT_FILENO);
    CHECK(pipe(ends) == 0 && dup2(ends[1], STDOUT_FILENO) == STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
    log->error("to nobody");
    CHECK(dup2(saved, STDOUT_FILENO) == STDOUT_FILENO);
    close(saved);
    CHECK_EQUAL(Logging::dropped(), 1u);
    lines = written([&] { log->error("again"); });
    CHECK_EQUAL(lines.size(), 2u);
    if (lines.size() == 2) {
        CHECK_EQUAL(stripped(lines[0]),
                    "pyrogue.log: stdout did not take lines of the log: 1 dropped");
        CHECK_EQUAL(stripped(lines[1]), "pyrogue.test.plain: again");
    }

    CHECK(Logging::emitStdout());
    lines = written([&] {
        Logging::setEmitStdout(false);
        log->critical("nobody hears");
    });
    CHECK(lines.empty());
    CHECK(!Logging::emitStdout());
    return check::finish();
}
