// The table and the JSON file. The chart is in chart.cpp.
#include "report.h"

#include <cstdarg>
#include <cstdio>

namespace bench {

namespace {

std::string number(double value, int decimals) { return format("%.*f", decimals, value); }

// The middle half of the rounds: what is outside tells of the machine.
std::string range(const Series& series, int decimals) {
    return number(series.quantile(0.25), decimals) + ".." + number(series.quantile(0.75), decimals);
}

std::string bar(const Row& row, const Entry& entry) {
    if (entry.bar.kind == Bar::NONE) return "";
    const std::string verdict = text(row.verdict(entry));
    return format("%s %g: %s", entry.bar.kind == Bar::AT_MOST ? "at most" : "at least",
                  entry.bar.limit, verdict.c_str());
}

std::string quoted(const std::string& text) {
    std::string result = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            result += format("\\%c", c);
        else if (static_cast<unsigned char>(c) < 0x20)
            result += format("\\u%04x", static_cast<unsigned>(c));
        else
            result += c;
    }
    return result + "\"";
}

std::string json(const Series& series) {
    if (series.empty()) return "null";
    std::string rounds;
    for (const double value : series.rounds)
        rounds += (rounds.empty() ? "" : ", ") + format("%.6g", value);
    return format("{\"median\": %.6g, \"quartiles\": [%.6g, %.6g], \"min\": %.6g, \"max\": %.6g,\n"
                  "           \"rounds\": [",
                  series.median(), series.quantile(0.25), series.quantile(0.75), series.quantile(0),
                  series.quantile(1)) +
           rounds + "]}";
}

std::string json(const Row& row, const Entry& entry) {
    std::string result = "        {\"contestant\": " + quoted(entry.contestant);
    if (!entry.setting.empty()) result += ", \"setting\": " + quoted(entry.setting);
    if (!entry.failure.empty()) result += ", \"failure\": " + quoted(entry.failure);
    result += ",\n         \"value\": " + json(entry.values);
    if (!row.base.empty()) result += ",\n         \"ratio\": " + json(entry.ratios);
    if (entry.bar.kind != Bar::NONE)
        result += format(",\n         \"bar\": {\"%s\": %g, \"verdict\": \"%s\"}",
                         entry.bar.kind == Bar::AT_MOST ? "at_most" : "at_least", entry.bar.limit,
                         text(row.verdict(entry)));
    return result + "}";
}

std::string json(const Row& row) {
    std::string entries;
    for (const Entry& entry : row.entries)
        entries += (entries.empty() ? "" : ",\n") + json(row, entry);
    return "    {\"work\": " + quoted(row.work) + ", \"placement\": " + quoted(row.placement) +
           ", \"unit\": " + quoted(row.unit) +
           ", \"more_is_better\": " + (row.moreIsBetter ? "true" : "false") +
           format(", \"other_work_in_cores\": %.3f", row.otherWork) +
           ", \"ratio_to\": " + (row.base.empty() ? "null" : quoted(row.base)) +
           ",\n     \"results\": [\n" + entries + "]}";
}

} // namespace

std::string format(const char* pattern, ...) {
    char text[2000];
    va_list arguments;
    va_start(arguments, pattern);
    vsnprintf(text, sizeof text, pattern, arguments);
    va_end(arguments);
    return text;
}

void print(const Row& row) {
    const std::string ratio = row.base.empty() ? "" : "ratio to " + row.base;
    std::printf("\n%s; %s; %s is better; others kept %.2f cores busy\n", row.work.c_str(),
                row.placement.c_str(), row.moreIsBetter ? "more" : "less", row.otherWork);
    std::printf("  %-30s %10s  %-20s %s\n", "", row.unit.c_str(), "middle half", ratio.c_str());
    for (const Entry& entry : row.entries) {
        std::printf("  %-30s", entry.label().c_str());
        if (entry.values.empty())
            std::printf(" %10s  %-20s", "-", "");
        else
            std::printf(" %10s  %-20s", number(entry.values.median(), row.decimals).c_str(),
                        range(entry.values, row.decimals).c_str());
        if (!row.base.empty() && entry.ratios.empty())
            std::printf(" %6s  %-12s", "-", "");
        else if (!row.base.empty())
            std::printf(" %6s  %-12s", number(entry.ratios.median(), 2).c_str(),
                        range(entry.ratios, 2).c_str());
        std::printf("  %s\n", bar(row, entry).c_str());
        if (!entry.failure.empty()) std::printf("    failed: %s\n", entry.failure.c_str());
    }
    std::fflush(stdout);
}

void printSummary(const Report& report) {
    int bars = 0, met = 0;
    for (const Row& row : report.rows) {
        for (const Entry& entry : row.entries) {
            const Verdict verdict = row.verdict(entry);
            if (verdict != Verdict::NO_BAR) bars++;
            if (verdict == Verdict::MET) met++;
        }
    }
    std::printf("\n%d of %d bars met; others kept %.2f cores busy\n", met, bars, report.otherWork);
}

std::string json(const Report& report) {
    std::string notes, rows;
    for (const std::string& note : report.notes)
        notes += (notes.empty() ? "" : ", ") + quoted(note);
    for (const Row& row : report.rows)
        rows += (rows.empty() ? "" : ",\n") + json(row);
    return "{\"date\": " + quoted(report.date) + ",\n \"machine\": " + quoted(report.machine) +
           ",\n \"system\": " + quoted(report.system) +
           format(",\n \"rounds\": %d,\n \"other_work_in_cores\": %.3f", report.rounds,
                  report.otherWork) +
           ",\n \"notes\": [" + notes + "],\n \"rows\": [\n" + rows + "]}\n";
}

} // namespace bench
