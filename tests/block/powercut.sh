#!/bin/sh
# A sample of power cuts; the long run is tests/block/powercut.py BUILD DIR 10000 SEED, and powercut_ops.py the same.
. "$(dirname "$0")/lib.sh"
seed=${SEED:-$(date +%s)}
echo "SEED=$seed repeats this run"
HERE=$(cd "$(dirname "$0")" 2>/dev/null && pwd) || HERE=$OLDPWD/tests/block
ok python3 "$HERE/powercut.py" "$B" "$T" 60 "$seed"
cat out
ok python3 "$HERE/powercut_ops.py" "$B" "$T" 120 "$seed"
cat out
