// What the clients of the soak record, and whether it can be explained: see ../../histories.
#ifndef RIM_SOAK_HISTORIES_H
#define RIM_SOAK_HISTORIES_H

#include <string>

namespace soak {

// A folder for what programs record that are started from now on, for ten minutes at most: a
// quarter of a gigabyte, and the checker holds all of it. It stays when the program ends, unless it
// is removed, so that what went wrong can be looked at. Throws std::runtime_error.
class Histories {
  public:
    Histories();

    const std::string& folder() const { return folder_; }

    // Runs the checker, which prints what it finds. False when something cannot be explained;
    // throws std::runtime_error when it cannot tell.
    bool check(const std::string& checker) const;

    void remove() const;

  private:
    std::string folder_;
};

} // namespace soak

#endif
