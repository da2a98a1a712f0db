// Starts, tells, watches and ends one process of the soak.
#include "child.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <fstream>
#include <poll.h>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace soak {

namespace {

// In the child: from here on it is the program, or none.
[[noreturn]] void become(const std::vector<std::string>& arguments, int in, int out, int file) {
    std::vector<char*> words;
    for (const std::string& argument : arguments)
        words.push_back(const_cast<char*>(argument.c_str()));
    words.push_back(nullptr);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::signal(SIGPIPE, SIG_DFL);
    if (dup2(in, 0) >= 0 && dup2(out, 1) >= 0 && (file < 0 || fcntl(file, F_SETFD, 0) == 0))
        execv(words[0], words.data());
    perror(words[0]);
    _exit(127);
}

long entries(const std::string& path) {
    DIR* folder = opendir(path.c_str());
    if (folder == nullptr) return 0;
    long count = 0;
    while (const dirent* entry = readdir(folder))
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

} // namespace

Child::~Child() {
    if (running()) kill();
}

void Child::start(const std::vector<std::string>& arguments, int file) {
    int to[2], from[2];
    if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0)
        throw std::runtime_error(std::string("pipe: ") + std::strerror(errno));
    pid_ = fork();
    if (pid_ == 0) become(arguments, to[0], from[1], file);
    ::close(to[0]);
    ::close(from[1]);
    in_ = to[1];
    out_ = from[0];
    heard_.clear();
    others.clear();
    if (pid_ < 0) throw std::runtime_error(std::string("fork: ") + std::strerror(errno));
}

void Child::tell(const std::string& line) {
    const std::string bytes = line + "\n";
    // One that has ended is noticed by who looks after it.
    if (in_ >= 0 && write(in_, bytes.data(), bytes.size()) < 0) return;
}

std::string Child::hear(const std::string& wanted, std::chrono::milliseconds patience) {
    const auto until = Clock::now() + patience;
    for (;;) {
        const size_t end = heard_.find('\n');
        if (end != std::string::npos) {
            std::string line = heard_.substr(0, end);
            heard_.erase(0, end + 1);
            if (line.compare(0, wanted.size(), wanted) == 0) return line;
            others.push_back(line);
            continue;
        }
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
        pollfd ready = {out_, POLLIN, 0};
        if (left < 0 || poll(&ready, 1, static_cast<int>(left)) <= 0) return "";
        char bytes[400];
        const ssize_t count = read(out_, bytes, sizeof bytes);
        if (count <= 0) return "";
        heard_.append(bytes, static_cast<size_t>(count));
    }
}

void Child::signal(int number) const {
    if (running()) ::kill(pid_, number);
}

bool Child::hasEnded() {
    siginfo_t info = {};
    return running() &&
           waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == pid_;
}

void Child::forget() {
    ::close(in_);
    ::close(out_);
    in_ = out_ = -1;
    pid_ = -1;
}

int Child::wait(std::chrono::milliseconds patience) {
    const auto until = Clock::now() + patience;
    while (!hasEnded() && Clock::now() < until)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return kill();
}

int Child::kill() {
    int status = 0;
    ::kill(pid_, SIGKILL);
    waitpid(pid_, &status, 0);
    forget();
    return status;
}

int Child::end(int number, std::chrono::milliseconds patience) {
    signal(number);
    return wait(patience);
}

int Child::close(std::chrono::milliseconds patience) {
    ::close(in_);
    in_ = -1;
    return wait(patience);
}

Holdings Child::holdings() const {
    const std::string base = "/proc/" + std::to_string(pid_);
    Holdings held;
    long pages = 0;
    std::ifstream(base + "/statm") >> pages >> pages;
    held.kilobytes = pages * (sysconf(_SC_PAGESIZE) / 1024);
    held.descriptors = entries(base + "/fd");
    held.threads = entries(base + "/task");
    return held;
}

} // namespace soak
