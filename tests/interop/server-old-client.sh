# Our server with a Rogue before 6.8.5, which does not see a response that has an empty frame.
. "$(dirname "$0")/lib/common.sh"

start "$RIM_OUR_SERVER" --max-transaction 1048576 --error-at 0x200000:'no such register' \
    --write-error-at 0x300000:'read-only register'
peer_client --old-client sweep 0 1048576 1 --post-answered no post 0x40 01020304 \
    --timeout-ms 10000 outstanding 0x1000 1000
peer_client --old-client expect-error 0x200000 4 'no such register' \
    expect-write-error 0x300000 01020304 'read-only register' \
    --error-data any expect-error 0 1048580 'maximum' block 0 16 1
stop
