// One contestant's process: started on a core of its own choosing, told by lines, watched in /proc.
// Not what it is told: see rows.h.
#ifndef BENCH_DRIVER_PROCESS_H
#define BENCH_DRIVER_PROCESS_H

#include <string>
#include <sys/types.h>
#include <vector>

namespace bench {

// What a process has used since it was started.
struct Usage {
    double cpuSeconds = 0;
    double wakeups = 0; // voluntary context switches of all its threads
    double memoryBytes = 0;
};

// It is killed by the destructor, and by the system if the driver goes first.
class Process {
  public:
    // Starts `arguments` with all its threads on `core`. Throws std::runtime_error.
    Process(const std::vector<std::string>& arguments, int core);
    ~Process();

    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    // Writes a line.
    void tell(const std::string& line);

    // Waits for the next line. Throws std::runtime_error when none comes within two minutes, when
    // the process has ended, and when the line begins with "failed".
    std::string hear();

    Usage usage() const;

  private:
    std::string program_;
    pid_t pid_ = -1;
    int in_ = -1, out_ = -1;
    std::string heard_;
};

// The cores that this process may use.
std::vector<int> allowedCores();

} // namespace bench

#endif
