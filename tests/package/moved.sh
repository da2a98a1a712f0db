#!/bin/sh
# What was installed can be moved elsewhere and used there; nothing in it names the place where it was, or the build.
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/consume.sh"

install_to "$scratch/first place"
mkdir "$scratch/second"
mv "$scratch/first place" "$scratch/second/place"
if grep -rIlF -e "$scratch" -e "$BUILD" "$scratch/second/place"; then
    fail "these name a place"
fi
consume "$scratch/second/place" "$LIBDIR"
