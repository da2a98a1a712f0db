# Messages that no client should send, to our server: it outlives them, serves the client that sent
# them afterwards, and another one all the while.
. "$(dirname "$0")/lib/common.sh"

start "$RIM_OUR_SERVER"
# From an address of its own, so that no connection of it can be taken for the other client's.
host='127.0.0.2:0;127.0.0.1'
background good "$RIM_PEER_CLIENT" load 0x100000 1 load 0x100000 8
good=$client
host=127.0.0.1
await grep -q done= "$work/good.out"
peer_client --timeout-ms 5000 bad all
# What can be answered is answered with an error.
peer_client --bad-answer error bad missing-data bad data-length bad size-zero bad type-7 bad huge-read
peer_client --timeout-ms 5000 bad all block 0 1048576 5
finished good "$good"
within good lost 0 0
our_client block 0 4096 1
stop
