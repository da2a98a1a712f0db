# A server of the field killed and started again under our client, and our client killed on it.
. "$(dirname "$0")/lib/common.sh"

# Under load. What was in flight fails as lost, at once; all that is given afterwards waits for the
# server and succeeds, the first as well.
start_to_restart "$RIM_PEER_SERVER"
background load "$RIM_OUR_CLIENT" --timeout-ms 10000 load 0 4 --by bus load 0x100000 4
load=$client
for round in 1 2 3 4; do
    sleep 1
    if [ "$round" -eq 2 ]; then stop; else crash; fi
    sleep 0.3
    restart "$RIM_PEER_SERVER"
done
finished load "$load"
if grep -v RIM_STATUS_CONNECTION_LOST "$work/load.err"; then fail "other failures than losses"; fi
within load in-a-row 0 0
within load lost 0 8 # one in flight, and one value that went with the server's memory, each time
within load done 50 100000000

# Between transactions: the first one after each restart, and one that is given while nobody is there.
background calm "$RIM_OUR_CLIENT" --timeout-ms 10000 write 0 01 say up \
    await "$work/restarted1" write 0 0202 read 0 0202 say again1 \
    await "$work/restarted2" read 0 00 write 0 0303 verify 0 0303 say again2 \
    await "$work/restarted3" post 0 0404 say again3 \
    await "$work/gone" --by bus write 0 0505 read 0 0505
calm=$client
await grep -q up "$work/calm.out"
for round in 1 2 3; do
    crash
    restart "$RIM_PEER_SERVER"
    : >"$work/restarted$round"
    await grep -q "again$round" "$work/calm.out"
done
crash
sleep 0.5 # the promise begins when the client knows of the loss
: >"$work/gone"
sleep 0.7
restart "$RIM_PEER_SERVER"
finished calm "$calm"

# The server hands what it owes a client that has gone to the next; ours does not take it for its own.
for round in 1 2 3 4; do
    background victim "$RIM_OUR_CLIENT" outstanding 0 1000 load 0 20
    sleep 0.4
    kill -9 "$client"
    forget "$client"
    wait "$client" 2>/dev/null || :
    our_client outstanding 0 200 block 0x10000 70000 "$round"
done
stop
