# Two clients of the field at one address whose response connections come when both request
# connections are there already: nothing tells which belongs to which. The server says so in its log,
# and goes on; ours at the same address, which name their connections, are not affected.
. "$(dirname "$0")/lib/common.sh"

start "$RIM_OUR_SERVER" --log-level 10
here=$host
host='127.0.0.7;127.0.0.1'
background ours "$RIM_OUR_CLIENT" load 0x100000 1 await "$work/end" load 0x100000 1
ours=$client
host='127.0.0.7:0;127.0.0.1'
for number in 1 2; do
    background "twin$number" "$RIM_PEER_CLIENT" probe 20000 say up await "$work/up" \
        part await "$work/parted" rejoin await "$work/end"
    eval "twin$number=$client"
    await grep -q up "$work/twin$number.out"
done
if grep 'cannot be told apart' "$log.out"; then fail "a client that could be told was not"; fi
: >"$work/up"
parted() { [ "$(grep -c '127.0.0.7:[0-9]* has gone' "$log.out")" -eq 2 ]; }
await parted
: >"$work/parted"
await grep -q 'legacy clients at 127.0.0.7: .*cannot be told apart' "$log.out"
: >"$work/end"
for number in 1 2; do
    eval "process=\$twin$number"
    finished "twin$number" "$process"
done
finished ours "$ours"
within ours lost 0 0
# One that comes alone is paired as it should be.
lines=$(grep -c 'cannot be told apart' "$log.out")
host=$here
peer_client block 0 5000 1
[ "$(grep -c 'cannot be told apart' "$log.out")" -eq "$lines" ] || fail "one alone was not told"
stop
