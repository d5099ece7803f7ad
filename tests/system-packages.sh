#!/usr/bin/env bash
# Programs that tests talk to. Installed where we may; a test that still misses one skips and says so.
missing=""
for program in age git tmux; do
    command -v "$program" > /dev/null || missing="$missing $program"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
    apt-get update -qq > /dev/null 2>&1 || true
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $missing > /dev/null 2>&1 || true
fi
exit 0
