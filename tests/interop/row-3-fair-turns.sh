# Clients of ours and of the field that have equally much to ask for, all at once, of a slave that takes
# one transaction at a time: at no moment has one of them had more than two turns more than another.
# Counted in turns, so that it does not depend on the time that anything takes.
. "$(dirname "$0")/lib/common.sh"

requests=60 # fewer than a server takes in for a client before it reads no further
clients=10
start "$RIM_OUR_SERVER" --max-outstanding 1 --gate "$work/gate" --turns "$work/turns"
all=""
for number in 0 1 2 3 4 5 6 7 8 9; do
    kind=$RIM_OUR_CLIENT
    host=127.0.0.1
    if [ "$number" -ge 6 ]; then
        kind=$RIM_PEER_CLIENT
        host="127.0.0.$number:0;127.0.0.1"
    fi
    # A probe is answered by the server itself, in order: when it is, all requests before it are there.
    background "client$number" "$kind" --timeout-ms 60000 ask "0x${number}00000000" 4 "$requests" \
        probe 30000 say asked collect
    all="$all client$number:$client"
done
for one in $all; do
    await grep -q asked "$work/${one%:*}.out"
done
: >"$work/gate"
for one in $all; do
    finished "${one%:*}" "${one#*:}"
done
stop
awk -v clients="$clients" -v requests="$requests" '
    BEGIN { for (i = 0; i < clients; i++) turns[i] = 0 }
    {
        turns[$1]++
        least = most = turns[0]
        for (i in turns) {
            if (turns[i] < least) least = turns[i]
            if (turns[i] > most) most = turns[i]
        }
        if (most - least > worst) worst = most - least
    }
    END {
        print NR " turns of " clients " clients, one ahead of another by " worst " at most"
        exit NR != clients * requests || worst > 2
    }
' "$work/turns" || fail "a client had to wait for more than two turns of another"
