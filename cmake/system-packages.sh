#!/bin/sh
# Sees to the system packages that a build ("build"), the tests ("test") or the benchmark ("bench") need: installs what is
# missing when it may, else names it and fails. What the benchmark can do without is no reason to fail. Rust is not among
# them.
set -eu

missing=
wanted=
need() { # need PACKAGE COMMAND...: the package is missing if the command fails
    package=$1
    shift
    "$@" >/dev/null 2>&1 || missing="$missing $package"
}
want() { # as need, for a package that the work can go on without
    package=$1
    shift
    "$@" >/dev/null 2>&1 || wanted="$wanted $package"
}

need g++ c++ --version
need cmake cmake --version
need ninja-build ninja --version
need pkg-config pkg-config --version
if [ "${1-}" = test ]; then
    need libzmq3-dev pkg-config --exists libzmq
    need valgrind valgrind --version
    need clang clang++ --version
    # For fuzz/run.sh, which compiles libFuzzer where it is not there.
    need libclang-rt-dev sh -c 'test -f "$(clang -print-file-name="libclang_rt.fuzzer-$(uname -m).a")"'
    need binutils nm --version
    need iproute2 ip -Version
fi

if [ "${1-}" = bench ]; then
    want libzmq3-dev pkg-config --exists libzmq
    want libmodbus-dev pkg-config --exists libmodbus
fi

if [ -n "$wanted" ]; then
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
        missing="$missing$wanted"
    else
        echo "These packages are missing, and what needs them is left out:$wanted" >&2
    fi
fi
if [ -n "$missing" ]; then
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
        echo "These packages are missing:$missing" >&2
        echo "On Debian and Ubuntu: sudo apt-get install$missing" >&2
        exit 1
    fi
    echo "Installing the missing packages:$missing"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    # shellcheck disable=SC2086 # a list of packages
    apt-get install -q -y --no-install-recommends $missing
fi

if ! cargo --version >/dev/null 2>&1; then
    echo "Rust is missing: see https://rustup.rs" >&2
    exit 1
fi
