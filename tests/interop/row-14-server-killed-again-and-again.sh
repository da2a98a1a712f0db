# A server of ours that is killed and started again under load: eight times, with clients of ours that
# ask for one thing at a time and for many at once, and clients of the field. No write is carried out
# twice, by no two servers either; each that succeeded was carried out; what failed of ours says which
# address and why, before its deadline, and the first one after that succeeds (our_writer holds its
# client to it).
. "$(dirname "$0")/lib/common.sh"

record=$work/values
: >"$record"
start_to_restart "$RIM_OUR_SERVER" --values "$record"
names="calm busy crowd field1 field2"
background calm "$RIM_OUR_WRITER" 1 1 10000 "$work/done.calm"
calm=$client
background busy "$RIM_OUR_WRITER" 2 20 10000 "$work/done.busy"
busy=$client
background crowd "$RIM_OUR_WRITER" 3 1000 10000 "$work/done.crowd"
crowd=$client
# From two addresses, since after each restart they come at the same time.
host='127.0.0.2:0;127.0.0.1'
background field1 "$RIM_PEER_CLIENT" --timeout-ms 700 values 0x100000 4 "$work/done.field1"
field1=$client
host='127.0.0.3:0;127.0.0.1'
background field2 "$RIM_PEER_CLIENT" --timeout-ms 700 values 0x200000 5 "$work/done.field2"
field2=$client
host=127.0.0.1

lines() { if [ -e "$1" ]; then wc -l <"$1"; else echo 0; fi; }
# grown: whether each client has had a write carried out since `before` was set.
grown() {
    for name in $names; do
        eval "was=\$before_$name"
        [ "$(lines "$work/done.$name")" -gt "$was" ] || return 1
    done
}
mark() {
    for name in $names; do
        eval "before_$name=$(lines "$work/done.$name")"
    done
}

for round in 1 2 3 4 5 6 7 8; do
    mark
    await grown
    sleep 0.3
    crash
    sleep "0.$round"
    restart "$RIM_OUR_SERVER" --values "$record"
done
mark
await grown
for name in $names; do
    : >"$work/done.$name.stop"
done
for name in $names; do
    eval "finished $name \$$name"
    sed "s/^/$name: /" "$work/$name.out"
done
stop
for name in calm busy crowd; do
    within "$name" lost 1 100000
done

sort "$record" >"$work/carried_out"
twice=$(uniq -d "$work/carried_out" | head -n 3)
[ -z "$twice" ] || fail "carried out twice: $twice"
for name in $names; do
    sort "$work/done.$name" >"$work/done"
    missing=$(comm -23 "$work/done" "$work/carried_out" | head -n 3)
    [ -z "$missing" ] || fail "$name was told that it was carried out, and it was not: $missing"
done
