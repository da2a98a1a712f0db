#!/bin/sh
# Runs each client of the folder PROGRAMS against each server in it, in two processes over loopback, also through the
# daemon, and checks what they say and how they end: `run.sh PROGRAMS`. With `run.sh PROGRAMS valgrind` all of them run
# under valgrind, which takes several times as long.
set -eu
programs=$1
tool=
patience=20 # seconds for a process to get ready or to end, and for a transaction
if [ "${2-}" = valgrind ]; then
    tool="valgrind -q --leak-check=full --errors-for-leak-kinds=definite --show-leak-kinds=definite --error-exitcode=9"
    patience=60
fi

work=$(mktemp -d)
running=
finish() {
    status=$?
    trap - EXIT
    for process in $running; do kill -9 "$process" 2>/dev/null || :; done
    if [ "$status" -ne 0 ]; then
        for file in "$work"/*; do
            [ ! -s "$file" ] || { echo "--- ${file##*/}"; tail -n 30 "$file"; } >&2
        done
    fi
    rm -rf "$work"
    exit "$status"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

fail() {
    echo "$0: $*" >&2
    exit 1
}
forget() { # forget PROCESS: it has ended, and its number may be another's
    left=
    for each in $running; do [ "$each" = "$1" ] || left="$left $each"; done
    running=$left
}
says() { # says FILE PATTERN WHAT
    grep -Eq "$2" "$work/$1" || fail "$3: no line like '$2'"
}

# serve NAME PROGRAM ARGUMENT...: starts it, with PORT in the arguments replaced by the first of two free ports, until it
# is ready. Leaves the process in $process and the port in $port. Tried out with pair after pair: there is no other way
# to be sure that nobody has them.
port=$((20000 + $$ % 10000))
serve() {
    name=$1
    program=$2
    shift 2
    tries=0
    while :; do
        port=$((port + 7))
        arguments=$(printf '%s ' "$@" | sed "s/PORT/$port/g")
        : >"$work/$name.out" # an earlier one of this name was ready, this one is not
        : >"$work/$name.err"
        # shellcheck disable=SC2086 # words are meant
        $tool "$programs/$program" $arguments >"$work/$name.out" 2>"$work/$name.err" &
        process=$!
        running="$running $process"
        waited=0
        until grep -qx ready "$work/$name.out"; do
            kill -0 "$process" 2>/dev/null || break
            waited=$((waited + 1))
            [ "$waited" -lt $((patience * 20)) ] || fail "$name does not get ready"
            sleep 0.05
        done
        if grep -qx ready "$work/$name.out"; then return; fi
        wait "$process" || :
        forget "$process"
        grep -q 'another process' "$work/$name.err" || fail "$name does not start"
        tries=$((tries + 1))
        [ "$tries" -lt 20 ] || fail "$name: no free ports"
    done
}

# ends NAME PROCESS: told to end, it does, by itself and well
ends() {
    kill -TERM "$2"
    waited=0
    while kill -0 "$2" 2>/dev/null; do
        waited=$((waited + 1))
        [ "$waited" -lt $((patience * 20)) ] || fail "$1 does not end"
        sleep 0.05
    done
    status=0
    wait "$2" || status=$?
    forget "$2"
    [ "$status" -eq 0 ] || fail "$1 ends with $status"
    says "$1.out" '^bye$' "$1"
    [ ! -s "$work/$1.err" ] || fail "$1 complains"
}

# client NAME PROGRAM ARGUMENT...: runs it, and expects it to end well
client() {
    name=$1
    program=$2
    shift 2
    status=0
    # shellcheck disable=SC2086
    timeout -k 5 $((patience * 4)) $tool "$programs/$program" "$@" >"$work/$name.out" 2>"$work/$name.err" || status=$?
    [ "$status" -eq 0 ] || fail "$name ends with $status"
    [ ! -s "$work/$name.err" ] || fail "$name complains"
}

# clients SERVER PORT COUNTER [REFUSED]: all of them, the counter being at COUNTER before; REFUSED is what the server
# says of a target that is not there
clients() {
    if [ -n "${4-}" ]; then
        client wishbone wishbone_client 127.0.0.1 "$2" "$patience" 15
        says wishbone.out "^refused: read 0xf00000000: .*$4" "$1"
    else
        client wishbone wishbone_client 127.0.0.1 "$2" "$patience"
    fi
    [ "$(grep -c '^target [0-3] done$' "$work/wishbone.out")" = 4 ] || fail "$1: a target is left out"
    says wishbone.out '^0 wrong$' "$1"
    client increment increment 127.0.0.1 "$2" "$patience"
    says increment.out "^counter $3 to $(($3 + 10))\$" "$1"
    says increment.out '^control 0xc002af00 field 0xabc at 0x300000000$' "$1"
}

for pair in "memory:There is no target at address 0xf00000000" "keeping:the device has four targets" \
    "hub_tree:There is no register at 0xf10203000"; do
    server=${pair%%:*}
    serve "$server" "${server}_server" 127.0.0.1 PORT
    server_process=$process
    server_port=$port
    clients "$server" "$server_port" 0 "${pair#*:}"

    # Through the daemon to the same server, whose counter is where it was left. Under valgrind one server will do: the
    # daemon's way is the same for all.
    if [ -n "$tool" ] && [ "$server" != memory ]; then
        ends "$server" "$server_process"
        continue
    fi
    serve daemon bridge_daemon -u "$server_port" -p PORT -w "$patience" -v 30 -f field=20
    clients "$server through the daemon" "$port" 10 "${pair#*:}"
    ends daemon "$process"
    says daemon.out ":pyrogue\.field\.daemon: Serving at port $port\$" daemon
    ends "$server" "$server_process"
done
says hub_tree.out '^largest 4 lowest 0x10203000$' hub_tree

# The daemon alone. Without a filter it says nothing of what its server does.
serve daemon bridge_daemon -a 127.0.0.1 -p PORT
clients daemon "$port" 0
ends daemon "$process"
[ "$(cat "$work/daemon.out")" = "ready
bye" ] || fail "the daemon logs unasked"
serve daemon bridge_daemon -p PORT -f memory.TcpServer=10 -f pyrogue.field=40
first_process=$process
clients daemon "$port" 0
says daemon.out "^[0-9]+\.[0-9]{6}:pyrogue\.memory\.TcpServer\.127\.0\.0\.1\.$port: " daemon
if grep -q 'Serving at port' "$work/daemon.out"; then fail "the daemon's filter is not kept to"; fi

# A second daemon at the same port says why it does not start, and leaves the first in peace.
status=0
# shellcheck disable=SC2086
$tool "$programs/bridge_daemon" -p "$port" >"$work/second.out" 2>"$work/second.err" || status=$?
[ "$status" -eq 1 ] || fail "a second daemon at the same port ends with $status"
says second.err "General Error: .*($port|$((port + 1))) .*another process" "a second daemon"
ends daemon "$first_process"

# A daemon whose server is not there says so.
status=0
# shellcheck disable=SC2086
$tool "$programs/bridge_daemon" -p "$port" -u 9 -w 0.3 >"$work/lonely.out" 2>"$work/lonely.err" || status=$?
[ "$status" -eq 3 ] || fail "a daemon without its server ends with $status"
says lonely.out 'pyrogue\.field\.daemon: No server at 127\.0\.0\.1:9$' "a daemon without its server"
