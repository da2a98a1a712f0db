// rogue/Version.h: the answers of Rogue 6.15.0.
#include "rogue/Version.h"

#include "rogue/GeneralError.h"

#include "check.h"

using rogue::GeneralError;
using rogue::Version;

int main() {
    check::begin();
    CHECK_EQUAL(Version::current(), "v6.15.0");
    CHECK_EQUAL(Version::getMajor(), 6u);
    CHECK_EQUAL(Version::getMinor(), 15u);
    CHECK_EQUAL(Version::getMaint(), 0u);
    CHECK_EQUAL(Version::getDevel(), 0u);

    CHECK(Version::greaterThanEqual("6.15.0") && Version::greaterThanEqual("6.14.9"));
    CHECK(!Version::greaterThanEqual("6.15.1") && !Version::greaterThanEqual("7.0.0"));
    CHECK(Version::greaterThan("5.99.99") && !Version::greaterThan("6.15.0"));
    CHECK(Version::lessThanEqual("6.15.0") && !Version::lessThanEqual("6.14.200"));
    CHECK(Version::lessThan("10.0.0") && !Version::lessThan("6.15.0"));
    CHECK(Version::lessThan("6.15.1-12-gabcdef"));

    Version::minVersion("6.0.0");
    Version::maxVersion("6.15.0");
    Version::exactVersion("6.15.0");
    const std::string low = check::thrown<GeneralError>([] { Version::minVersion("6.16.0"); });
    CHECK(check::contains(low, "6.16.0") && check::contains(low, "v6.15.0"));
    CHECK(check::contains(check::thrown<GeneralError>([] { Version::maxVersion("6.14.0"); }),
                          "6.14.0"));
    CHECK(check::contains(check::thrown<GeneralError>([] { Version::exactVersion("6.15.2"); }),
                          "6.15.2"));

    for (const char* bad : {"", "6", "6.15", "6.15.", "v6.15.0", "6..0", "-1.0.0",
                            "6.15.4294967296", "99999999999999999999.0.0"}) {
        const std::string text = check::thrown<GeneralError>([bad] { Version::lessThan(bad); });
        CHECK(check::contains(text, std::string("'") + bad + "'"));
    }
    return check::finish();
}
