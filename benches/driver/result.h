// What has been measured: rows with the values of the rounds, and the bars that they are held to.
#ifndef BENCH_DRIVER_RESULT_H
#define BENCH_DRIVER_RESULT_H

#include <algorithm>
#include <string>
#include <vector>

namespace bench {

// The values of the rounds.
struct Series {
    std::vector<double> rounds;

    bool empty() const { return rounds.empty(); }

    // What `part` of the rounds are below: 0.5 is the median.
    double quantile(double part) const {
        std::vector<double> sorted = rounds;
        std::sort(sorted.begin(), sorted.end());
        const double place = part * static_cast<double>(sorted.size() - 1);
        const size_t below = static_cast<size_t>(place);
        const size_t above = std::min(below + 1, sorted.size() - 1);
        return sorted[below] +
               (sorted[above] - sorted[below]) * (place - static_cast<double>(below));
    }

    double median() const { return quantile(0.5); }
};

// A limit that ours are held to.
struct Bar {
    enum Kind { NONE, AT_MOST, AT_LEAST };
    Kind kind = NONE;
    double limit = 0;
};

enum class Verdict { NO_BAR, NOT_JUDGED, MET, NOT_MET };

// One line of a row: a contestant, or one of the settings of a contestant.
struct Entry {
    std::string contestant;
    std::string setting; // such as "100 clients"; mostly empty
    Series values;
    Series ratios; // to the row's base in the same round
    Bar bar;       // for the median ratio if the row has a base, else for the median
    std::string failure;

    std::string label() const { return setting.empty() ? contestant : contestant + ", " + setting; }
};

struct Row {
    std::string work;
    std::string placement;
    std::string unit;
    int decimals = 1;
    bool moreIsBetter = false;
    std::string base; // what ratios are to; empty: there are none
    std::vector<Entry> entries;
    double otherWork = 0; // what other programs did meanwhile, in cores

    const Series& judged(const Entry& entry) const {
        return base.empty() ? entry.values : entry.ratios;
    }

    Verdict verdict(const Entry& entry) const {
        if (entry.bar.kind == Bar::NONE) return Verdict::NO_BAR;
        if (judged(entry).empty()) return Verdict::NOT_JUDGED;
        const double figure = judged(entry).median();
        const bool met =
            entry.bar.kind == Bar::AT_MOST ? figure <= entry.bar.limit : figure >= entry.bar.limit;
        return met ? Verdict::MET : Verdict::NOT_MET;
    }
};

inline const char* text(Verdict verdict) {
    switch (verdict) {
    case Verdict::MET:
        return "met";
    case Verdict::NOT_MET:
        return "not met";
    case Verdict::NOT_JUDGED:
        return "not judged";
    default:
        return "";
    }
}

struct Report {
    std::string date, machine, system;
    int rounds = 0;
    double otherWork = 0;           // what other programs did meanwhile, in cores
    std::vector<std::string> notes; // such as a contestant that is not there
    std::vector<Row> rows;
};

} // namespace bench

#endif
