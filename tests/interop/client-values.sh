# Our client on servers of the field: 1 byte to 1 MiB, every type of transaction, 1000 of them
# outstanding, in each way to say success (Rogue's text, SURF's number, and two more).
. "$(dirname "$0")/lib/common.sh"

for dialect in text numeric nul empty; do
    start "$RIM_PEER_SERVER" --dialect "$dialect"
    our_client probe 5000 sweep 0 1048576 1 --by bus sweep 0 1048576 2
    # This server answers a Post; the answer must do no harm.
    our_client write 0x10 00ff80 read 0x10 00ff80 verify 0x11 ff post 0x20 0123456789abcdef \
        --by bus write 0x10 00ff80 read 0x10 00ff80 verify 0x11 ff post 0x28 0123456789abcdef \
        read 0x20 0123456789abcdef0123456789abcdef
    stop
done

# With a server that takes its time, 1000 and more are really under way at once.
start "$RIM_PEER_SERVER" --delay-us 500
our_client --timeout-ms 20000 outstanding 0x1000 1000 >"$work/many.out"
within many under-way 1000 2000
stop

# A server that knows no probe says nothing to it; the model of a simulation hangs on it, and is never
# probed unasked.
start "$RIM_PEER_SERVER" --dialect numeric --no-probe
our_client no-probe 500 block 0 64 1
stop
start "$RIM_PEER_SERVER" --dialect numeric --probe hang
our_client block 0 65536 1 --by bus block 0 65536 2
stop
