#!/bin/sh
# The stand-in for Rogue's package: a project written for Rogue builds with it as it is, wherever the tree was moved,
# and it is found by nobody who does not ask for it.
. "$(dirname "$0")/common.sh"

install_to "$scratch/first place"
mkdir "$scratch/second"
prefix=$scratch/second/place
mv "$scratch/first place" "$prefix"
package=$prefix/$LIBDIR/cmake/RogueMemoryBridge
old=$SOURCE/tests/package/old
unset ROGUE_DIR Rogue_ROOT Rogue_DIR CONDA_PREFIX || :

# found WHAT ARGUMENT...: configured, built and run with those arguments
found() {
    what=$1
    shift
    configure "$old" "$scratch/$what" "$@" >"$scratch/said" 2>&1 ||
        { cat "$scratch/said"; fail "$what: find_package(Rogue) fails"; }
    cmake --build "$scratch/$what" || fail "$what: it does not build"
    "$scratch/$what/old" || fail "$what: it fails"
}
found plain -DRogue_DIR="$package/rogue"
grep "not all of Rogue" "$scratch/said" || fail "it does not say what it is"
grep -q "^-- only: $prefix/include $prefix/$LIBDIR/librogue-memory-bridge\.[a-z]*$" "$scratch/said" ||
    { cat "$scratch/said"; fail "ROGUE_INCLUDE_ONLY or ROGUE_LIBRARIES_ONLY leads elsewhere"; }
grep -q "^-- installed: $package/rogue$" "$scratch/said" || fail "ROGUE_DIR is not the stand-in's folder"
# One line for every form of project, and one for a project of any form in a conda environment, which Rogue's
# documentation has set CMAKE_PREFIX_PATH.
for documented in OFF ON; do
    found prefix-path-$documented -DDOCUMENTED=$documented -DCMAKE_PREFIX_PATH="$package/rogue"
done
(export ROGUE_DIR="$package/rogue" && found environment -DDOCUMENTED=ON)
(export ROGUE_DIR="$package/rogue" CONDA_PREFIX="$scratch/conda" && found conda -DDOCUMENTED=ON)

# Programs that name the library rather than the variables: as a target, with the compiler's option
for library in rogue-core -lrogue-core; do
    found "by-name$library" -DRogue_DIR="$package/rogue" -DLIBRARY=$library
done

# A Makefile, and its program run as Rogue's environment has it
cat >"$scratch/Makefile" <<'END'
CXXFLAGS = -O2 -std=c++14 -DNO_PYTHON -DEXPECTED='"v6.15.0"' -I$(ROGUE_DIR)/include
LDLIBS = -L$(ROGUE_DIR)/lib -lrogue-core
old: old.cpp
	$(CXX) $(CXXFLAGS) $< $(LDLIBS) -o $@
END
cp "$old/old.cpp" "$scratch"
(
    export ROGUE_DIR="$scratch/link" # spaces are not for Makefiles
    ln -s "$package/rogue" "$ROGUE_DIR"
    make -C "$scratch" CXX="$CXX" old || fail "a Makefile with -lrogue-core fails"
    LD_LIBRARY_PATH=$ROGUE_DIR/lib "$scratch/old" >"$scratch/said" 2>&1 || { cat "$scratch/said"; fail "its program fails"; }
    if grep librogue-core "$scratch/said"; then fail "it takes itself for a real Rogue"; fi
)
readelf -d "$scratch/old" | grep 'NEEDED.*librogue-memory-bridge\.so\.0' || fail "it needs another library than the bridge's"

# Versions: it answers for Rogue 6.15.0
for wanted in 6 6.2 6.15.0; do
    configure "$old" "$scratch/plain" -DRogue_DIR="$package/rogue" -DWANTED=$wanted >"$scratch/said" 2>&1 ||
        fail "Rogue $wanted is not found"
done
for wanted in 5 6.15.1 6.16 7; do
    if configure "$old" "$scratch/plain" -DRogue_DIR="$package/rogue" -DWANTED=$wanted >"$scratch/said" 2>&1; then
        fail "Rogue $wanted is found"
    fi
    grep -q "version: 6.15.0" "$scratch/said" || { cat "$scratch/said"; fail "Rogue $wanted: another error"; }
done

# Nobody who looks for Rogue gets it unasked, however near to it he is told to look; nor by the library's name.
if find "$prefix/$LIBDIR" -maxdepth 1 -name 'librogue-core*' | grep .; then fail "a librogue-core is among the libraries"; fi
for place in "$prefix" "$prefix/$LIBDIR" "$prefix/$LIBDIR/cmake" "$prefix/include"; do
    rm -rf "$scratch/unasked"
    if configure "$old" "$scratch/unasked" -DWANTED= -DCMAKE_PREFIX_PATH="$place" >"$scratch/said" 2>&1; then
        grep -i "^Rogue_DIR" "$scratch/unasked/CMakeCache.txt" >&2
        fail "find_package(Rogue) finds it by CMAKE_PREFIX_PATH=$place"
    fi
    grep -q 'By not providing "FindRogue.cmake"' "$scratch/said" || { cat "$scratch/said"; fail "another error"; }
done
