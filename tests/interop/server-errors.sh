# Our server's errors, as a client of the field gets them, and as ours does.
#
# Rogue's client takes the text for a printf format, so our server doubles each % for a client of the
# field. One that takes the text as data, such as the peer here, sees it doubled; ours, which is told
# apart by its session, gets it as it is.
. "$(dirname "$0")/lib/common.sh"

x998=$(awk 'BEGIN { for (i = 0; i < 998; i++) printf "x" }')
start "$RIM_OUR_SERVER" --memory-min 4 --max-transaction 65536 --log-level 30 \
    --error-at 0x1000:'odd %s%n %d text' --long-error-at 0x2000:5000 --long-error-at 0x3000:999 \
    --error-at 0x4000:"$x998%" --write-error-at 0x5000:'read-only register'

peer_client expect-error 0x1000 4 'odd %%s%%n %%d text' expect-write-error 0xffc 0102030405060708 odd
our_client expect-error 0x1000 4 'odd %s%n %d text' \
    expect-write-error 0xffc 0102030405060708 'odd %s%n %d text' \
    --by bus expect-error 0x1000 4 'odd %s%n %d text'

# Cut to what a client of the field takes; the peer holds it to that.
for address_of_error in 0x2000 0x3000; do
    peer_client expect-error "$address_of_error" 4 "$(text 999)"
    our_client expect-error "$address_of_error" 4 "$(text 999)"
done
# A doubled % is cut as a whole: half of one would spoil the format.
peer_client expect-error 0x4000 4 "$x998"
if peer_client expect-error 0x4000 4 "$x998%" 2>"$work/half.err"; then
    fail "a % was cut in half"
fi
grep -q 'has no' "$work/half.err"
our_client expect-error 0x4000 4 "$x998%"

# Sizes and addresses that cannot be: refused, and the next one is served.
peer_client expect-error 0 2 'minimum' expect-error 0 6 'multiple' expect-error 2 4 'multiple' \
    --error-data any expect-error 0 65540 'maximum' expect-error 0 0xFFFFFFFC 'maximum' \
    expect-error 0xfffffffffffffffc 8 'address' block 0x10000 65536 3
our_client expect-status 0 2 RIM_STATUS_FAILED minimum expect-status 0 65540 RIM_STATUS_FAILED maximum

# A Post that fails draws no response, but is counted and logged.
peer_client expect-write-error 0x5000 01020304 'read-only register' \
    --post-answered no post 0x5000 00000000 wait 200
our_client post 0x5000 00000000
stop
grep -q '^failed_posts=2$' "$log.out" || fail "two Posts have failed, and were counted otherwise"
[ "$(grep -c 'read-only register' "$log.out")" -eq 2 ] || fail "the failed Posts were not logged"
