#!/bin/sh
# Random A64 streams under interrupts, with faults and self-modification: see bare-arm/streams.c. Interpreted, cold and hot must
# give the same, interrupted or not. SEED= repeats a run, COUNT= and LOOPS= lengthen it. PEER=qemu-system-aarch64 is asked too; what it
# has and we do not (AFP, of FPCR) and WnR of exclusives that are askew are known to differ.
set -eu
. tests/guest/arm-lib.sh
seed=${SEED:-$(date +%s)} count=${COUNT:-48}
python3 tests/isa/a64/templates.py > "$T/templates.c"
echo "seed $seed"
stream_guest() {  # FLAG...: the guest that runs them
    make_guest streams "$T/templates.c" tests/isa/a64/streams.c -mgeneral-regs-only "-DSEED=UINT64_C($seed)" "-DCOUNT=$count" "-DLOOPS=${LOOPS:-20}" "$@"
}
for interrupts in 0 1; do
    stream_guest -DINTERRUPTS=$interrupts
    for accel in ${ACCELS:-tcg,backend=interp tcg,tier=cold tcg,tier=hot tcg}; do
        SECONDS_EACH=600 run_guest streams -cpu max -accel "$accel"
        grep -q '^end' "$T/out" || { cat "$T/out"; fail "seed $seed, -accel $accel did not come to the end"; }
        [ -e "$T/first" ] || cp "$T/out" "$T/first"
        diff "$T/first" "$T/out" > "$T/diff" ||
            { head -20 "$T/diff"; fail "seed $seed, -accel $accel, interrupts $interrupts (right) differs from the first run"; }
    done
done
if [ -n "${PEER:-}" ]; then
    stream_guest -DINTERRUPTS=0
    EMULATOR=$PEER SECONDS_EACH=600 run_guest streams -cpu max,pauth-impdef=on,sve=off,sme=off
    grep -v any "$T/first" > "$T/ours"
    grep -v any "$T/out" | diff "$T/ours" - > "$T/diff" || { head -20 "$T/diff"; fail "seed $seed, $PEER (right) differs"; }
fi
