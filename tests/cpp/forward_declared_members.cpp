// A user's class whose header only names our classes, with the pointer types that our headers also
// define. This file sees no more than that; forward_declared_members_second.cpp has both.
#include "forward_declared_members.h"

#include <cstdio>
#include <utility>

int main() {
    field::Crate crate = field::makeCrate();
    const field::Crate copy = crate;
    field::Crate moved = std::move(crate);
    if (!moved.master || copy.hub != moved.hub || crate.master) {
        std::fprintf(stderr, "the pointers are not what they were\n");
        return 1;
    }
    moved = field::Crate();
    return field::tryOut(copy);
}
