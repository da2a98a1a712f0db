# A write that was reported as timed out while the cable was out comes later, when the cable is in
# again, as the documentation says; and it does not with close_on_timeout.
name=row-30-writes-after-a-cut
. "$(dirname "$0")/lib/hosts.sh"

host=$far
start "$work/far_server"
silent
for close in 0 1; do
    background asking "$RIM_OUR_CLIENT" --close-on-timeout "$close" --timeout-ms 400 \
        write 0 "0a0a0a0a" say up await "$work/out$close" \
        expect-write-status 0 "0b0b0b0b" RIM_STATUS_TIMEOUT "" say over \
        await "$work/in$close"
    asking=$client
    await grep -q up "$work/asking.out"
    vanish
    : >"$work/out$close"
    await grep -q over "$work/asking.out"
    back
    silent
    # What is sent again is sent within some tenths of a second, and then at twice the interval.
    sleep 3
    value=0b0b0b0b
    [ "$close" -eq 0 ] || value=0a0a0a0a
    over_there "$RIM_OUR_CLIENT" 127.0.0.1 "$port" read 0 "$value" ||
        fail "with --close-on-timeout $close the server has not $value"
    : >"$work/in$close"
    finished asking "$asking"
done
stop
