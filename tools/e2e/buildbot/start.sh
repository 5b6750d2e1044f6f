#!/bin/bash
# start.sh [PORT=9989] [STATEDIR]   start a Buildbot master on 127.0.0.1:PORT; returns when it is running.
# Idempotent: already running -> says so, rc 0.  PBREAL_FRESH=1 wipes a stopped master's state first.
# PBREAL_STATE: the folder where all state goes.
set -eu
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd); . "$HERE/../lib/proc.sh"
PORT=${1:-9989}
STATE=${2:-$PBREAL_STATE/master-$PORT}
PIDF=$STATE/master.pid
export PBREAL_PORT=$PORT
unset PYTHONPATH PYTHONHOME || true
if pb_alive "$PIDF"; then echo "master already running: port $PORT pid $(pb_pid "$PIDF") state $STATE"; exit 0; fi
if pb_portopen "$PORT"; then echo "port $PORT is already in use by something else" >&2; exit 1; fi
if [ "${PBREAL_FRESH:-0}" = 1 ]; then rm -rf -- "$STATE"; fi
if [ ! -f "$STATE/state.sqlite" ]; then
  mkdir -p "$STATE"
  /usr/bin/buildbot create-master --force --quiet --relocatable --no-logrotate "$STATE" >"$STATE/create.out" 2>&1 ||
     { cat "$STATE/create.out" >&2; exit 1; }
fi
cp "${PBREAL_MASTER_CFG:-$HERE/master.cfg}" "$STATE/master.cfg"
: >"$STATE/twistd.log"
cd "$STATE"
pb_spawn "$PIDF" env -i PATH=/usr/local/bin:/usr/bin:/bin HOME="$STATE" LANG=C.UTF-8 PBREAL_PORT="$PORT" PBREAL_KEEPALIVE="${PBREAL_KEEPALIVE:-3600}" /usr/bin/buildbot start --nodaemon "$STATE"
for _ in $(seq 1 300); do
  if grep -q "is only partially active\|Configuration Errors" "$STATE/twistd.log"; then break; fi
  if grep -q "BuildMaster is running" "$STATE/twistd.log"; then
    echo "master running: port $PORT pid $(pb_pid "$PIDF") state $STATE"; exit 0; fi
  pb_alive "$PIDF" || break
  sleep 0.1
done
echo "master did not start; last log lines:" >&2; tail -n 30 "$STATE/twistd.log" "$PIDF.out" >&2
pb_stop "$PIDF" >&2
exit 1
