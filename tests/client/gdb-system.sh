#!/bin/sh
# gdb and a whole machine: the stub on a port, a unix socket and by -s -S; a thread for each CPU, registers and CSRs, memory,
# software and hardware breakpoints, watchpoints, single steps, monitor commands, detach, kill.
set -u
. tests/guest/lib.sh
command -v gdb-multiarch >/dev/null || { echo "no gdb-multiarch: apt-get install gdb-multiarch"; exit 77; }
make_guest echo -g
bad=0
expect() { grep -q -e "$1" "$T/gdb" || { echo "not found: $1"; bad=1; }; }
check() { [ $bad -eq 0 ] || { cat "$T/gdb" "$T/out"; exit 1; }; }
mkfifo "$T/keys"
machine() {
    timeout 60 "$B/rhea-system-riscv64" -M virt -m 64M -smp 2 -display none -serial stdio -monitor none -bios none -kernel "$T/echo" \
        "$@" < "$T/keys" > "$T/out" 2>&1 &
    pid=$!
    exec 8> "$T/keys"
}
gdb() {
    timeout 50 gdb-multiarch -nx -batch -ex 'set pagination off' -ex 'set confirm off' "$@" "$T/echo" > "$T/gdb" 2>&1 || bad=1
}

machine -S -gdb "unix:path=$T/socket,server=on,wait=off"
wait_for 10 test -S "$T/socket"
gdb -ex "target remote $T/socket" -ex 'info threads' -ex 'print/x $pc' -ex 'hbreak main' -ex continue -ex 'print/x $mhartid' -ex bt \
    -ex 'print/x $mstatus' -ex stepi -ex 'print/x $pc' -ex 'delete' \
    -ex 'break put if c == 101' -ex continue -ex 'print c' -ex up -ex 'print s[0]' -ex delete \
    -ex 'print watched' -ex 'set var watched = 77' -ex 'print watched' -ex 'x/2xw $sp' \
    -ex 'thread 2' -ex 'print/x $mhartid' -ex 'x/i $pc' -ex 'thread 1' -ex 'monitor info status' -ex 'maintenance packet qSupported' \
    -ex 'print $a0 = 12345' -ex 'print $a0' -ex 'info registers mscratch' -ex 'print $priv' -ex 'set $priv = 1' -ex 'print $priv + 40' -ex 'set $priv = 3' -ex finish -ex detach
expect '^\* 1 .*(CPU#0 .*)'
expect '^  2 .*(CPU#1 .*)'
expect '^\$1 = 0x1000$'
expect 'Breakpoint 1, main ()'
expect '^\$2 = 0x0$'
expect 'put (c=.*101'
expect "= 104 'h'\|= 101 'e'"
expect '= 77$'
expect 'Switching to thread 2'
expect '= 0x1$'
expect 'VM status: paused'
expect '= 12345$'
expect '= 3$'
expect '= 41$'
check
printf abc >&8
wait_for 10 grep -q ABC "$T/out" || { echo "it does not run on after detach"; bad=1; check; }

# A watchpoint, set while it runs; then it is killed.
( sleep 3; printf x >&8 ) &
gdb -ex "target remote $T/socket" -ex 'watch watched' -ex continue -ex 'print watched' -ex 'rwatch watched' -ex 'print $_' -ex delete -ex kill
expect 'Hardware watchpoint 1: watched'
expect 'New value = 120'
expect '= 120$'
check
wait $pid && status=0 || status=$?
[ $status = 0 ] || { cat "$T/out"; echo "killed by gdb: status $status"; exit 1; }
exec 8>&-

# The port of -s, and a machine whose program ends under gdb.
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
machine -S -gdb "tcp:127.0.0.1:$port" -accel tcg,tier=hot
( sleep 3; printf q >&8 ) &
for i in 1 2 3 4 5; do
    gdb -ex "target remote 127.0.0.1:$port" -ex 'break say' -ex continue -ex 'stepi 100' -ex 'print/x $pc' -ex delete -ex continue
    grep -q 'Connection refused' "$T/gdb" || break
    bad=0
    sleep 0.3
done
expect 'Breakpoint 1, say'
expect 'exited normally'
check
wait $pid && status=0 || status=$?
[ $status = 0 ] || { cat "$T/out"; echo "powered off: status $status"; exit 1; }
