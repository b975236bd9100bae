#!/bin/sh
# A sample of power cuts; tests/block/powercut.py BUILD DIR 10000 SEED is the long run.
. "$(dirname "$0")/lib.sh"
HERE=$(cd "$(dirname "$0")" 2>/dev/null && pwd) || HERE=$OLDPWD/tests/block
ok python3 "$HERE/powercut.py" "$B" "$T" 80 "${SEED:-1}"
cat out
