# A host that vanishes without a word: each side notices by itself, within the time that is set, and
# after the host is back the first transaction succeeds. See lib/hosts.sh.
name=row-19-host-that-vanishes
. "$(dirname "$0")/lib/hosts.sh"

keep_alive=3000

# lasted SINCE LEAST MOST WHAT: ms since then.
now() { date +%s%3N; }
lasted() {
    span=$(($(now) - $1))
    echo "$4 after $span ms"
    if [ "$span" -lt "$2" ] || [ "$span" -gt "$3" ]; then fail "$4 after $span ms, not $2 to $3"; fi
}

host=$far
for round in 1 2 3 4; do
    # One client fits, and a second does not: that is how to see whether the server has noticed.
    start "$work/far_server" --keep-alive-ms "$keep_alive" --max-connections 2 \
        --gate "$work/gate$round"
    lost="$far:$port: connection lost"
    if [ "$round" -lt 3 ]; then
        # What the client has under way was received over there, and is not answered.
        background asking "$RIM_OUR_CLIENT" --keep-alive-ms "$keep_alive" --timeout-ms 60000 \
            probe 20000 say up expect-status 0 4 RIM_STATUS_CONNECTION_LOST "$lost" say noticed \
            await "$work/back$round" write 0 0102 read 0 0102
    elif [ "$round" -eq 4 ]; then
        # The server reads no more, and its window is closed: what is under way waits on this side.
        background asking "$RIM_OUR_CLIENT" --keep-alive-ms "$keep_alive" --timeout-ms 60000 \
            probe 20000 say up ask 0 4 20000 collect
    else
        # What is under way is on its way.
        : >"$work/gate$round"
        background asking "$RIM_OUR_CLIENT" --keep-alive-ms "$keep_alive" --timeout-ms 60000 \
            probe 20000 say up load 0 8
    fi
    asking=$client
    await grep -q up "$work/asking.out"
    sleep 0.5
    # A client over there finds the only place taken.
    over_there "$RIM_OUR_CLIENT" 127.0.0.1 "$port" --timeout-ms 500 \
        expect-status 0 4 RIM_STATUS_CONNECTION_LOST "127.0.0.1:$port: connection lost"
    [ "$round" -eq 1 ] || silent
    since=$(now)
    vanish
    if [ "$round" -lt 3 ]; then
        await grep -q noticed "$work/asking.out"
    else
        await grep -q "RIM_STATUS_CONNECTION_LOST: .*$lost" "$work/asking.err"
    fi
    lasted "$since" 1000 $((keep_alive + 5000)) "round $round: the client noticed"
    # Now there is a place, though nobody has said that he leaves.
    over_there "$RIM_OUR_CLIENT" 127.0.0.1 "$port" --timeout-ms 20000 probe 20000
    lasted "$since" 1000 $((keep_alive + 7000)) "round $round: the server noticed"
    : >"$work/gate$round"
    back
    # What was known of the neighbours is known again.
    [ "$round" -eq 1 ] || silent
    : >"$work/back$round"
    if [ "$round" -eq 4 ]; then
        wait "$asking" && fail "nothing was lost"
        forget "$asking"
    else
        finished asking "$asking"
    fi
    if [ "$round" -eq 3 ]; then
        within asking lost 1 1
        within asking in-a-row 0 0
    fi
    stop
done
