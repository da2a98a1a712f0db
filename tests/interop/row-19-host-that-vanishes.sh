# A host that vanishes without a word: each side notices by itself, within the time that is set, and
# after the host is back the first transaction succeeds. For that the test makes two network
# namespaces of its own, with a cable between them that it takes down. Where the machine does not
# allow that, the test is skipped.
name=row-19-host-that-vanishes
skip() {
    echo "$name: skipped: $1"
    exit 77
}
if [ "${RIM_NAMESPACE:-}" != inside ]; then
    command -v ip >/dev/null || skip "there is no ip (package iproute2)"
    command -v unshare >/dev/null && command -v nsenter >/dev/null || skip "there is no unshare"
    # As root, or with a root of one's own.
    for as in -n -Urn; do
        if unshare "$as" ip link add rim0 type veth peer name rim1 2>/dev/null; then
            RIM_NAMESPACE=inside exec unshare "$as" sh "$0"
        fi
    done
    skip "this machine makes no network namespaces"
fi
. "$(dirname "$0")/lib/common.sh"

keep_alive=3000
near=10.99.0.1 # the client's side, where this script is
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

# lasted SINCE LEAST MOST WHAT: ms since then.
now() { date +%s%3N; }
lasted() {
    span=$(($(now) - $1))
    echo "$4 after $span ms"
    if [ "$span" -lt "$2" ] || [ "$span" -gt "$3" ]; then fail "$4 after $span ms, not $2 to $3"; fi
}

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
    since=$(now)
    over_there ip link set rim1 down
}

# back: the cable is in again, and what was known of the neighbours is known again.
back() {
    over_there ip link set rim1 up
    [ "$1" -eq 1 ] || silent
}

host=$far
for round in 1 2 3; do
    # One client fits, and a second does not: that is how to see whether the server has noticed.
    start "$work/far_server" --keep-alive-ms "$keep_alive" --max-connections 2 \
        --gate "$work/gate$round"
    lost="$far:$port: connection lost"
    if [ "$round" -lt 3 ]; then
        # What the client has under way was received over there, and is not answered.
        background asking "$RIM_OUR_CLIENT" --keep-alive-ms "$keep_alive" --timeout-ms 60000 \
            probe 20000 say up expect-status 0 4 RIM_STATUS_CONNECTION_LOST "$lost" say noticed \
            await "$work/back$round" write 0 0102 read 0 0102
    else
        # What is under way is on its way.
        : >"$work/gate$round"
        background asking "$RIM_OUR_CLIENT" --keep-alive-ms "$keep_alive" --timeout-ms 60000 \
            probe 20000 say up load 0 8
    fi
    asking=$client
    await grep -q up "$work/asking.out"
    sleep 0.5
    # A client over there finds the only place taken.
    over_there "$RIM_OUR_CLIENT" 127.0.0.1 "$port" --timeout-ms 500 \
        expect-status 0 4 RIM_STATUS_CONNECTION_LOST "127.0.0.1:$port: connection lost"
    [ "$round" -eq 1 ] || silent
    vanish
    if [ "$round" -lt 3 ]; then
        await grep -q noticed "$work/asking.out"
    else
        await grep -q "RIM_STATUS_CONNECTION_LOST: .*$lost" "$work/asking.err"
    fi
    lasted "$since" 1000 $((keep_alive + 5000)) "round $round: the client noticed"
    # Now there is a place, though nobody has said that he leaves.
    over_there "$RIM_OUR_CLIENT" 127.0.0.1 "$port" --timeout-ms 20000 probe 20000
    lasted "$since" 1000 $((keep_alive + 7000)) "round $round: the server noticed"
    : >"$work/gate$round"
    back "$round"
    : >"$work/back$round"
    finished asking "$asking"
    if [ "$round" -eq 3 ]; then
        within asking lost 1 1
        within asking in-a-row 0 0
    fi
    stop
done
