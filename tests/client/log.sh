#!/bin/sh
# Each item of -d shows something, -D and -dfilter take effect, and one instruction a translation is one.
set -u
. tests/guest/lib.sh
bad=0
machine() {
    timeout 60 "$B/rhea-system-riscv64" -M virt -m 64M -display none -serial file:"$T/serial" -monitor none -bios none -kernel "$T/echo" \
        -D "$T/log" "$@" </dev/null >"$T/out" 2>&1 &
    pid=$!
    for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do grep -q . "$T/serial" 2>/dev/null && break; sleep 0.2; done
    kill $pid 2>/dev/null
    wait $pid 2>/dev/null
}
# shows OPTIONS PATTERN: the log has such a line
shows() {
    rm -f "$T"/log* "$T/serial"
    # shellcheck disable=SC2086
    machine $1
    grep -q -e "$2" "$T"/log* && return
    echo "$1: no line '$2'"; head -n 5 "$T"/log* "$T/out"; bad=1
}
make_guest echo
shows '-d in_asm' '^0x0*80000000:.* csr'
shows '-d op' '= get.i64 pc_page'
shows '-d out_asm' 'mov'
shows '-d exec' '^Trace 0: .*80000000'
shows '-d cpu' '^ x4/tp '
grep -q 'f0/ft0' "$T/log" && { echo "-d cpu shows floating-point registers"; bad=1; }
shows '-d cpu,fpu' '^ f0/ft0 '
shows '-d cpu_reset' '^CPU Reset (CPU 0)'
shows '-d timing -smp 2' '^vcpu 1 '
shows '-d timing -icount shift=0' '^slow: -icount'
shows '-d timing -singlestep' '^slow: -one-insn-per-tb'
shows '-d in_asm -dfilter 0x80000000+4' '80000000'
[ "$(grep -c '^0x' "$T/log")" -lt 8 ] || { echo "-dfilter: too many lines"; cat "$T/log"; bad=1; }
# Every translation of the singlestep run has one instruction.
shows '-d in_asm -singlestep' '80000000'
grep -v '^0x' "$T/log" | grep -c . > "$T/heads"
[ "$(grep -c '^0x' "$T/log")" -le "$(cat "$T/heads")" ] || { echo "-singlestep: translations of several instructions"; head -n 20 "$T/log"; bad=1; }
shows '-d tid,in_asm -D '"$T/log.%d" '80000000'
[ "$(find "$T" -name 'log.*' | wc -l)" -ge 2 ] || { echo "-d tid: no file a thread"; bad=1; }
exit $bad
