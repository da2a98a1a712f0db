# Our server killed and started again under a client of the field, and clients killed on our server.
. "$(dirname "$0")/lib/common.sh"

start_to_restart "$RIM_OUR_SERVER"
background load "$RIM_PEER_CLIENT" --timeout-ms 500 load 0 2 load 0 2 load 0 2 load 0 2
load=$client
for round in 1 2 3 4; do
    sleep 1
    crash
    sleep 0.3
    restart "$RIM_OUR_SERVER"
done
finished load "$load"
# The client of the field loses what was in flight and what it sent before it knew; how much that is
# depends on the time that the server takes to come back. Each of its four parts must get on.
within load done 100 100000000

# An orderly stop frees the ports at once, and a client that stays gets on with the next server.
background stays "$RIM_PEER_CLIENT" --timeout-ms 5000 load 0 1 wait 2000 block 0 1024 1
stays=$client
await grep -q done= "$work/stays.out"
stop
restart "$RIM_OUR_SERVER"
finished stays "$stays"

# Clients that vanish leave nothing behind: no response of theirs goes to the next.
for round in 1 2 3 4; do
    background victim "$RIM_PEER_CLIENT" --timeout-ms 10000 load 0x10000 20
    victim=$client
    background ours "$RIM_OUR_CLIENT" load 0x20000 20
    sleep 0.5
    kill -9 "$victim" "$client"
    for process in "$victim" "$client"; do
        forget "$process"
        wait "$process" 2>/dev/null || :
    done
    peer_client outstanding 0 200 block 0x10000 70000 "$round"
done
our_client outstanding 0 200 block 0x10000 70000 9
stop
