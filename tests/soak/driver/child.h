// One process of the soak: started, told and heard by lines, stopped, killed, watched in /proc. Not
// what it is: see cast.h.
#ifndef RIM_SOAK_CHILD_H
#define RIM_SOAK_CHILD_H

#include <chrono>
#include <string>
#include <sys/types.h>
#include <vector>

namespace soak {

using Clock = std::chrono::steady_clock;

// What a process holds.
struct Holdings {
    long kilobytes = 0, descriptors = 0, threads = 0;
};

// It is killed by the destructor, and by the system if the driver goes first.
class Child {
  public:
    Child() = default;
    ~Child();
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    // Starts `arguments`, which inherits `file` unless that is -1. Throws std::runtime_error.
    void start(const std::vector<std::string>& arguments, int file);

    bool running() const { return pid_ > 0; }
    void tell(const std::string& line);

    // The next line, or an empty one when none came in that time or the process has ended. Lines
    // that do not begin with `wanted` are kept in `others`.
    std::string hear(const std::string& wanted, std::chrono::milliseconds patience);
    std::vector<std::string> others;

    void signal(int number) const;

    // Whether it has ended by itself, which it should not.
    bool hasEnded();

    // SIGKILL, or another signal, or the end of its standard input, and waits for the end; it is
    // killed when that takes longer than `patience`. Gives its status as waitpid does.
    int kill();
    int end(int number, std::chrono::milliseconds patience);
    int close(std::chrono::milliseconds patience);

    Holdings holdings() const;

  private:
    int wait(std::chrono::milliseconds patience);
    void forget();

    pid_t pid_ = -1;
    int in_ = -1, out_ = -1;
    std::string heard_;
};

} // namespace soak

#endif
