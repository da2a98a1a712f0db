// A contestant at work: its server and its client, each in a process of its own.
#ifndef BENCH_DRIVER_PAIR_H
#define BENCH_DRIVER_PAIR_H

#include "process.h"
#include "rows.h"

#include <memory>
#include <string>

namespace bench {

// What a client answers.
struct Answer {
    bool supported = false;
    double seconds = 0, transactions = 0, p50 = 0, p99 = 0;
};

class Pair {
  public:
    // Starts a server with a slave of a kind (see contestant.h), and a client of it. Null if the
    // contestant has no such server; throws std::runtime_error if it fails.
    static std::unique_ptr<Pair> start(const Contestant& who, const std::string& kind,
                                       const Placement& placement);

    // Has the client do something.
    Answer run(const std::string& command);

    const Process& server() const { return *server_; }
    const Process& client() const { return *client_; }

  private:
    std::unique_ptr<Process> server_, client_; // the client goes first
};

} // namespace bench

#endif
