// What other programs do while the benchmark runs: the one thing to know before its figures are
// believed.
#ifndef BENCH_DRIVER_OTHER_WORK_H
#define BENCH_DRIVER_OTHER_WORK_H

#include <chrono>

namespace bench {

class OtherWork {
  public:
    // From now on.
    OtherWork();

    // In cores, on average until now. The driver's processes count as soon as they have ended.
    double cores() const;

  private:
    std::chrono::steady_clock::time_point start_;
    double startSeconds_;
};

} // namespace bench

#endif
