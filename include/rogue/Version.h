// The Rogue release that this bridge stands in for. The bridge's own version is rim_version().

// Outside the include guard, so that it stops the compiler when a header of Rogue's comes later.
#include "rogue/Directives.h"
#ifndef ROGUE_DIRECTIVES_H
#error "Both Rogue and rogue-memory-bridge are here: use one of the two. See docs/from-rogue.md."
#endif

#ifndef ROGUE_VERSION_H
#define ROGUE_VERSION_H

// Not all of these are needed here: programs rely on what Rogue's header of this name brings along.
#include <stdint.h>

#include <atomic>
#include <string>

namespace rogue {

/// Tells a program which release of Rogue this library stands in for. Versions are given as
/// `major.minor.maint`; anything after that is ignored. Another format throws GeneralError.
class Version {
  public:
    /// The release, as Rogue writes it.
    static std::string current();

    /// Whether the release is `compare` or later.
    static bool greaterThanEqual(const std::string& compare);

    /// Whether the release is later than `compare`.
    static bool greaterThan(const std::string& compare);

    /// Whether the release is `compare` or earlier.
    static bool lessThanEqual(const std::string& compare);

    /// Whether the release is earlier than `compare`.
    static bool lessThan(const std::string& compare);

    /// Throws GeneralError when the release is earlier than `compare`.
    static void minVersion(const std::string& compare);

    /// Throws GeneralError when the release is later than `compare`.
    static void maxVersion(const std::string& compare);

    /// Throws GeneralError when the release is not `compare`.
    static void exactVersion(const std::string& compare);

    /// The first number of the release.
    static uint32_t getMajor();

    /// The second number of the release.
    static uint32_t getMinor();

    /// The third number of the release.
    static uint32_t getMaint();

    /// The number of commits since the release: always 0.
    static uint32_t getDevel();
};

} // namespace rogue

#endif
