# Our server, called and polled, with a client of the field: 1 byte to 1 MiB, every type of
# transaction, 1000 of them outstanding.
. "$(dirname "$0")/lib/common.sh"

values() {
    peer_client probe 5000 sweep 0 1048576 1
    peer_client write 0x10 00ff80 read 0x10 00ff80 verify 0x11 ff \
        --post-answered no post 0x20 0123456789abcdef wait 300
    peer_client --timeout-ms 10000 outstanding 0x1000 1000
    # As Rogue does, without waiting for the response connection.
    peer_client --eager block 3 4099 7
    stop
    grep -q '^failed_posts=0$' "$log.out" || fail "Posts have failed"
}

start "$RIM_OUR_SERVER"
values
start "$RIM_OUR_SERVER" --poll
values
