// What is measured: the rows, their bars, and who takes part in them.
#ifndef BENCH_DRIVER_ROWS_H
#define BENCH_DRIVER_ROWS_H

#include "result.h"

#include <functional>
#include <string>
#include <vector>

namespace bench {

enum class Role { FLOOR, PEER, OURS_C, OURS_CXX };

struct Contestant {
    std::string name;
    std::string program;
    Role role;
};

struct Placement {
    std::string name;
    int serverCore, clientCore;

    bool together() const { return serverCore == clientCore; }
};

struct Plan {
    std::vector<Contestant> contestants; // those that are there
    std::vector<Placement> placements;
    int rounds = 50;
    // Of the works that take long.
    int fewRounds() const { return rounds / 10 + 1; }

    std::string only; // part of the names of the works to do; empty: all
};

const char* const FLOOR_NAME = "plain sockets";
const char* const LIBZMQ_NAME = "C peer on libzmq";

// Measures, and gives each row to `finished` as soon as it is there.
void measure(const Plan& plan, const std::function<void(const Row&)>& finished);

} // namespace bench

#endif
