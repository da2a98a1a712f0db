// What is shown: the table, the JSON file, the chart.
#ifndef BENCH_DRIVER_REPORT_H
#define BENCH_DRIVER_REPORT_H

#include "result.h"

#include <string>

namespace bench {

// One row of the table on stdout.
void print(const Row& row);

// How many bars there were and how many were met, on stdout.
void printSummary(const Report& report);

std::string json(const Report& report);

std::string chart(const Report& report);

// printf, into a string.
std::string format(const char* pattern, ...) __attribute__((format(printf, 1, 2)));

} // namespace bench

#endif
