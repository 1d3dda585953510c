#!/usr/bin/env bash
# Writes a simulated fleet's messages into the pipe /feed/messages, in real time: twenty minutes of
# event time take twenty minutes, then the same fleet begins again.
set -euo pipefail

pipe=/feed/messages
[[ -p $pipe ]] || mkfifo --mode=0600 "$pipe"
exec 3>"$pipe"

while true; do
    start=$(date --utc +%Y-%m-%dT%H:%M:%SZ)
    # 40 records a second are about 6.4 messages a second: one each 0.155 s keeps event time and
    # clock together to within a minute.
    gatewatch simulate --seed 7 --start "$start" --duration 20m --rate 40 | while IFS= read -r message; do
        printf '%s\n' "$message" >&3
        sleep 0.15
    done
done
