#!/bin/bash
# worker.sh [PORT=9989] [NAME=ts-worker] [PASSWORD=worker-pw] [KEEPALIVE=600]
# run the REAL buildbot-worker against 127.0.0.1:PORT in the background (the reference for a TypeScript worker).
# "stop.sh PORT" stops it too. PBREAL_WORKER_OPTS: more options for create-worker.
set -eu
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd); . "$HERE/../lib/proc.sh"
PORT=${1:-9989}; NAME=${2:-ts-worker}; PW=${3:-worker-pw}; KEEP=${4:-600}
STATE=$PBREAL_STATE/worker-$PORT-$NAME
PIDF=$STATE/worker.pid
unset PYTHONPATH PYTHONHOME || true
if pb_alive "$PIDF"; then echo "worker already running pid $(pb_pid "$PIDF")"; exit 0; fi
rm -rf -- "$STATE"; mkdir -p "$(dirname "$STATE")"
# shellcheck disable=SC2086
/usr/bin/buildbot-worker create-worker --quiet --relocatable --no-logrotate --keepalive="$KEEP" --maxdelay=5 \
   ${PBREAL_WORKER_OPTS:-} "$STATE" "127.0.0.1:$PORT" "$NAME" "$PW" >/dev/null
echo "PB interop <nobody@localhost>" >"$STATE/info/admin"
echo "a test host" >"$STATE/info/host"
: >"$STATE/twistd.log"
cd "$STATE"
pb_spawn "$PIDF" env -i PATH=/usr/local/bin:/usr/bin:/bin HOME="$STATE" LANG=C.UTF-8 /usr/bin/buildbot-worker start --nodaemon "$STATE"
for _ in $(seq 1 "${PBREAL_WAIT:-100}"); do
  grep -q "Connected to buildmaster; worker is ready" "$STATE/twistd.log" && { echo "worker ready pid $(pb_pid "$PIDF")"; exit 0; }
  pb_alive "$PIDF" || break
  sleep 0.1
done
echo "worker not connected; last lines:" >&2; tail -n 5 "$STATE/twistd.log" "$PIDF.out" >&2
exit 1
