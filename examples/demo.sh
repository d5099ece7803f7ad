#!/usr/bin/env bash
# The main job, on real notes, in a vault that is thrown away: make, import, see, search.
set -euo pipefail
cd "$(dirname "$0")/.."

place="$PWD/.build/demo"
rm -rf "$place"
mkdir -p "$place/data/memory"
ln -s "$PWD/.build/models" "$place/data/memory/models"
export XDG_DATA_HOME="$place/data" XDG_STATE_HOME="$place/state" XDG_CONFIG_HOME="$place/config"
export MEMORY_VAULT="$place/vault" MEMORY_KEYFILE="$place/demo.key"
unset MEMORY_PASSPHRASE_FILE MEMORY_PASSPHRASE_COMMAND

say() { printf '\n\033[2m# %s\033[0m\n' "$*"; }
run() { printf '\033[1m$ memory'; printf ' %q' "$@"; printf '\033[0m\n'; memory "$@"; }

say "A vault, here with a keyfile so that nothing has to be typed. Yours asks for passphrases."
run init --keyfile "$place/demo.key" -y

say "A folder of Markdown notes. A local model reads each one and files it by how sensitive it is."
run import examples/notes

say "Some of what it took for secret and ultrasecret, sealed under keys of their own:"
run list -c secret -n 4
run list -c ultrasecret -n 3

say "Search by words …"
run search "guest network WPA3" -n 2

say "… and by meaning. None of these words is in the note that is wanted:"
run search "keeping snails away from vegetables" -n 2 --explain
run search "parent with dementia" -n 1

say "Filters, phrases and exclusions, in one language:"
run search '"time of concentration"' OR spatzle -rezepten class:general -n 3

say "Capture from the shell. The class is decided before anything is written:"
run add "the new code for the garage is 4471, opens with a long press"
printf '\033[1m$ df -h | memory add -t ops --title "disks today"\033[0m\n'
df -h | memory add -t ops --title "disks today"

say "What lies on the disk tells nobody anything:"
find "$place/vault/objects" -name '*.age' | sed -n 1,3p
run status

cat <<END

That was a throw-away vault in .build/demo. For your own:

    source .venv/bin/activate        # or, from this directory: pipx install '.[model]'
    memory model install             # once; works offline afterwards
    memory init                      # asks for passphrases, prints a recovery kit
    memory add "something to keep"
    memory search something

README.md goes on from here.
END
