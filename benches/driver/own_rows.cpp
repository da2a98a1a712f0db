// The rows about ours alone: a late slave (where others may take part too), many outstanding, many
// clients, nothing to do.
#include "own_rows.h"

#include "other_work.h"
#include "pair.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <thread>
#include <utility>

namespace bench {

namespace {

// Keeps what has been measured so far when a contestant fails, and the reason.
void guarded(Row& row, const Contestant& who, const std::function<void()>& work) {
    try {
        work();
    } catch (const std::exception& error) {
        for (Entry& entry : row.entries)
            if (entry.contestant == who.name) entry.failure = error.what();
    }
}

Answer demand(Pair& pair, const std::string& command) {
    const Answer answer = pair.run(command);
    if (!answer.supported) throw std::runtime_error("cannot do " + command);
    return answer;
}

void rest(double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }

// "1 client", "10 clients".
std::string counted(unsigned number, const std::string& noun) {
    return std::to_string(number) + " " + noun + (noun == "client" && number != 1 ? "s" : "");
}

// How one contestant does at several settings, in turn.
struct Settings {
    std::vector<unsigned> numbers;
    std::string noun;
    std::function<double(Pair&, unsigned)> measure;
    // What the figure of a setting is compared with, out of the figures of the same round.
    std::function<double(const std::vector<double>&, size_t)> reference;
    std::function<Bar(unsigned)> bar;
};

void compare(Row& row, const Contestant& who, const Settings& settings, const Plan& plan,
             const Placement& placement) {
    const size_t first = row.entries.size();
    for (const unsigned number : settings.numbers) {
        Entry entry;
        entry.contestant = who.name;
        entry.setting = counted(number, settings.noun);
        entry.bar = settings.bar(number);
        row.entries.push_back(entry);
    }
    guarded(row, who, [&] {
        const std::unique_ptr<Pair> pair = Pair::start(who, "words", placement);
        std::vector<double> figures(settings.numbers.size());
        // The first round warms up.
        for (int round = -1; round < plan.fewRounds(); round++) {
            for (size_t n = 0; n < figures.size(); n++) {
                const size_t which = round % 2 == 0 ? n : figures.size() - 1 - n;
                figures[which] = settings.measure(*pair, settings.numbers[which]);
            }
            for (size_t n = 0; n < figures.size() && round >= 0; n++) {
                Entry& entry = row.entries[first + n];
                entry.values.rounds.push_back(figures[n]);
                entry.ratios.rounds.push_back(figures[n] / settings.reference(figures, n));
            }
        }
    });
}

bool ours(const Contestant& who) { return who.role == Role::OURS_C || who.role == Role::OURS_CXX; }

const char* const LATE = "slave that answers 1 ms later, 200 outstanding, all of them";
const char* const MANY_OUTSTANDING = "time for each read of many outstanding";
const char* const MANY_CLIENTS = "many clients on one server";
const char* const MEMORY = "server memory for each idle client";
const char* const IDLE = "idle with 100 clients";

// Ours have 32 in the slave's hands at a time unless told otherwise, so seven times 1 ms is the
// least there is.
std::vector<Row> late(const Plan& plan, const Placement& placement) {
    Row row{LATE, placement.name, "ms", 2, false, "", {}, 0};
    for (const Contestant& who : plan.contestants) {
        Entry entry;
        entry.contestant = who.name;
        if (ours(who)) entry.bar = {Bar::AT_MOST, 10};
        row.entries.push_back(entry);
        bool takesPart = true;
        guarded(row, who, [&] {
            const std::unique_ptr<Pair> pair = Pair::start(who, "late", placement);
            takesPart = pair != nullptr && pair->run("batch 200 200").supported;
            for (int round = 0; round < plan.rounds && takesPart; round++)
                row.entries.back().values.rounds.push_back(pair->run("batch 200 200").seconds *
                                                           1e3);
        });
        if (!takesPart) row.entries.pop_back();
    }
    return {row};
}

// More outstanding must not make each of them dearer; that they share system calls and so are
// cheaper is no fault. So the ratio is to the best with as many or fewer.
std::vector<Row> outstanding(const Plan& plan, const Placement& placement) {
    const Settings settings = {
        {10, 100, 1000, 10000},
        "outstanding",
        [](Pair& pair, unsigned number) {
            const Answer answer = demand(pair, "batch " + std::to_string(number) + " 20000");
            return answer.seconds / answer.transactions * 1e6;
        },
        [](const std::vector<double>& figures, size_t n) {
            return *std::min_element(figures.begin(), figures.begin() + static_cast<long>(n) + 1);
        },
        [](unsigned) {
            return Bar{Bar::AT_MOST, 1.3};
        }};
    Row row{MANY_OUTSTANDING, placement.name, "us", 2, false, "best of fewer", {}, 0};
    for (const Contestant& who : plan.contestants)
        if (ours(who)) compare(row, who, settings, plan, placement);
    return {row};
}

std::vector<Row> clients(const Plan& plan, const Placement& placement) {
    const Settings settings = {{1, 10, 100, 1000},
                               "client",
                               [](Pair& pair, unsigned number) {
                                   demand(pair, "clients " + std::to_string(number));
                                   demand(pair, "sweep " + std::to_string(number));
                                   const Answer answer = demand(pair, "sweep 5000");
                                   return answer.transactions / answer.seconds / 1e3;
                               },
                               [](const std::vector<double>& figures, size_t) {
                                   return *std::max_element(figures.begin(), figures.end());
                               },
                               [](unsigned number) {
                                   return number == 1000 ? Bar{Bar::AT_LEAST, 0.7} : Bar();
                               }};
    Row row{MANY_CLIENTS, placement.name, "k/s", 1, true, "the best", {}, 0};
    for (const Contestant& who : plan.contestants)
        if (who.role == Role::OURS_C) compare(row, who, settings, plan, placement);
    return {row};
}

// Each client has read something, and then does nothing. Each round has a server of its own.
std::vector<Row> memory(const Plan& plan, const Placement& placement) {
    Row row{MEMORY, placement.name, "KiB", 1, false, "", {}, 0};
    for (const Contestant& who : plan.contestants) {
        if (who.role != Role::OURS_C) continue;
        row.entries.push_back({who.name, "", {}, {}, {Bar::AT_MOST, 32}, ""});
        guarded(row, who, [&] {
            for (int round = 0; round < 2; round++) {
                const std::unique_ptr<Pair> pair = Pair::start(who, "words", placement);
                demand(*pair, "clients 1");
                demand(*pair, "sweep 1000");
                const double before = pair->server().usage().memoryBytes;
                demand(*pair, "clients 1001");
                demand(*pair, "sweep 3003");
                rest(0.5);
                const double more = pair->server().usage().memoryBytes - before;
                row.entries.back().values.rounds.push_back(more / 1000 / 1024);
            }
        });
    }
    return {row};
}

std::vector<Row> idle(const Plan& plan, const Placement& placement) {
    Row cpu{std::string(IDLE) + ", CPU", placement.name, "%", 2, false, "", {}, 0};
    Row wakeups{std::string(IDLE) + ", wake-ups", placement.name, "/s", 2, false, "", {}, 0};
    for (const Contestant& who : plan.contestants) {
        if (who.role != Role::OURS_C) continue;
        for (const char* side : {"server", "client"}) {
            // Nothing, that is: no more than two wake-ups a second cost.
            cpu.entries.push_back({who.name, side, {}, {}, {Bar::AT_MOST, 0.01}, ""});
            wakeups.entries.push_back({who.name, side, {}, {}, {Bar::AT_MOST, 2}, ""});
        }
        guarded(cpu, who, [&] {
            const std::unique_ptr<Pair> pair = Pair::start(who, "words", placement);
            demand(*pair, "clients 100");
            demand(*pair, "sweep 1000");
            rest(2);
            for (int round = 0; round < 2; round++) {
                const double seconds = 3;
                const Process* sides[2] = {&pair->server(), &pair->client()};
                Usage before[2] = {sides[0]->usage(), sides[1]->usage()};
                rest(seconds);
                for (int n = 0; n < 2; n++) {
                    const Usage after = sides[n]->usage();
                    const size_t at = cpu.entries.size() - 2 + static_cast<size_t>(n);
                    cpu.entries[at].values.rounds.push_back(
                        (after.cpuSeconds - before[n].cpuSeconds) / seconds * 100);
                    wakeups.entries[at].values.rounds.push_back(
                        (after.wakeups - before[n].wakeups) / seconds);
                }
            }
        });
        for (size_t n = 0; n < cpu.entries.size(); n++)
            wakeups.entries[n].failure = cpu.entries[n].failure;
    }
    return {cpu, wakeups};
}

} // namespace

void measureOwn(const Plan& plan, const std::function<bool(const std::string&)>& wanted,
                const std::function<void(const Row&)>& finished) {
    using Work = std::vector<Row> (*)(const Plan&, const Placement&);
    const std::pair<const char*, Work> works[] = {{LATE, late},
                                                  {MANY_OUTSTANDING, outstanding},
                                                  {MANY_CLIENTS, clients},
                                                  {MEMORY, memory},
                                                  {IDLE, idle}};
    for (const auto& [name, work] : works) {
        for (const Placement& placement : plan.placements) {
            if (!wanted(name)) continue;
            const OtherWork otherWork;
            for (Row& row : work(plan, placement)) {
                row.otherWork = otherWork.cores();
                finished(row);
            }
        }
    }
}

} // namespace bench
