// One connection that a proxy passes on: two sockets, and the bytes between them. Not when it is
// made or cut: see proxy.h.
#ifndef RIM_SOAK_RELAY_H
#define RIM_SOAK_RELAY_H

#include "child.h"

#include <cstdint>
#include <deque>
#include <string>

namespace soak {

struct Weather;

// One direction.
struct Flow {
    struct Chunk {
        Clock::time_point due;
        std::string bytes;
    };
    std::deque<Chunk> chunks;
    size_t queued = 0;
    bool ended = false, endPassed = false;
    double allowance = 0; // bytes that may be passed on under a limit
    Clock::time_point allowedAt = Clock::now();
};

class Relay {
  public:
    Relay(int client, int server, unsigned half);

    // 1: it carries requests; 2: responses.
    unsigned half() const { return half_; }

    // Passes on what it can. False when the connection is over; then close it.
    bool pass(const Weather& weather, uint64_t* chance);

    // Closes both sides; with a reset, or as a program does that has ended.
    void close(bool reset);

    int client() const { return side_[0]; }
    int server() const { return side_[1]; }
    // What poll has to wait for on each side.
    short events(unsigned side, const Weather& weather) const;

  private:
    bool take(Flow& flow, int from, const Weather& weather);
    bool give(Flow& flow, int to, const Weather& weather, uint64_t* chance);

    int side_[2];
    unsigned half_;
    Flow flow_[2]; // from each side
};

} // namespace soak

#endif
