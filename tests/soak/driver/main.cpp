// The soak: random clients, ours and those of the field, against servers that are killed, stopped,
// slowed and cut off at random, for a given time, with every value held against a model (model.h),
// and what the clients have recorded against the program of ../histories, the checker.
//
//   soak-driver [--seconds N] [--seed N] [--lie KIND:OF] --server PROGRAM --client PROGRAM
//       --classes-client PROGRAM --checker PROGRAM [--peer-server PROGRAM --peer-client PROGRAM]
//
// Prints the seed and a report. Ends with 0; 1 when a value was wrong, something hung or holds more
// than at the start; 2 for a wrong command line. With --lie the servers get an order of ../memory.h
// such as stale:10000, and it is the other way round: 0 when the checker has found that, else 1.
#include "../life.h"
#include "faults.h"
#include "histories.h"
#include "report.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <random>
#include <thread>

namespace {

using namespace soak;

struct Options {
    unsigned seconds = 60;
    uint64_t seed = 0;
    std::string lie;
    Programs programs;
};

bool parse(int argc, char** argv, Options* options) {
    options->seed = std::random_device()();
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string name = argv[i];
        if (name == "--seconds")
            options->seconds = static_cast<unsigned>(std::strtoul(argv[i + 1], nullptr, 10));
        else if (name == "--seed")
            options->seed = std::strtoull(argv[i + 1], nullptr, 0);
        else if (name == "--lie")
            options->lie = argv[i + 1];
        else if (name.rfind("--", 0) == 0)
            options->programs[name.substr(2)] = argv[i + 1];
        else
            return false;
    }
    for (const char* needed : {"server", "client", "classes-client", "checker"})
        if (options->programs.count(needed) == 0) return false;
    return argc % 2 == 1 && options->seconds > 0 &&
           options->programs.size() == (options->programs.count("peer-client") > 0 ? 6 : 4);
}

// When all is well again: every client ends well, and nobody holds more than before.
void finish(Cast& cast, Report& report) {
    const auto patience = std::chrono::milliseconds(2 * SOAK_RECOVERY_MS);
    for (const auto& client : cast.clients)
        client->child.tell("end");
    for (const auto& client : cast.clients) {
        if (client->child.hear("over", patience).empty())
            report.failures.push_back(client->name + " hangs, or has ended");
        for (const std::string& line : client->child.others)
            report.take(client->name, line);
    }
    // What a server keeps for connections that are over, it keeps for a moment.
    for (const auto& server : cast.servers)
        for (int look = 0; look < 100 && !server->mayDie &&
                           !sameHoldings(server->first, server->child.holdings());
             look++)
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
    for (const auto& server : cast.servers)
        if (!server->mayDie)
            report.compare("server " + server->name, server->first, server->child.holdings());
    for (const auto& client : cast.clients)
        report.compare("client " + client->name, client->first, client->child.holdings());
    for (const auto& client : cast.clients)
        if (client->child.close(patience) != 0)
            report.failures.push_back(client->name + " did not end as it should");
    for (const auto& server : cast.servers)
        if (server->child.close(patience) != 0)
            report.failures.push_back("server " + server->name + " did not end as it should");
}

Report soakFor(const Options& options, const Histories& histories) {
    Report report;
    Cast cast(options.programs, options.seed);
    std::string lie = options.lie;
    std::replace(lie.begin(), lie.end(), ':', ' ');
    if (!lie.empty()) cast.order(lie);
    for (const auto& server : cast.servers)
        server->first = server->child.holdings();
    for (const auto& client : cast.clients)
        client->first = client->child.holdings();
    Faults faults(cast, options.seed + 2);
    faults.run(Clock::now() + std::chrono::seconds(options.seconds));
    faults.lift();
    report.faults = faults.counts;
    finish(cast, report);
    cast.writeLives(histories.folder());
    return report;
}

} // namespace

int main(int argc, char** argv) {
    Options options;
    if (!parse(argc, argv, &options)) {
        std::fputs("usage: soak-driver [--seconds N] [--seed N] [--lie KIND:OF] --server PROGRAM\n"
                   "  --client PROGRAM --classes-client PROGRAM --checker PROGRAM\n"
                   "  [--peer-server PROGRAM --peer-client PROGRAM]\n",
                   stderr);
        return 2;
    }
    setvbuf(stdout, nullptr, _IOLBF, 0);
    std::signal(SIGPIPE, SIG_IGN);
    std::printf("soak: %u s, seed %llu%s\n", options.seconds,
                static_cast<unsigned long long>(options.seed),
                options.programs.count("peer-client") > 0 ? "" : "; without peers of the field");
    try {
        Histories histories;
        Report report = soakFor(options, histories);
        const bool explained = histories.check(options.programs.at("checker"));
        if (!explained) report.failures.push_back("what was read cannot be explained: see above");
        if (options.lie.empty()) {
            report.print();
            if (report.failures.empty()) histories.remove();
            return report.failures.empty() ? 0 : 1;
        }
        // The model sees most lies as well.
        for (const std::string& failure : report.failures)
            std::printf("as expected: %s\n", failure.c_str());
        histories.remove();
        if (explained) std::puts("FAILED: the lies of the servers were not found");
        return explained ? 1 : 0;
    } catch (const std::exception& error) {
        std::printf("FAILED: %s\n", error.what());
        return 1;
    }
}
