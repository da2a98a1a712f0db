// Prints what the soak has found.
#include "report.h"

#include <cstdio>
#include <sstream>

namespace soak {

namespace {

// Allocators keep what they have had: so much may be there that was not there at the start.
const long KILOBYTES_MORE = 16 << 10;
// A connection that is just being made or left.
const long DESCRIPTORS_MORE = 3;

bool begins(const std::string& text, const char* with) { return text.rfind(with, 0) == 0; }

} // namespace

bool sameHoldings(const Holdings& first, const Holdings& last) {
    return last.kilobytes <= first.kilobytes + KILOBYTES_MORE &&
           last.descriptors <= first.descriptors + DESCRIPTORS_MORE &&
           last.threads <= first.threads;
}

void Report::take(const std::string& client, const std::string& line) {
    std::istringstream words(line);
    std::string kind, name;
    uint64_t value = 0;
    if (!(words >> kind >> name >> value)) return;
    uint64_t& figure = figures[name];
    if (kind == "count")
        figure += value;
    else if (value > figure)
        figure = value;
    if (begins(name, "transactions.")) asked[client] += value;
    if (value == 0) return;
    if (name == "wrong")
        failures.push_back(client + ": values wrong: " + std::to_string(value));
    else if (name == "late" || name == "hung")
        failures.push_back(client + ": " + name);
}

void Report::compare(const std::string& name, const Holdings& first, const Holdings& last) {
    char line[200];
    std::snprintf(line, sizeof line, "  %-26s %7ld -> %7ld %5ld -> %4ld %5ld -> %4ld", name.c_str(),
                  first.kilobytes, last.kilobytes, first.descriptors, last.descriptors,
                  first.threads, last.threads);
    holdings.push_back(line);
    if (!sameHoldings(first, last)) failures.push_back(name + " holds more than at the start");
}

void Report::print() const {
    std::puts("faults injected:");
    for (const auto& fault : faults)
        std::printf("  %-32s %8u\n", fault.first.c_str(), fault.second);
    std::puts("transactions, by client:");
    for (const auto& client : asked)
        std::printf("  %-32s %8llu\n", client.first.c_str(),
                    static_cast<unsigned long long>(client.second));
    std::puts("figures, of all clients:");
    for (const auto& figure : figures)
        std::printf("  %-40s %10llu\n", figure.first.c_str(),
                    static_cast<unsigned long long>(figure.second));
    std::puts("held at the start and at the end, by those that were not killed:");
    std::printf("  %-26s %18s %13s %13s\n", "", "memory, KiB", "descriptors", "threads");
    for (const std::string& line : holdings)
        std::puts(line.c_str());
    for (const std::string& failure : failures)
        std::printf("FAILED: %s\n", failure.c_str());
}

} // namespace soak
