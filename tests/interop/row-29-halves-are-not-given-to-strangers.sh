# Two clients of the field lose one of their two connections each, the one that for responses, the
# other that for requests. Neither gets what the other asked for, though each has what the other has
# lost; when the connections are back, both go on. And a connection for responses that is left over
# gets nothing of the next client at its address.
. "$(dirname "$0")/lib/common.sh"

start "$RIM_OUR_SERVER" --log-level 30
host='127.0.0.2:0;127.0.0.1'
background asks "$RIM_PEER_CLIENT" --timeout-ms 10000 probe 20000 say up await "$work/part" \
    part --eager ask 0x1000 4 20 wait 1500 say asked await "$work/back" rejoin probe 20000 \
    block 0x10000 5000 1
asks=$client
await grep -q up "$work/asks.out"
host='127.0.0.3:0;127.0.0.1'
# What it gets that it has not asked for, or twice, it says.
background hears "$RIM_PEER_CLIENT" --timeout-ms 10000 probe 20000 say up await "$work/part" \
    part-requests wait 3000 say heard await "$work/back" rejoin-requests probe 20000 \
    block 0x20000 5000 2
hears=$client
await grep -q up "$work/hears.out"
: >"$work/part"
await grep -q asked "$work/asks.out"
await grep -q heard "$work/hears.out"
: >"$work/back"
finished asks "$asks"
finished hears "$hears"
if grep 'Connections of' "$log.out"; then fail "connections of two clients made a pair"; fi

host='127.0.0.4:0;127.0.0.1'
for round in 1 2 3; do
    background parked "$RIM_PEER_CLIENT" --timeout-ms 10000 probe 20000 part-requests say parked \
        wait 3000
    parked=$client
    await grep -q parked "$work/parked.out"
    sleep 0.5
    peer_client --timeout-ms 10000 block 0x30000 5000 3 outstanding 0x30000 100 wait 300
    finished parked "$parked"
done
# That it is there is said.
await grep -q 'legacy clients at 127.0.0.4: .*cannot be told apart' "$log.out"
stop
