# A server of ours is stopped while clients that have left, or do not read, have something to get from
# it: it stops at once, whatever its state. Rogue's would hang for ever. (The promise is 200 ms; what
# is held against here is far more, since the machine may be busy with other things.)
. "$(dirname "$0")/lib/common.sh"

# stops_soon WHAT
stops_soon() {
    stop
    within "$(basename "$log")" stop_ms 0 3000
    echo "$1: $(grep stop_ms "$log.out")"
}

# dies: the last client of the background, and the server has time to see it.
dies() {
    kill -9 "$client"
    forget "$client"
    wait "$client" 2>/dev/null || :
    sleep 0.2
}

# In the slave's hands is what a client asked for that is not there any more; more of it waits.
for kind in "$RIM_OUR_CLIENT" "$RIM_PEER_CLIENT"; do
    for count in 1 300; do
        start "$RIM_OUR_SERVER" --gate "$work/never"
        background asking "$kind" --timeout-ms 60000 probe 20000 ask 0 4 "$count" say asked \
            collect
        await grep -q asked "$work/asking.out"
        sleep 0.3
        dies
        stops_soon "$count in the slave's hands or waiting, and the client dead"
    done
done

# It is there, and reads nothing.
for kind in "$RIM_OUR_CLIENT" "$RIM_PEER_CLIENT"; do
    start "$RIM_OUR_SERVER"
    background mute "$kind" --timeout-ms 60000 read 0 00 ask 0 1048576 200 freeze
    sleep 1
    stops_soon "200 MB that nobody reads"
    dies
done

# Its response connection has gone, and the responses are held for the next.
start "$RIM_OUR_SERVER" --log-level 10 --gate "$work/open"
background parted "$RIM_PEER_CLIENT" --timeout-ms 60000 probe 20000 ask 0 4096 50 part say parted \
    wait 60000
await grep -q parted "$work/parted.out"
await grep -q '127.0.0.1:[0-9]* has gone' "$log.out"
: >"$work/open"
await grep -q 'Holding the response' "$log.out"
stops_soon "responses held"
dies
