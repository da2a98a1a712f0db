// The Rogue release that this bridge stands in for, and comparison with it.
#include "rogue/Version.h"

#include "rogue/GeneralError.h"

#include <array>

namespace rogue {
namespace {

using Numbers = std::array<uint32_t, 3>;

const Numbers release = {{6, 15, 0}};

[[noreturn]] void invalid(const std::string& version) {
    throw GeneralError("Version", "'" + version + "' is not a version: major.minor.maint wanted");
}

/// Reads the number at `*at`, and moves `*at` behind it.
uint32_t number(const std::string& version, size_t* at) {
    const size_t first = *at;
    uint64_t value = 0;
    for (; *at < version.size() && version[*at] >= '0' && version[*at] <= '9'; ++*at) {
        value = value * 10 + static_cast<uint64_t>(version[*at] - '0');
        if (value > UINT32_MAX) invalid(version);
    }
    if (*at == first) invalid(version);
    return static_cast<uint32_t>(value);
}

Numbers numbers(const std::string& version) {
    Numbers result;
    size_t at = 0;
    for (size_t i = 0; i < result.size(); ++i) {
        if (i > 0 && (at >= version.size() || version[at++] != '.')) invalid(version);
        result[i] = number(version, &at);
    }
    return result;
}

} // namespace

std::string Version::current() {
    return "v" + std::to_string(release[0]) + "." + std::to_string(release[1]) + "." +
           std::to_string(release[2]);
}

bool Version::greaterThanEqual(const std::string& compare) { return release >= numbers(compare); }

bool Version::greaterThan(const std::string& compare) { return release > numbers(compare); }

bool Version::lessThanEqual(const std::string& compare) { return release <= numbers(compare); }

bool Version::lessThan(const std::string& compare) { return release < numbers(compare); }

void Version::minVersion(const std::string& compare) {
    if (lessThan(compare)) {
        throw GeneralError("Version::minVersion",
                           "Rogue " + compare + " or later is needed; this is " + current());
    }
}

void Version::maxVersion(const std::string& compare) {
    if (greaterThan(compare)) {
        throw GeneralError("Version::maxVersion",
                           "Rogue " + compare + " or earlier is needed; this is " + current());
    }
}

void Version::exactVersion(const std::string& compare) {
    if (release != numbers(compare)) {
        throw GeneralError("Version::exactVersion",
                           "Rogue " + compare + " is needed; this is " + current());
    }
}

uint32_t Version::getMajor() { return release[0]; }

uint32_t Version::getMinor() { return release[1]; }

uint32_t Version::getMaint() { return release[2]; }

uint32_t Version::getDevel() { return 0; }

} // namespace rogue
