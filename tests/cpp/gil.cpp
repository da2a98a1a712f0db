// rogue/GilRelease.h and rogue/ScopedGil.h: they compile as guards that are only declared, and
// nest.
#include "rogue/GilRelease.h"
#include "rogue/ScopedGil.h"

#include "check.h"

int main() {
    check::begin();
    rogue::GilRelease released;
    {
        rogue::ScopedGil held;
        rogue::GilRelease again;
        again.acquire();
        again.release();
    }
    released.acquire();
    static_assert(!std::is_copy_constructible<rogue::GilRelease>::value, "a guard is one guard");
    static_assert(!std::is_copy_constructible<rogue::ScopedGil>::value, "a guard is one guard");
    return check::finish();
}
