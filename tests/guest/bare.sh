#!/bin/sh
# Bare-metal programs that do what no sane guest does. The emulator must neither crash nor hang: registers.c powers off by
# itself; nowhere.c goes on until SIGTERM ends it, with status 0. SEEDS="1 2 3" and SECONDS_EACH= lengthen the run.
set -eu
. tests/guest/lib.sh
run() {  # SECONDS NAME: exit status in $status
    status=0
    timeout -k 5 "$1" "$B/rhea-system-riscv64" -M virt -m 128M -display none -serial null -bios none -kernel "$T/$2" \
        $MORE >"$T/out" 2>&1 || status=$?
}
head -c 1M /dev/zero > "$T/disk"; cp "$T/disk" "$T/disk2"
MORE="-drive file=$T/disk,format=raw,if=none,id=d -device virtio-blk-device,drive=d -device virtio-rng-device
    -netdev user,id=n -device virtio-net-device,netdev=n
    -drive file=$T/disk2,format=raw,if=none,id=d2 -device virtio-blk-pci,drive=d2 -device virtio-rng-pci
    -netdev user,id=n2 -device virtio-net-pci,netdev=n2 -device virtio-serial-pci -device virtconsole,chardev=c -chardev null,id=c"
for seed in ${SEEDS:-1 2 3 $(date +%s)}; do
    echo "seed $seed"
    make_guest registers "-DSEED=$seed"
    run 60 registers
    [ $status = 0 ] || { cat "$T/out"; fail "registers, seed $seed: status $status"; }
    make_guest nowhere "-DSEED=$seed"
    run "${SECONDS_EACH:-3}" nowhere
    [ $status = 124 ] || { cat "$T/out"; fail "nowhere, seed $seed: ended by itself with status $status"; }
done
