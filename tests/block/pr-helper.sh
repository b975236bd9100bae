#!/bin/sh
# rhea-pr-helper: the protocol, with a SCSI disk that is made up (fake_sg.c) and with a file that is none; options; rights.
HERE=$(cd "$(dirname "$0")" && pwd)
. "$HERE/lib.sh"
PR=$B/rhea-pr-helper S=$T/pr.sock
${CC:-cc} -D_GNU_SOURCE -shared -fPIC -o fake.so "$HERE/fake_sg.c" -ldl || { echo 'needs a C compiler'; exit 77; }
truncate -s 4096 device; chmod 666 device; chmod 777 "$T"
wait_for() { i=0; while [ ! -S "$S" ] && [ $i -lt $((50 * ${SLOW:-1})) ]; do sleep 0.1; i=$((i + 1)); done; [ -S "$S" ] || fail 'no socket'; }
sanitizer=$(ldd "$PR" | awk '/lib[at]san/ { print $3 }')     # wants to come first
LD_PRELOAD="$sanitizer $T/fake.so" $PR -k "$S" & pid=$!
wait_for
ok python3 "$HERE/pr-helper.py" "$S" fake device
exits 1 $PR -k "$S"; says 'another helper listens there'
kill $pid; wait $pid || fail "status $? after SIGTERM"
[ ! -e "$S" ] || fail 'the socket is left behind'
ok $PR -d -k "$S" -f "$T/pid"
pid=$(cat pid); [ -S "$S" ] || fail 'ready, but no socket'
ok python3 "$HERE/pr-helper.py" "$S" real device
kill "$pid"; i=0; while [ -e "$S" ] && [ $i -lt 50 ]; do sleep 0.1; i=$((i + 1)); done
[ ! -e "$S" ] && [ ! -e pid ] || fail 'socket or pid file left behind'
if [ "$(id -u)" = 0 ] && id nobody >/dev/null 2>&1; then
    $PR -k "$S" -u nobody & pid=$!
    wait_for; sleep 0.3
    grep -q '^Uid:.0' /proc/$pid/status && fail 'still root'
    grep -q '^CapEff:.*0000000000020000$' /proc/$pid/status || fail "rights: $(grep Cap /proc/$pid/status)"
    ok python3 "$HERE/pr-helper.py" "$S" real device
    kill $pid; wait $pid
fi
exits 1 $PR -k "$S" -u nosuchuser; says 'no such user'
exits 1 $PR -k relative; says 'absolute'
exits 1 $PR -k "$T/$(printf '%0200d' 0)"; says 'too long'
exits 1 $PR extra; says 'extra'
ok $PR --help; says '--socket'
