# What the interoperation scripts share: servers to start, stop and kill, and clients with a limit
# of time. Sourced by them; no test by itself.
set -eu
: "${RIM_PEER_SERVER:?}" "${RIM_PEER_CLIENT:?}" "${RIM_OUR_SERVER:?}" "${RIM_OUR_CLIENT:?}"

work=$(mktemp -d)
running="" # processes that must not outlive the script
started=0
port=0
host=127.0.0.1 # what clients connect to; libzmq takes source;destination

finish() {
    status=$?
    trap - EXIT
    for process in $running; do
        kill -9 "$process" 2>/dev/null || :
    done
    if [ "$status" -ne 0 ]; then
        for file in "$work"/*.out "$work"/*.err; do
            [ ! -s "$file" ] || { echo "--- ${file##*/}"; tail -n 20 "$file"; } >&2
        done
    fi
    rm -rf "$work"
    exit "$status"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

# The servers' standard input. It ends with this script, however that ends, and they end with it.
mkfifo "$work/hold"
exec 9<>"$work/hold"

# fail TEXT
fail() {
    echo "$0: $1" >&2
    exit 1
}

# await COMMAND...: until it succeeds, for 20 s.
await() {
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ "$tries" -lt 400 ] || fail "not within 20 s: $*"
        sleep 0.05
    done
}

listens_or_fails() { grep -q '^ready ' "$log.out" || [ -s "$log.err" ]; }

# try_start PROGRAM PORT [OPTION...]: false when it cannot listen. Sets $server, the process, $port,
# and $log: what it prints is in $log.out.
try_start() {
    program=$1
    wanted=$2
    shift 2
    started=$((started + 1))
    log=$work/server$started
    : >"$log.out" # it is looked at before the server is there
    "$program" 127.0.0.1 "$wanted" "$@" <"$work/hold" >"$log.out" 2>"$log.err" 9>&- &
    server=$!
    running="$running $server"
    await listens_or_fails
    port=$(sed -n 's/^ready //p' "$log.out")
    [ -n "$port" ]
}

# start PROGRAM [OPTION...]: a server on any free port.
start() {
    program=$1
    shift
    try_start "$program" 0 "$@" || fail "the server did not start"
}

# start_to_restart PROGRAM [OPTION...]: one on a port that clients of other tests do not take while
# it is free, being below the range that systems give to outgoing connections.
start_to_restart() {
    program=$1
    shift
    lowest=$((20000 + $$ % 2000 * 4))
    for step in 0 2 8000 8002 10000; do
        if try_start "$program" $((lowest + step)) "$@"; then return; fi
        forget "$server"
    done
    fail "no free port"
}

# restart PROGRAM [OPTION...]: on the same port as the one before.
restart() {
    program=$1
    shift
    try_start "$program" "$port" "$@" || fail "the server did not start again"
}

# forget PROCESS: it has ended.
forget() {
    left=""
    for process in $running; do
        [ "$process" = "$1" ] || left="$left $process"
    done
    running=$left
}

# stop: ends the server as it should be ended.
stop() {
    kill "$server"
    forget "$server"
    wait "$server" || fail "the server ended with status $?"
}

# crash: kills the server.
crash() {
    kill -9 "$server"
    forget "$server"
    wait "$server" 2>/dev/null || :
}

peer_client() { timeout -k 2 50 "$RIM_PEER_CLIENT" "$host" "$port" "$@" 9>&-; }
our_client() { timeout -k 2 50 "$RIM_OUR_CLIENT" "$host" "$port" "$@" 9>&-; }

# background NAME PROGRAM COMMAND...: a client that runs meanwhile; sets $client, its process. What it
# prints is in $work/NAME.out and .err. It has its own end, unlike those above.
background() {
    name=$1
    program=$2
    shift 2
    : >"$work/$name.out"
    "$program" "$host" "$port" "$@" >"$work/$name.out" 2>"$work/$name.err" 9>&- &
    client=$!
    running="$running $client"
}

# finished NAME PROCESS: waits for a client of the background, which must have found all well.
finished() {
    ended=0
    wait "$2" || ended=$?
    forget "$2"
    [ "$ended" -eq 0 ] || fail "$1 ended with status $ended"
}

# within NAME KEY LEAST MOST: each KEY=number that NAME printed.
within() {
    values=$(sed -n "s/^\\(.* \\)\\{0,1\\}$2=\\([0-9]*\\).*/\\2/p" "$work/$1.out")
    [ -n "$values" ] || fail "$1 printed no $2"
    for value in $values; do
        if [ "$value" -lt "$3" ] || [ "$value" -gt "$4" ]; then
            fail "$1: $2=$value, not in $3 to $4"
        fi
    done
}

# text LENGTH: so much of the error that --long-error-at gives.
text() { awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++) printf "%s", substr("long error ", i % 11 + 1, 1) }'; }
