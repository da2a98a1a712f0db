// Starts, tells, watches and ends a contestant's process.
#include "process.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <fstream>
#include <poll.h>
#include <sched.h>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bench {

namespace {

const int PATIENCE_MS = 120000;

std::runtime_error failure(const std::string& what) {
    return std::runtime_error(what + ": " + std::strerror(errno));
}

// In the child: from here on it is the contestant's process, or none.
[[noreturn]] void become(const std::vector<std::string>& arguments, int core, int in, int out) {
    std::vector<char*> words;
    for (const std::string& argument : arguments)
        words.push_back(const_cast<char*>(argument.c_str()));
    words.push_back(nullptr);

    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET(static_cast<unsigned>(core), &cores);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (dup2(in, 0) >= 0 && dup2(out, 1) >= 0 && sched_setaffinity(0, sizeof cores, &cores) == 0)
        execv(words[0], words.data());
    perror(words[0]);
    _exit(127);
}

} // namespace

Process::Process(const std::vector<std::string>& arguments, int core) : program_(arguments[0]) {
    int to[2], from[2];
    if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0) throw failure("pipe");
    pid_ = fork();
    if (pid_ == 0) become(arguments, core, to[0], from[1]);
    close(to[0]);
    close(from[1]);
    in_ = to[1];
    out_ = from[0];
    if (pid_ < 0) throw failure("fork");
}

Process::~Process() {
    close(in_);
    close(out_);
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
}

void Process::tell(const std::string& line) {
    const std::string bytes = line + "\n";
    if (write(in_, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
        throw failure(program_);
}

std::string Process::hear() {
    size_t end;
    while ((end = heard_.find('\n')) == std::string::npos) {
        pollfd ready = {out_, POLLIN, 0};
        if (poll(&ready, 1, PATIENCE_MS) == 0) throw std::runtime_error("no answer in two minutes");
        char bytes[400];
        const ssize_t count = read(out_, bytes, sizeof bytes);
        if (count <= 0) throw std::runtime_error("the program has ended");
        heard_.append(bytes, static_cast<size_t>(count));
    }
    const std::string line = heard_.substr(0, end);
    heard_.erase(0, end + 1);
    if (line.compare(0, 7, "failed ") == 0) throw std::runtime_error(line.substr(7));
    return line;
}

Usage Process::usage() const {
    const std::string base = "/proc/" + std::to_string(pid_);
    Usage used;
    double pages = 0;
    std::ifstream(base + "/statm") >> pages >> pages;
    used.memoryBytes = pages * static_cast<double>(sysconf(_SC_PAGESIZE));

    DIR* tasks = opendir((base + "/task").c_str());
    if (tasks == nullptr) throw failure(base);
    while (const dirent* task = readdir(tasks)) {
        if (task->d_name[0] == '.') continue;
        const std::string path = base + "/task/" + task->d_name;
        // Nanoseconds; /proc/PID/stat has hundredths of a second, too coarse for who does little.
        double nanoseconds = 0;
        std::ifstream(path + "/schedstat") >> nanoseconds;
        used.cpuSeconds += nanoseconds / 1e9;
        std::ifstream status(path + "/status");
        for (std::string word; status >> word;) {
            double switches = 0;
            if (word == "voluntary_ctxt_switches:" && status >> switches) used.wakeups += switches;
        }
    }
    closedir(tasks);
    return used;
}

std::vector<int> allowedCores() {
    std::vector<int> cores;
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) throw failure("sched_getaffinity");
    for (int core = 0; core < CPU_SETSIZE; core++)
        if (CPU_ISSET(static_cast<unsigned>(core), &set)) cores.push_back(core);
    return cores;
}

} // namespace bench
