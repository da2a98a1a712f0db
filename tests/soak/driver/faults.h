// What goes wrong in the soak, and when: chosen at random from a seed, each lifted after a while.
#ifndef RIM_SOAK_FAULTS_H
#define RIM_SOAK_FAULTS_H

#include "cast.h"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace soak {

class Faults {
  public:
    Faults(Cast& cast, uint64_t seed);

    // Makes faults until then. Throws std::runtime_error when a process ends that should not.
    void run(Clock::time_point until);

    // Lifts all that there are.
    void lift();

    // How many of each kind there have been.
    std::map<std::string, unsigned> counts;

  private:
    struct Lift {
        Clock::time_point due;
        std::function<void()> action;
    };

    void one();
    void atServer();
    void onLine();
    void later(unsigned mostMs, std::function<void()> action);
    void liftDue(Clock::time_point now);
    unsigned below(unsigned bound);

    Cast& cast_;
    uint64_t chance_;
    std::vector<Lift> lifts_;
    std::vector<bool> busy_; // lines that something is wrong with
};

} // namespace soak

#endif
