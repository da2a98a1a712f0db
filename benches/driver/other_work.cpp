// The machine's time in /proc/stat, without that of this process and its children.
#include "other_work.h"

#include <fstream>
#include <string>
#include <sys/resource.h>
#include <unistd.h>

namespace bench {

namespace {

double seconds(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

// Since the machine was started: by others, and what a host took away from the machine.
double othersSeconds() {
    std::ifstream stat("/proc/stat");
    std::string name;
    double user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, softirq = 0, steal = 0;
    stat >> name >> user >> nice >> system >> idle >> wait >> irq >> softirq >> steal;
    double used =
        (user + nice + system + irq + softirq + steal) / static_cast<double>(sysconf(_SC_CLK_TCK));
    for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
        rusage usage;
        if (getrusage(who, &usage) == 0) used -= seconds(usage.ru_utime) + seconds(usage.ru_stime);
    }
    return used;
}

} // namespace

OtherWork::OtherWork() : start_(std::chrono::steady_clock::now()), startSeconds_(othersSeconds()) {}

double OtherWork::cores() const {
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start_;
    const double used = othersSeconds() - startSeconds_;
    return used > 0 && time.count() > 0 ? used / time.count() : 0;
}

} // namespace bench
