# A hundred clients of ours and twenty of the field at once on one server of ours, a million
# transactions in all: each client gets what it wrote, nothing is lost or done twice, and others that
# die, stop reading or come anew meanwhile do not disturb them. What they do to registers that all of
# them share can be explained. Rows 3, 20, 22 and 24.
#
# RIM_MANY_TRANSACTIONS is how many there are, if not a million.
. "$(dirname "$0")/lib/common.sh"

total=${RIM_MANY_TRANSACTIONS:-1000000}
ours=100
field=20
field_each=$((total / 10 / field))
ours_each=$(((total - field_each * field) / ours))

# region N: an address of its own for each client.
region() { printf '0x%x00000000' "$1"; }

# gone: ends the last client of the background as no program wants to end.
gone() {
    kill -9 "$client"
    forget "$client"
    wait "$client" 2>/dev/null || :
}

RIM_HISTORIES=$work/histories
export RIM_HISTORIES
mkdir "$RIM_HISTORIES"

start "$RIM_OUR_SERVER" --log-level 30 --max-queued 4194304 --keep-alive-ms 2000
begun=$(date +%s)
all=""
# Nothing tells clients of the field at one address apart but their order, so these come one by one.
for number in 0 1 2 3 4 5; do
    background "field$number" "$RIM_PEER_CLIENT" probe 30000 say up \
        many "$(region $((ours + number)))" "$field_each" "$number" await "$work/over"
    all="$all field$number:$client"
    await grep -q up "$work/field$number.out"
done
# From other addresses, and ours, they come all at the same time.
while [ "$((number += 1))" -lt "$field" ]; do
    host="127.0.0.$((number + 2)):0;127.0.0.1"
    background "field$number" "$RIM_PEER_CLIENT" many "$(region $((ours + number)))" "$field_each" \
        "$number"
    all="$all field$number:$client"
done
host=127.0.0.1
for number in 0 1 2 3; do
    background "ours$number" "$RIM_OUR_MANY" $((number * ours / 4)) $((ours / 4)) "$ours_each" 7
    all="$all ours$number:$client"
done

for round in 1 2 3; do
    # Two that die under load; the one of the field has neighbours at its address.
    background dying "$RIM_PEER_CLIENT" probe 30000 say up load "$(region 200)" 100
    await grep -q up "$work/dying.out"
    gone
    background dying "$RIM_OUR_CLIENT" --timeout-ms 30000 write "$(region 201)" 01 say up \
        load "$(region 201)" 100
    await grep -q up "$work/dying.out"
    gone
    # Two that ask for 200 MB and read no more.
    background "frozen$round" "$RIM_OUR_CLIENT" --timeout-ms 60000 read "$(region 202)" 00 \
        ask "$(region 202)" 1048576 200 freeze
    host="127.0.0.$((100 + round)):0;127.0.0.1"
    background "mute$round" "$RIM_PEER_CLIENT" --timeout-ms 30000 ask "$(region 203)" 1048576 200 \
        freeze
    # One that comes again and again, each time as a new process.
    host="127.0.0.99:0;127.0.0.1"
    for time in 1 2 3; do
        peer_client --timeout-ms 30000 block "$(region 204)" 5000 "$round$time"
    done
    host=127.0.0.1
    our_client --timeout-ms 30000 block "$(region 205)" 5000 "$round"
done

: >"$work/over" # neighbours that leave while another comes can be told apart no more
asked=0
shared=0
for one in $all; do
    finished "${one%:*}" "${one#*:}"
    asked=$((asked + $(sed -n 's/^asked=//p' "$work/${one%:*}.out")))
    shared=$((shared + $(sed -n 's/^shared=//p' "$work/${one%:*}.out")))
done
echo "$asked transactions of $((ours + field)) clients in $(($(date +%s) - begun)) s, and $shared shared"

# Those that did not read have been dropped: no response connection is left.
dropped() {
    awk -v port=":$(printf '%04X' $((port + 1)))" '
        substr($2, length($2) - 4) == port && $4 == "01" { left++ }
        END { exit left > 0 }
    ' /proc/net/tcp
}
await dropped
if grep 'cannot be told apart' "$log.out"; then fail "a client was paired by guess"; fi
stop
# The server was asked for as many as the clients asked for, each of them.
awk -v ours="$ours" -v ours_each="$ours_each" -v field="$field" -v field_each="$field_each" \
    -v shared="$shared" '
    /^region=/ {
        split($1, region, "="); split($2, count, "=")
        if (region[2] == 210 && count[2] != shared) {
            print "shared, not as asked for: " $0
            exit 1
        }
        if (region[2] >= ours + field) next
        seen++
        if (count[2] != (region[2] < ours ? ours_each : field_each)) {
            print "carried out, not as asked for: " $0
            exit 1
        }
    }
    END { exit seen != ours + field }
' "$log.out" || fail "the server did not carry out what the clients asked for"

# Enough for it to say something.
[ "$shared" -gt $((total / 40)) ] || fail "only $shared transactions were shared"
"$RIM_CHECK_HISTORIES" "$RIM_HISTORIES" || fail "what the clients have read cannot be explained: see above"
