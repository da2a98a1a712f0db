# Several clients at once on our server: each gets its own responses. Nothing on the wire tells two
# clients of the field at one address apart but the order in which they came, so those are started
# one after the other.
. "$(dirname "$0")/lib/common.sh"

here=$host
there='127.0.0.2:0;127.0.0.1'

start "$RIM_OUR_SERVER" --log-level 30
background first "$RIM_PEER_CLIENT" load 0 1 load 0 5
first=$client
await grep -q done= "$work/first.out" # it is connected
background second "$RIM_PEER_CLIENT" load 0x100000 5
second=$client
host=$there
background third "$RIM_PEER_CLIENT" load 0x200000 4
third=$client
host=$here
background ours "$RIM_OUR_CLIENT" load 0x300000 4
ours=$client
for name in first second third ours; do
    eval "process=\$$name"
    finished "$name" "$process"
    within "$name" lost 0 0
done
if grep 'cannot be told apart' "$log.out"; then fail "a client was paired by guess"; fi

# From different addresses, and of different kinds, they may come at the very same time.
for round in 1 2 3 4 5; do
    background here "$RIM_PEER_CLIENT" outstanding 0 500
    one=$client
    host=$there
    background there "$RIM_PEER_CLIENT" outstanding 0x10000 500
    two=$client
    host=$here
    background ours "$RIM_OUR_CLIENT" outstanding 0x20000 500 outstanding 0x20000 500
    finished here "$one"
    finished there "$two"
    finished "ours, in round $round" "$client"
done
stop
