#!/bin/bash
# stop.sh [PORT=9989] [STATEDIR]   stop the master on PORT and the workers worker.sh started for it. Idempotent.
set -u
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd); . "$HERE/../lib/proc.sh"
PORT=${1:-9989}
BASE=$PBREAL_STATE
for w in "$BASE"/worker-"$PORT"-*/worker.pid; do [ -f "$w" ] && pb_stop "$w"; done
pb_stop "${2:-$BASE/master-$PORT}/master.pid"
exit 0
