// rogue/Helpers.h, included before anything else.
#include "rogue/Helpers.h"

#include "check.h"

namespace {

struct Source {
    int* slave = nullptr;
    void setSlave(int* to) { slave = to; }
};

} // namespace

int main() {
    check::begin();
    struct timeval timeout = {7, 7};
    rogue::defaultTimeout(timeout);
    CHECK_EQUAL(timeout.tv_sec, 1);
    CHECK_EQUAL(timeout.tv_usec, 0);
    CHECK_EQUAL(ROGUE_DEFAULT_TIMEOUT, 1000000);

    Source source;
    Source* pointer = &source;
    int first = 0;
    int second = 0;
    rogueBusConnect(pointer, &first);
    CHECK(source.slave == &first);
    rogueBusConnect(&source, &second) // Rogue's macro needs no semicolon
        CHECK(source.slave == &second);
    return check::finish();
}
