// The rows that are the same for all contestants, and the list of all. Those that are about ours
// alone, and compare it with itself or with a fixed limit, are in own_rows.cpp.
#include "rows.h"

#include "other_work.h"
#include "own_rows.h"
#include "pair.h"

#include <memory>

namespace bench {

namespace {

// A figure that comes of a client's answer.
struct Figure {
    std::string work, unit;
    int decimals = 1;
    bool moreIsBetter = false;
    std::function<double(const Answer&)> of;
    std::string base;
    Bar together[2], apart[2]; // from C and from C++, on one core and on one each
};

struct Race {
    std::string kind;    // of the server
    std::string command; // what a round is; without the count
    unsigned long count = 0;
    std::vector<Figure> figures;
};

Bar atMost(double limit) { return {Bar::AT_MOST, limit}; }

Bar atLeast(double limit) { return {Bar::AT_LEAST, limit}; }

Race single() {
    Figure p50;
    p50.work = "4-byte read, one at a time, p50";
    p50.unit = "us";
    p50.of = [](const Answer& answer) { return answer.p50; };
    p50.base = FLOOR_NAME;
    p50.together[0] = atMost(1.25);
    p50.together[1] = atMost(1.30);
    p50.apart[0] = atMost(1.15);
    p50.apart[1] = atMost(1.20);

    Figure p99 = p50;
    p99.work = "4-byte read, one at a time, p99";
    p99.of = [](const Answer& answer) { return answer.p99; };
    for (Bar* bar : {&p99.together[0], &p99.together[1], &p99.apart[0], &p99.apart[1]})
        *bar = atMost(1.5);
    return {"words", "single", 200, {p50, p99}};
}

// A race that is about how much gets through.
Race throughput(const std::string& kind, const std::string& command, unsigned long count,
                Figure figure, Bar bar) {
    figure.decimals = 0;
    figure.moreIsBetter = true;
    figure.together[0] = figure.together[1] = figure.apart[0] = figure.apart[1] = bar;
    return {kind, command, count, {figure}};
}

Race batch() {
    Figure figure;
    figure.work = "4-byte reads, 64 outstanding";
    figure.unit = "k/s";
    figure.of = [](const Answer& answer) { return answer.transactions / answer.seconds / 1e3; };
    figure.base = LIBZMQ_NAME;
    return throughput("words", "batch 64", 1600, figure, atLeast(3));
}

Race blocks(const std::string& verb, double size, const std::string& sizeText, unsigned long count,
            double limit) {
    Figure figure;
    figure.work = "block " + verb + ", " + sizeText;
    figure.unit = "MB/s";
    figure.of = [size](const Answer& answer) {
        return answer.transactions * size / answer.seconds / 1e6;
    };
    figure.base = FLOOR_NAME;
    return throughput("blocks", verb + " " + std::to_string(static_cast<unsigned long>(size)),
                      count, figure, atLeast(limit));
}

std::vector<Race> races() {
    std::vector<Race> all = {single(), batch()};
    for (const char* verb : {"read", "write"}) {
        all.push_back(blocks(verb, 1 << 16, "64 KiB", 100, 0.75));
        all.push_back(blocks(verb, 1 << 20, "1 MiB", 10, 0.9));
        all.push_back(blocks(verb, 1 << 24, "16 MiB", 2, 0.9));
    }
    return all;
}

// One contestant in a race.
struct Runner {
    const Contestant* who;
    std::unique_ptr<Pair> pair;
    std::vector<Answer> answers; // a round that went wrong is the last
    std::string failure;

    bool running() const { return pair != nullptr; }

    bool run(const std::string& command, bool keep) {
        try {
            const Answer answer = pair->run(command);
            if (!answer.supported)
                pair.reset();
            else if (keep)
                answers.push_back(answer);
        } catch (const std::exception& error) {
            failure = error.what();
            pair.reset();
        }
        return running();
    }
};

std::vector<Runner> start(const Plan& plan, const Race& race, const Placement& placement) {
    std::vector<Runner> runners;
    for (const Contestant& who : plan.contestants) {
        Runner runner{&who, nullptr, {}, ""};
        try {
            runner.pair = Pair::start(who, race.kind, placement);
        } catch (const std::exception& error) {
            runner.failure = error.what();
        }
        if (runner.running()) runner.run(race.command + " 1", false); // whether it can
        if (runner.running() || !runner.failure.empty()) runners.push_back(std::move(runner));
    }
    return runners;
}

Row row(const Figure& figure, const Placement& placement, const std::vector<Runner>& runners) {
    Row row{figure.work,         placement.name, figure.unit, figure.decimals,
            figure.moreIsBetter, figure.base,    {},          0};
    const Runner* base = nullptr;
    for (const Runner& runner : runners)
        if (runner.who->name == figure.base) base = &runner;
    for (const Runner& runner : runners) {
        Entry entry{runner.who->name, "", {}, {}, {}, runner.failure};
        for (size_t n = 0; n < runner.answers.size(); n++) {
            const double value = figure.of(runner.answers[n]);
            entry.values.rounds.push_back(value);
            if (base != nullptr && n < base->answers.size())
                entry.ratios.rounds.push_back(value / figure.of(base->answers[n]));
        }
        const Bar* bars = placement.together() ? figure.together : figure.apart;
        if (runner.who->role == Role::OURS_C) entry.bar = bars[0];
        if (runner.who->role == Role::OURS_CXX) entry.bar = bars[1];
        row.entries.push_back(entry);
    }
    return row;
}

void run(const Plan& plan, const Race& race, const std::function<void(const Row&)>& finished) {
    // Rounds are short, so that what else the machine does falls on all alike, and many: on a busy
    // machine the median ratio of 7 rounds of 2000 reads was anything from 1.1 to 2.1 while that of
    // 25 rounds of 500 was 1.34 to 1.44.
    const std::string command = race.command + " " + std::to_string(race.count);
    const std::string warmUp = race.command + " " + std::to_string(race.count / 10 + 1);
    for (const Placement& placement : plan.placements) {
        const OtherWork otherWork;
        std::vector<Runner> runners = start(plan, race, placement);
        for (int round = 0; round < plan.rounds; round++) {
            // There and back, so that nobody always comes after the same one.
            for (size_t n = 0; n < runners.size(); n++) {
                Runner& runner = runners[round % 2 == 0 ? n : runners.size() - 1 - n];
                if (!runner.running()) continue;
                // Caches and the processor's clock are as the one before left them.
                if (runner.run(warmUp, false)) runner.run(command, true);
            }
        }
        std::vector<Row> rows;
        for (const Figure& figure : race.figures)
            rows.push_back(row(figure, placement, runners));
        runners.clear();
        for (Row& row : rows) {
            row.otherWork = otherWork.cores();
            finished(row);
        }
    }
}

} // namespace

void measure(const Plan& plan, const std::function<void(const Row&)>& finished) {
    const auto wanted = [&](const std::string& work) {
        return work.find(plan.only) != std::string::npos;
    };
    for (Race& race : races()) {
        std::vector<Figure> figures;
        for (const Figure& figure : race.figures)
            if (wanted(figure.work)) figures.push_back(figure);
        race.figures = figures;
        if (!figures.empty()) run(plan, race, finished);
    }
    measureOwn(plan, wanted, finished);
}

} // namespace bench
