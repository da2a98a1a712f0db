#!/bin/sh
# Sees to Rust's nightly toolchain with these components, and installs what is missing. Fails if that cannot be had. The
# default toolchain stays what it is.
#
#   sh tests/rust-nightly.sh COMPONENT...
set -eu
PATH=$PATH:$HOME/.cargo/bin
if rustup component add --toolchain nightly "$@" >/dev/null 2>&1; then
    exit
fi
# shellcheck disable=SC2046 # a list of options
rustup toolchain install nightly --profile minimal --no-self-update $(printf ' --component %s' "$@") >/dev/null 2>&1
