# A client of the field dies with more requests sent than the server takes in at a time, so that the
# server is not reading its connection when it dies. The next one at its address gets none of its
# responses, however late they come.
. "$(dirname "$0")/lib/common.sh"

start "$RIM_OUR_SERVER" --log-level 30 --gate "$work/gate"
background dead "$RIM_PEER_CLIENT" --timeout-ms 30000 probe 20000 ask 0x1000 4 1000 say asked \
    wait 60000
await grep -q asked "$work/dead.out"
sleep 0.3 # what is on its way arrives
kill -9 "$client"
forget "$client"
wait "$client" 2>/dev/null || :
sleep 0.3
# Its ids begin with 1 as those of the other did, and it takes no response that it did not ask for.
background next "$RIM_PEER_CLIENT" --timeout-ms 30000 say here write 0 01020304 read 0 01020304 \
    block 0x10000 5000 1 outstanding 0x20000 300 wait 500
next=$client
await grep -q here "$work/next.out"
sleep 0.3 # it connects
: >"$work/gate"
finished next "$next"
if grep 'cannot be told apart' "$log.out"; then fail "the dead one was taken for a candidate"; fi
stop
