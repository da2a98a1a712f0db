// The chart: for each work a group of bars, the placements side by side. It is the ratio that is
// drawn, or the figure itself where there is no ratio; a thin line is where the middle half of
// the rounds is; a red line is the limit.
#include "report.h"

#include <map>

namespace bench {

namespace {

const int COLUMN = 620, MARGIN = 20, LABEL = 190, LENGTH = 210, LINE = 17, HEAD = 46, TOP = 92;

std::string escaped(const std::string& text) {
    std::string result;
    for (const char c : text) {
        if (c == '&')
            result += "&amp;";
        else if (c == '<')
            result += "&lt;";
        else if (c == '>')
            result += "&gt;";
        else
            result += c;
    }
    return result;
}

std::string words(int x, int y, const char* style, const std::string& text) {
    return format("<text x=\"%d\" y=\"%d\" class=\"%s\">", x, y, style) + escaped(text) +
           "</text>\n";
}

const char* colour(const std::string& contestant) {
    static const std::map<std::string, const char*> colours = {{"plain sockets", "#8a8f98"},
                                                               {"C peer on libzmq", "#d9822b"},
                                                               {"libmodbus", "#8e63b8"},
                                                               {"ours, C", "#1f6fb4"},
                                                               {"ours, C++", "#2a9d8f"}};
    const auto found = colours.find(contestant);
    return found == colours.end() ? "#a23b4a" : found->second;
}

std::string figures(const Row& row, const Entry& entry) {
    if (entry.values.empty()) return entry.failure.empty() ? "-" : "failed";
    std::string text = format("%.*f %s", row.decimals, entry.values.median(), row.unit.c_str());
    if (!row.base.empty() && !entry.ratios.empty())
        text = format("%.2f  (%s)", entry.ratios.median(), text.c_str());
    return text;
}

int height(const Row& row) { return HEAD + static_cast<int>(row.entries.size()) * LINE; }

std::string draw(const Row& row, int x, int y) {
    double most = 0;
    for (const Entry& entry : row.entries) {
        most = std::max(most, entry.bar.kind == Bar::NONE ? 0 : entry.bar.limit);
        if (!row.judged(entry).empty()) most = std::max(most, row.judged(entry).median());
    }
    std::string svg = words(x, y + 16, "work", row.work);
    svg += words(x, y + 30, "unit",
                 (row.base.empty() ? row.unit : "ratio to " + row.base + ", and " + row.unit) +
                     (row.moreIsBetter ? "; more is better" : "; less is better"));
    y += HEAD - 10;
    for (const Entry& entry : row.entries) {
        svg += words(x + LABEL - 8, y + 12, "label", entry.label());
        const Series& series = row.judged(entry);
        if (!series.empty() && most > 0) {
            const auto at = [&](double value) { return std::min(value / most, 1.0) * LENGTH; };
            svg +=
                format("<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>\n",
                       x + LABEL, y + 2, at(series.median()), LINE - 4, colour(entry.contestant));
            svg += format("<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" class=\"range\"/>\n",
                          x + LABEL + at(series.quantile(0.25)), y + LINE / 2,
                          x + LABEL + at(series.quantile(0.75)), y + LINE / 2);
        }
        if (entry.bar.kind != Bar::NONE && most > 0) {
            const double at = x + LABEL + entry.bar.limit / most * LENGTH;
            svg += format("<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" class=\"limit\"/>\n",
                          at, y, at, y + LINE);
        }
        svg += words(x + LABEL + LENGTH + 8, y + 12, "figure", figures(row, entry));
        const Verdict verdict = row.verdict(entry);
        if (verdict != Verdict::NO_BAR)
            svg += words(x + COLUMN - 64, y + 12, verdict == Verdict::MET ? "met" : "unmet",
                         text(verdict));
        y += LINE;
    }
    return svg;
}

} // namespace

std::string chart(const Report& report) {
    std::vector<std::string> placements, works;
    std::map<std::string, std::map<std::string, const Row*>> table;
    for (const Row& row : report.rows) {
        if (table.find(row.work) == table.end()) works.push_back(row.work);
        if (std::find(placements.begin(), placements.end(), row.placement) == placements.end())
            placements.push_back(row.placement);
        table[row.work][row.placement] = &row;
    }

    std::string body;
    int y = TOP;
    for (const std::string& work : works) {
        int tallest = 0;
        for (size_t column = 0; column < placements.size(); column++) {
            const Row* row = table[work][placements[column]];
            if (row == nullptr) continue;
            body += draw(*row, MARGIN + static_cast<int>(column) * COLUMN, y);
            tallest = std::max(tallest, height(*row));
        }
        y += tallest;
    }

    const int width = 2 * MARGIN + std::max(1, static_cast<int>(placements.size())) * COLUMN;
    std::string svg = format("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
                             "viewBox=\"0 0 %d %d\" font-family=\"sans-serif\">\n",
                             width, y + MARGIN, width, y + MARGIN);
    svg += "<style>.title{font-size:18px;font-weight:bold}.sub{font-size:12px;fill:#555}"
           ".place{font-size:15px;font-weight:bold}.work{font-size:13px;font-weight:bold}"
           ".unit{font-size:11px;fill:#666}.label{font-size:12px;text-anchor:end}"
           ".figure{font-size:12px}.met{font-size:12px;fill:#2c7a3f}"
           ".unmet{font-size:12px;fill:#b3261e}.range{stroke:#000;stroke-opacity:.55}.limit{stroke:"
           "#b3261e;stroke-width:2}</style>\n"
           "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n";
    svg += words(MARGIN, 28, "title", "rogue-memory-bridge beside others, over loopback");
    svg += words(MARGIN, 48, "sub",
                 format("%s; %s; %s; medians of %d rounds, thin line: half of "
                        "them; red line: the limit for ours",
                        report.date.c_str(), report.machine.c_str(), report.system.c_str(),
                        report.rounds));
    for (size_t column = 0; column < placements.size(); column++)
        svg += words(MARGIN + static_cast<int>(column) * COLUMN, 78, "place", placements[column]);
    return svg + body + "</svg>\n";
}

} // namespace bench
