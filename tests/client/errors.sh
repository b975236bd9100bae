#!/bin/sh
# Mistakes on the command line: one sentence, the right one, exit status 1. The list is errors.txt.
set -u
B=${B:-build}
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
failed=0
while IFS= read -r entry; do
    case $entry in '#'*|'') continue ;; esac
    line=${entry%% => *} want=${entry#* => }
    line=$(printf '%s' "$line" | sed "s#\\\$T#$T#g") want=$(printf '%s' "$want" | sed "s#\\\$T#$T#g")
    # shellcheck disable=SC2086
    set -- $line
    program=$1; shift
    timeout 10 "$B/$program" "$@" >"$T/out" 2>"$T/err" </dev/null
    status=$?
    got=$(tail -n 1 "$T/err")
    if [ "$got" != "$want" ] || [ $status != 1 ]; then
        failed=$((failed + 1))
        printf '%s\n  expected %s\n  got      %s (status %d)\n' "$line" "$want" "$got" $status
    fi
done < tests/client/errors.txt
[ $failed = 0 ] || { echo "$failed sentences differ"; exit 1; }
