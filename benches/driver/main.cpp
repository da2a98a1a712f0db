// The driver of the benchmark: has the contestants that are there do the works in turn, and shows
// what came of it. A bar that is not met is no failure; a program of ours that fails is.
//
//   bench-driver [--quick] [--rounds N] [--only PART-OF-A-WORK'S-NAME] [--rogue PROGRAM]
//                [--json PATH] [--svg PATH]
//
// There are 50 rounds, 10 if it is to be quick. What other programs do on the machine meanwhile is
// told with each row. `nice` is no remedy: it shifts the ratios, since it decides who preempts
// whom.
//
// The contestants are the programs bench-* beside this one; PROGRAM is one more that obeys the
// protocol of contestant.h, made of classes.cpp and a real Rogue.
#include "other_work.h"
#include "process.h"
#include "report.h"
#include "rows.h"

#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <stdexcept>
#include <sys/utsname.h>
#include <unistd.h>

namespace {

struct Options {
    bench::Plan plan;
    std::string rogue, json, svg;
};

std::string here() {
    char path[PATH_MAX];
    const ssize_t length = readlink("/proc/self/exe", path, sizeof path);
    const std::string program = length > 0 ? std::string(path, static_cast<size_t>(length)) : "./";
    return program.substr(0, program.rfind('/') + 1);
}

[[noreturn]] void usage() {
    std::fprintf(stderr,
                 "usage: bench-driver [--quick] [--rounds N] [--only TEXT] [--rogue PROGRAM]"
                 " [--json PATH] [--svg PATH]\n");
    std::exit(2);
}

Options parse(int argc, char** argv) {
    Options options;
    options.json = here() + "bench.json";
    options.svg = here() + "bench.svg";
    int rounds = 0;
    bool quick = false;
    for (int n = 1; n < argc; n++) {
        const std::string name = argv[n];
        if (name == "--quick") {
            quick = true;
            continue;
        }
        if (++n == argc) usage();
        const char* value = argv[n];
        if (name == "--rounds" && std::atoi(value) > 0)
            rounds = std::atoi(value);
        else if (name == "--only")
            options.plan.only = value;
        else if (name == "--rogue")
            options.rogue = value;
        else if (name == "--json")
            options.json = value;
        else if (name == "--svg")
            options.svg = value;
        else
            usage();
    }
    options.plan.rounds = rounds > 0 ? rounds : quick ? 10 : 50;
    return options;
}

void findContestants(Options& options, bench::Report& report) {
    using bench::Role;
    std::vector<bench::Contestant> all = {
        {bench::FLOOR_NAME, here() + "bench-plain", Role::FLOOR},
        {bench::LIBZMQ_NAME, here() + "bench-libzmq", Role::PEER},
        {"libmodbus", here() + "bench-libmodbus", Role::PEER},
        {"ours, C", here() + "bench-rim", Role::OURS_C},
        {"ours, C++", here() + "bench-classes", Role::OURS_CXX},
    };
    if (!options.rogue.empty()) all.push_back({"Rogue, C++", options.rogue, Role::PEER});
    for (const bench::Contestant& contestant : all) {
        if (access(contestant.program.c_str(), X_OK) == 0)
            options.plan.contestants.push_back(contestant);
        else
            report.notes.push_back(contestant.name + " is left out: there is no " +
                                   contestant.program);
    }
    if (options.rogue.empty())
        report.notes.push_back("Rogue is left out: no program is given by --rogue");
}

void findPlaces(bench::Plan& plan, bench::Report& report) {
    const std::vector<int> cores = bench::allowedCores();
    plan.placements.push_back({"one core", cores[0], cores[0]});
    if (cores.size() > 1)
        plan.placements.push_back({"one core each", cores[0], cores[1]});
    else
        report.notes.push_back("there is one core only");
}

void describeMachine(bench::Report& report) {
    char date[40];
    const std::time_t now = std::time(nullptr);
    std::strftime(date, sizeof date, "%Y-%m-%d %H:%M UTC", std::gmtime(&now));
    report.date = date;

    utsname names;
    if (uname(&names) == 0)
        report.system = std::string(names.sysname) + " " + names.release + " " + names.machine;
    report.machine = "unknown processor";
    std::ifstream processors("/proc/cpuinfo");
    for (std::string line; std::getline(processors, line);) {
        if (line.compare(0, 10, "model name") != 0) continue;
        report.machine = line.substr(line.find(':') + 2);
        break;
    }
    report.machine += bench::format(", %ld cores", sysconf(_SC_NPROCESSORS_ONLN));
}

void save(const std::string& path, const std::string& text) {
    std::ofstream file(path);
    file << text;
    file.close();
    if (!file) throw std::runtime_error("cannot write " + path);
    std::printf("%s\n", path.c_str());
}

} // namespace

int main(int argc, char** argv) {
    Options options = parse(argc, argv);
    // A contestant that has ended is told by the write that fails.
    std::signal(SIGPIPE, SIG_IGN);
    bool failed = false;
    try {
        bench::Report report;
        report.rounds = options.plan.rounds;
        describeMachine(report);
        findContestants(options, report);
        findPlaces(options.plan, report);
        std::printf("%s; %s; %s; %d rounds\n", report.date.c_str(), report.machine.c_str(),
                    report.system.c_str(), report.rounds);
        for (const std::string& note : report.notes)
            std::printf("%s\n", note.c_str());

        const bench::OtherWork otherWork;
        bench::measure(options.plan, [&](const bench::Row& row) {
            bench::print(row);
            report.rows.push_back(row);
            for (const bench::Entry& entry : row.entries)
                failed = failed || (entry.bar.kind != bench::Bar::NONE && !entry.failure.empty());
        });
        if (report.rows.empty()) throw std::runtime_error("no work has such a name");
        report.otherWork = otherWork.cores();
        bench::printSummary(report);
        save(options.json, bench::json(report));
        save(options.svg, bench::chart(report));
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench-driver: %s\n", error.what());
        return 1;
    }
    return failed ? 1 : 0;
}
