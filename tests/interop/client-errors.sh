# What our client makes of errors of servers of the field, of their silence, and of their absence.
. "$(dirname "$0")/lib/common.sh"

# Text is data: no format, and no longer than it is said to be.
for dialect in text nul empty; do
    start "$RIM_PEER_SERVER" --dialect "$dialect" --error-at 0x1000:'odd %s%n %d text' \
        --long-error-at 0x2000:999 --long-error-at 0x3000:5000
    our_client expect-error 0x1000 4 'odd %s%n %d text' expect-error 0xff0 4096 'odd %s%n %d text' \
        expect-write-error 0x1000 01020304 'odd %s%n %d text' expect-error 0x2000 4 "$(text 999)" \
        --by bus expect-error 0x1000 4 'odd %s%n %d text' expect-error 0x2000 4 "$(text 999)" \
        block 0 256 1
    # Longer than a server may send it: an error all the same, and the client goes on.
    our_client expect-status 0x3000 4 RIM_STATUS_FAILED "$(text 900)" block 0 256 2
    stop
done

# Numbers are AXI codes, and named.
start "$RIM_PEER_SERVER" --dialect numeric --fail-code-at 0x1000:2 --fail-code-at 0x2000:3 \
    --fail-code-at 0x3000:77
our_client expect-status 0x1000 4 RIM_STATUS_FAILED SLVERR \
    expect-status 0x2000 4 RIM_STATUS_FAILED DECERR expect-status 0x3000 4 RIM_STATUS_FAILED 77 \
    block 0 256 1
stop

# A response after its time changes nothing.
start "$RIM_PEER_SERVER" --delay-us 400000
our_client --timeout-ms 150 expect-status 0 4 RIM_STATUS_TIMEOUT 'Timeout' \
    --by bus expect-status 0 4 RIM_STATUS_TIMEOUT 'Timeout' --timeout-ms 5000 \
    write 0 01020304 read 0 01020304
stop

# Slow, and alive: libzmq answers a PING meanwhile, so the last text says no more than the first.
start "$RIM_PEER_SERVER" --delay-us 2400000
our_client --keep-alive-ms 1000 --timeout-ms 400 probe 20000 \
    expect-status 0 4 RIM_STATUS_TIMEOUT "(127.0.0.1:$port is connected)" \
    expect-status 0 4 RIM_STATUS_TIMEOUT "(127.0.0.1:$port is connected)" \
    expect-status 0 4 RIM_STATUS_TIMEOUT "(127.0.0.1:$port is connected)" \
    expect-status 0 4 RIM_STATUS_TIMEOUT "(127.0.0.1:$port is connected)" \
    expect-status 0 4 RIM_STATUS_TIMEOUT "(127.0.0.1:$port is connected)"
stop

# Nobody there.
our_client --timeout-ms 300 expect-status 0 4 RIM_STATUS_REFUSED refused \
    expect-status 0 4 RIM_STATUS_REFUSED "127.0.0.1:$port" no-probe 300 \
    --by bus expect-status 0 4 RIM_STATUS_REFUSED refused
