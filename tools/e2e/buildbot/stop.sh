#!/bin/bash
# stop.sh [PORT=9989]   stop the master on PORT. Idempotent.
set -u
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd); . "$HERE/../lib/proc.sh"
pb_stop "$PBREAL_STATE/master-${1:-9989}/master.pid"
exit 0
