#!/bin/sh
# Shows the bridge at work: `demo.sh DIRECTORY` starts the server that is there, and runs the C++ and the C client
# against it, each in a process of its own. Ends with 0 if every value was right.
set -eu
programs=$1

scratch=$(mktemp -d)
server=
end() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || :
    rm -rf "$scratch"
}
trap end EXIT
trap 'exit 1' HUP INT TERM

# Two ports in a row that nobody has: tried out, since there is no other way to be sure.
said="$scratch/server"
tries=0
port=$((20000 + $$ % 10000))
while :; do
    : >"$said"
    "$programs/server" 127.0.0.1 "$port" >"$said" 2>&1 &
    server=$!
    waited=0
    until read -r line <"$said" || [ "$waited" -ge 100 ]; do
        waited=$((waited + 1))
        sleep 0.1
    done
    case ${line-} in serving*) break ;; esac
    kill "$server" 2>/dev/null || :
    wait "$server" || :
    server=
    tries=$((tries + 1))
    if [ "$tries" -ge 20 ]; then
        echo "demo: the server does not start: ${line:-it says nothing}" >&2
        exit 1
    fi
    port=$((port + 7))
done

echo
echo "Server: $line"
result=0
for client in client client-c; do
    echo
    "$programs/$client" 127.0.0.1 "$port" || result=1
done

kill "$server"
wait "$server" || result=1
server=
echo
if [ "$result" -eq 0 ]; then
    echo "It works: all values are right."
else
    echo "demo: FAILED, see above" >&2
fi
exit "$result"
