# A client of ours that finds no server tries again after pauses that grow to 2 s, so that many clients
# are no burden to the host where they expect one; and every 100 ms while somebody waits for it.
. "$(dirname "$0")/lib/common.sh"

"$RIM_OUR_ATTEMPTS" 9>&-
