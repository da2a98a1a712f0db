// rogue/GeneralError.h
#include "rogue/GeneralError.h"

#include "check.h"

#include <inttypes.h>

int main() {
    check::begin();
    const rogue::GeneralError plain("Here", "100% gone");
    CHECK_EQUAL(std::string(plain.what()), "Here: General Error: 100% gone");

    const rogue::GeneralError made = rogue::GeneralError::create(
        "There", "%s at port %" PRIu16 ", %" PRIu64, "bind", uint16_t(8000), uint64_t(1) << 40);
    CHECK_EQUAL(std::string(made.what()), "There: General Error: bind at port 8000, 1099511627776");

    // Longer than any buffer on the stack.
    const std::string text(5000, 'x');
    CHECK_EQUAL(std::string(rogue::GeneralError::create("S", "%s", text.c_str()).what()),
                "S: General Error: " + text);
    CHECK_EQUAL(
        std::string(rogue::GeneralError::create("S", "%s", std::string(255, 'y').c_str()).what()),
        "S: General Error: " + std::string(255, 'y'));
    CHECK_EQUAL(
        std::string(rogue::GeneralError::create("S", "%s", std::string(256, 'y').c_str()).what()),
        "S: General Error: " + std::string(256, 'y'));
    CHECK_EQUAL(std::string(rogue::GeneralError::create("S", nullptr).what()),
                "S: General Error: (null format)");

    // It is caught as what it is and as std::exception, and a copy says the same.
    std::string caught;
    try {
        throw rogue::GeneralError("A", "b");
    } catch (const std::exception& error) {
        caught = error.what();
    }
    CHECK_EQUAL(caught, "A: General Error: b");
    rogue::GeneralError copy("C", "d");
    copy = plain;
    CHECK_EQUAL(std::string(copy.what()), plain.what());
    static_assert(std::is_nothrow_copy_constructible<rogue::GeneralError>::value,
                  "an exception in flight must be copied without throwing");
    return check::finish();
}
