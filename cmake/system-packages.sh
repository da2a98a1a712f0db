#!/bin/sh
# As root, installs the Debian packages that are missing for a build ("build"), the tests ("test"), the benchmark
# ("bench"), or tests for other machines ("foreign"). Otherwise lists them and fails. The benchmark and the tests for other
# machines leave out what they cannot have, so for them it only lists them. Rust is not among the packages.
set -eu

missing=
wanted=
need() { # need PACKAGE COMMAND...: the package is missing if the command fails
    package=$1
    shift
    "$@" >/dev/null 2>&1 || missing="$missing $package"
}
want() { # the same, for a package that is not necessary
    package=$1
    shift
    "$@" >/dev/null 2>&1 || wanted="$wanted $package"
}

need g++ c++ --version
need cmake cmake --version
need ninja-build ninja --version
need pkg-config pkg-config --version
case ${1-} in
test | foreign)
    need libzmq3-dev pkg-config --exists libzmq
    need valgrind valgrind --version
    need clang clang++ --version
    # libFuzzer: without it, fuzz/run.sh compiles its own.
    need libclang-rt-dev sh -c 'test -f "$(clang -print-file-name="libclang_rt.fuzzer-$(uname -m).a")"'
    need binutils nm --version
    need iproute2 ip -Version
    ;;
bench)
    want libzmq3-dev pkg-config --exists libzmq
    want libmodbus-dev pkg-config --exists libmodbus
    ;;
esac
if [ "${1-}" = foreign ]; then
    want g++-aarch64-linux-gnu aarch64-linux-gnu-g++ --version
    want qemu-user qemu-aarch64 --version
    want musl-tools musl-gcc --version
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
