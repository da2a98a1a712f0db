# Transactions that are given before there is a server: they wait for it, each is carried out once,
# and one whose deadline comes first fails with the reason and is never sent. The same after the
# server has gone, and for clients of ours and of the field.
. "$(dirname "$0")/lib/common.sh"

# absent VALUE, once VALUE: in what the servers carried out.
absent() { if grep -q "^$1\$" "$work/values"; then fail "$1 was carried out after its deadline"; fi; }
once() {
    times=$(grep -c "^$1\$" "$work/values") || :
    [ "$times" -eq 1 ] || fail "$1 was carried out $times times"
}

: >"$work/values"
start_to_restart "$RIM_OUR_SERVER" # finds a port
stop
for round in 1 2 3; do
    # Its time is over before the server comes.
    refused="127.0.0.1:$port: connection refused"
    our_client --timeout-ms 300 expect-status 0 4 RIM_STATUS_REFUSED "$refused" \
        expect-write-status 0 "dead0000000000$round"1 RIM_STATUS_REFUSED "$refused" \
        --by bus expect-write-status 0 "dead0000000000$round"2 RIM_STATUS_REFUSED "$refused"
    # These are given all at once, and nobody is there.
    background call "$RIM_OUR_CLIENT" --timeout-ms 30000 write 0 "aaaa0000000000$round"1 \
        read 0 "aaaa0000000000$round"1
    call=$client
    background bus "$RIM_OUR_CLIENT" --by bus --timeout-ms 30000 write 8 "bbbb0000000000$round"1 \
        read 8 "bbbb0000000000$round"1
    bus=$client
    background post "$RIM_OUR_CLIENT" --timeout-ms 30000 post 16 "cccc0000000000$round"1
    post=$client
    background many "$RIM_OUR_CLIENT" --timeout-ms 30000 outstanding 0x1000 500
    many=$client
    background late "$RIM_OUR_CLIENT" --timeout-ms 200 \
        expect-write-status 0 "dead0000000000$round"3 RIM_STATUS_REFUSED "$refused" \
        --timeout-ms 30000 write 24 "dddd0000000000$round"1 await "$work/seen$round"
    late=$client
    background field "$RIM_PEER_CLIENT" --timeout-ms 30000 write 32 "eeee0000000000$round"1 \
        read 32 "eeee0000000000$round"1
    field=$client
    sleep 0.7
    restart "$RIM_OUR_SERVER" --values "$work/values"
    for name in call bus post many field; do
        eval "finished $name \$$name"
    done
    : >"$work/seen$round"
    finished late "$late"
    for letter in a b c d e; do
        once "$letter$letter$letter${letter}0000000000${round}1"
    done
    for number in 1 2 3; do
        absent "dead0000000000$round$number"
    done
    if [ "$round" -eq 2 ]; then crash; else stop; fi
done
