# Shared by the scripts in this folder, which source it: a scratch folder of the script's own, failing, and installing.
# The variables in capitals are set by tests/package.cmake.
# shellcheck shell=sh
set -eu

scratch=$(mktemp -d "$BUILD/package-test.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM

fail() {
    echo "$0: $*" >&2
    exit 1
}

# install_to PREFIX
install_to() {
    cmake --install "$BUILD" --config "$CONFIG" --prefix "$1" >"$scratch/install.log" || {
        cat "$scratch/install.log"
        fail "the installation fails"
    }
}

# configure SOURCE BUILD ARGUMENT...: with the compilers of the main build
configure() {
    configure_source=$1
    configure_build=$2
    shift 2
    cmake -S "$configure_source" -B "$configure_build" -DCMAKE_C_COMPILER="$CC" -DCMAKE_CXX_COMPILER="$CXX" "$@"
}
