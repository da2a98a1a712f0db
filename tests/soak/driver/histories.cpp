// Runs the checker over what the clients of the soak have recorded.
#include "histories.h"

#include "../../histories/history.h"
#include "child.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <sys/wait.h>
#include <vector>

namespace soak {

namespace {

const std::chrono::minutes PATIENCE(5);
const uint64_t RECORDED_NS = UINT64_C(600000000000);

} // namespace

Histories::Histories() {
    std::string name = std::filesystem::temp_directory_path().string() + "/soak-histories-XXXXXX";
    const std::string until = std::to_string(history_now() + RECORDED_NS);
    if (mkdtemp(&name[0]) == nullptr || setenv("RIM_HISTORIES", name.c_str(), 1) != 0 ||
        setenv("RIM_HISTORIES_UNTIL", until.c_str(), 1) != 0)
        throw std::runtime_error("no folder for histories");
    folder_ = name;
    std::printf("histories: in %s\n", folder_.c_str());
}

bool Histories::check(const std::string& checker) const {
    Child child;
    child.start({checker, folder_}, -1);
    // It says nothing of this kind: all lines until the end go to `others`.
    child.hear("\n", PATIENCE);
    for (const std::string& line : child.others)
        std::puts(line.c_str());
    const int status = child.close(PATIENCE);
    if (!WIFEXITED(status) || WEXITSTATUS(status) > 1)
        throw std::runtime_error("the histories could not be checked");
    return WEXITSTATUS(status) == 0;
}

void Histories::remove() const { std::filesystem::remove_all(folder_); }

} // namespace soak
