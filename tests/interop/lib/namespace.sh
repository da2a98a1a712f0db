# Runs the script once more as root of a network namespace of its own, in which `ip` may do anything.
# Sourced with $name set, before anything else; sources lib/common.sh inside. Where the machine makes
# no namespaces, the test is skipped.
skip() {
    echo "$name: skipped: $1"
    exit 77
}
if [ "${RIM_NAMESPACE:-}" != inside ]; then
    command -v ip >/dev/null || skip "there is no ip (package iproute2)"
    command -v unshare >/dev/null && command -v nsenter >/dev/null || skip "there is no unshare"
    # As root, or as a user who becomes root in there.
    for as in -n -Urn; do
        if unshare "$as" ip link add rim0 type veth peer name rim1 2>/dev/null; then
            RIM_NAMESPACE=inside exec unshare "$as" sh "$0"
        fi
    done
    skip "this machine makes no network namespaces"
fi
. "$(dirname "$0")/lib/common.sh"
