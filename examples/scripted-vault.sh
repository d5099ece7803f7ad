#!/usr/bin/env bash
# Set up a vault, fill it and search it with nobody at the keyboard.
# Everything lives in a temporary directory and is gone at the end.
set -euo pipefail
umask 077

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export MEMORY_VAULT=$work/vault
export XDG_STATE_HOME=$work/state
export MEMORY_PASSPHRASE_FILE=$work/passphrase

# The passphrase reaches memory through a file, never through argv or the environment.
head -c 24 /dev/urandom | base64 > "$MEMORY_PASSPHRASE_FILE"

# One passphrase for all classes; keep the recovery file somewhere else in real life.
memory init --single-passphrase -y --recovery-file "$work/recovery"

# Reads one field of a JSON object on stdin, so that jq is not needed.
field() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }

id=$(memory add --json -t garden 'Slugs do not cross a bed that is dry by dusk.' | field id)
echo "captured $id"

printf 'Pump inspected, filter changed, pressure 1.5 bar.\n' |
  memory add --json -t home --title 'Heating' | field classification

# stdout is data: an array of hits, best first.
memory search --json -n 3 slugs | python3 -c '
import json, sys
for hit in json.load(sys.stdin):
    print(hit["id"], hit["classification"], hit["snippet"], sep="\t")
'

memory show "$id"
