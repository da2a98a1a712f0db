// What the soak has found, for people, and whether it is good enough.
#ifndef RIM_SOAK_REPORT_H
#define RIM_SOAK_REPORT_H

#include "cast.h"

#include <map>
#include <string>

namespace soak {

struct Report {
    std::map<std::string, unsigned> faults;
    std::map<std::string, uint64_t> figures; // of all clients together
    std::map<std::string, uint64_t> asked;   // transactions of each client
    std::vector<std::string> holdings;       // lines
    std::vector<std::string> failures;

    // Takes a line `count NAME VALUE` or `most NAME VALUE` of a client.
    void take(const std::string& client, const std::string& line);

    // Notes what a process holds, and whether that has grown.
    void compare(const std::string& name, const Holdings& first, const Holdings& last);

    void print() const;
};

// Whether a process holds no more than it did, but for what a pool may keep.
bool sameHoldings(const Holdings& first, const Holdings& last);

} // namespace soak

#endif
