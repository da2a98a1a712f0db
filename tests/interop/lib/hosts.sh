# Two hosts, each in a network namespace of its own, with a cable between them that the test pulls out
# and puts in. Sourced with $name set, before anything else; see lib/namespace.sh.
. "$(dirname "$0")/lib/namespace.sh"

near=10.99.0.1 # the client's side, where the script is
far=10.99.0.2  # the server's side
ip link set lo up
# The second namespace lives as long as this process, which ends with the script.
unshare -n sleep 280 9>&- &
holder=$!
running="$running $holder"
other() { [ "$(readlink "/proc/$holder/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }
await other
over_there() { nsenter -t "$holder" -n "$@"; }
ip link add rim0 type veth peer name rim1
ip link set rim1 netns "$holder"
ip addr add "$near/24" dev rim0
ip link set rim0 up
over_there ip link set lo up
over_there ip addr add "$far/24" dev rim1
over_there ip link set rim1 up

# What lib/common.sh starts is on this side; this starts it over there.
cat >"$work/far_server" <<END
#!/bin/sh
shift
exec nsenter -t $holder -n "$RIM_OUR_SERVER" 0.0.0.0 "\$@"
END
chmod +x "$work/far_server"

# silent: as behind a router, where nobody says that there is no such host. What is sent is lost.
ether() { sed -n 's|.*link/ether \([^ ]*\).*|\1|p'; }
silent() {
    near_mac=$(ip link show dev rim0 | ether)
    far_mac=$(over_there ip link show dev rim1 | ether)
    ip neigh replace "$far" lladdr "$far_mac" dev rim0 nud permanent
    over_there ip neigh replace "$near" lladdr "$near_mac" dev rim1 nud permanent
}

# vanish: the cable is out. Both ends of it see that, but no connection hears of it.
vanish() {
    over_there ip link set rim1 down
}

# back: the cable is in again.
back() { over_there ip link set rim1 up; }
