// The network between the clients and the servers of the soak: for each client a line, which is two
// ports that lead to the two ports of its server, and which can be made to fail. All on one thread.
#ifndef RIM_SOAK_PROXY_H
#define RIM_SOAK_PROXY_H

#include "relay.h"

#include <atomic>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace soak {

// What a line does to the bytes on it.
struct Weather {
    bool silent = false;     // nothing passes
    unsigned delayMs = 0;    // each byte arrives so much later
    unsigned pieceMost = 0;  // bytes are passed on in pieces of at most so many; 0: as they come
    unsigned bytesPerMs = 0; // 0: no limit
};

enum class Cut { Reset, Close };

class Proxy {
  public:
    explicit Proxy(uint64_t seed);
    ~Proxy();
    Proxy(const Proxy&) = delete;
    Proxy& operator=(const Proxy&) = delete;

    // A new line to `port` and the next of 127.0.0.1, from the address `source`; gives the port on
    // which it begins, which is not below `lowest`. Throws std::runtime_error.
    uint16_t addLine(uint16_t port, const std::string& source, uint16_t lowest);

    size_t lines();
    void setWeather(size_t line, const Weather& weather);

    // Whether connections are refused.
    void setRefusing(size_t line, bool refusing);

    // Ends the connections of the line: those for requests (1), those for responses (2), or both
    // (3). Gives how many.
    unsigned cut(size_t line, unsigned which, Cut how);

  private:
    struct Line {
        uint16_t port, target;
        std::string source;
        int listener[2] = {-1, -1};
        Weather weather;
        std::list<Relay> relays;
    };

    void run();
    bool listen(Line& line);
    void accept(Line& line, unsigned half);
    int round();

    std::mutex mutex_; // guards the lines
    std::vector<Line> lines_;
    uint64_t chance_;
    std::atomic<bool> over_{false};
    std::thread thread_;
};

} // namespace soak

#endif
