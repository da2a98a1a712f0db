# What only a network namespace shows: link-local IPv6 addresses with their interface, an interface
# that has no other address, and a host without a free port to connect from.
name=addresses-of-a-link
. "$(dirname "$0")/lib/namespace.sh"

ip link set lo up
ip link add rim0 type veth peer name rim1
for end in 0 1; do
    # One address each, usable at once: without the check for another host that has it.
    ip link set "rim$end" addrgenmode none
    ip link set "rim$end" up
    ip addr add "fe80::$((end + 1))/64" dev "rim$end" nodad || skip "there is no IPv6"
done
zone=$(cat /sys/class/net/rim0/ifindex 2>/dev/null) || zone=$(ip -o link show dev rim0 | sed 's/:.*//')

# Servers of lib/common.sh listen at 127.0.0.1. This one listens at the address in the file `at`.
cat >"$work/server_at" <<END
#!/bin/sh
shift
exec "$RIM_OUR_SERVER" "\$(cat "$work/at")" "\$@"
END
chmod +x "$work/server_at"

for at in fe80::1%rim0 '[fe80::1%rim0]' "fe80::1%$zone" rim0; do
    echo "$at" >"$work/at"
    start "$work/server_at"
    for host in fe80::1%rim0 '[fe80::1%rim0]' "fe80::1%$zone" 'fe80::1%rim0;fe80::1%rim0'; do
        our_client probe 20000 block 0 256 1
    done
    # No server listens at the other end of the cable.
    host=fe80::2%rim1
    our_client --timeout-ms 300 expect-status 0 4 RIM_STATUS_REFUSED "$host:$port: connection refused"
    # An unknown interface is no wrong address: it may come later.
    host=fe80::1%rim9
    our_client --timeout-ms 300 expect-status 0 4 RIM_STATUS_NOT_FOUND 'there is no interface rim9'
    stop
done
echo fe80::1 >"$work/at"
if try_start "$work/server_at" 0; then fail "a server has no link"; fi
grep -q 'fe80::1%eth0' "$log.err" || fail "the server does not say what is missing"
forget "$server"

# A host with two ports to connect from has room for two clients.
host=127.0.0.1
if echo "40000 40001" 2>/dev/null >/proc/sys/net/ipv4/ip_local_port_range; then
    start_to_restart "$RIM_OUR_SERVER"
    for each in one two; do
        background "$each" "$RIM_OUR_CLIENT" probe 20000 say up await "$work/over"
        await grep -q up "$work/$each.out"
    done
    our_client --timeout-ms 300 \
        expect-status 0 4 RIM_STATUS_SYSTEM "$host:$port: cannot connect: this host has no port left"
    stop
else
    echo "$name: left out: a host without ports to connect from (its range cannot be set here)"
fi
