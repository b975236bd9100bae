#!/bin/sh
# Bare-metal AArch64 programs that do what no sane guest does. The emulator must neither crash nor hang: registers.c and
# drivers.c power off by themselves; nowhere.c goes on until SIGTERM ends it, with status 0. SEEDS="1 2 3" and SECONDS_EACH=, ROUNDS= lengthen the run.
set -eu
. tests/guest/arm-lib.sh
run() {  # SECONDS NAME OPTIONS...: exit status in $status
    status=0 seconds=$1 name=$2; shift 2
    timeout -k 5 "$seconds" "$B/rhea-system-aarch64" "$@" -cpu max -m 256M -display none -serial null -no-reboot -kernel "$T/$name" \
        >"$T/out" 2>&1 </dev/null || status=$?
}
head -c 1M /dev/zero > "$T/disk"; cp "$T/disk" "$T/disk2"; head -c 64M /dev/zero > "$T/flash"
devices="-smp 2 -drive if=pflash,index=1,format=raw,file=$T/flash
    -drive file=$T/disk,format=raw,if=none,id=d -device virtio-blk-device,drive=d -device virtio-rng-device
    -netdev user,id=n -device virtio-net-device,netdev=n
    -drive file=$T/disk2,format=raw,if=none,id=d2 -device virtio-blk-pci,drive=d2 -device virtio-rng-pci
    -netdev user,id=n2 -device virtio-net-pci,netdev=n2 -device virtio-serial-pci -device virtconsole,chardev=c -chardev null,id=c"
for seed in ${SEEDS:-1 2 $(date +%s)}; do
    echo "seed $seed"
    make_guest registers "-DSEED=$seed"
    make_guest drivers "-DSEED=$seed" "-DROUNDS=${ROUNDS:-3000}"
    for guest in registers:2 registers:3 drivers:2 drivers:3; do
        # shellcheck disable=SC2086
        run 250 "${guest%:*}" -M "virt,gic-version=${guest#*:}" $devices
        [ $status = 0 ] || { cat "$T/out"; fail "${guest%:*}, seed $seed, gic-version=${guest#*:}: status $status"; }
    done
    CONDUIT=smc
    make_guest nowhere "-DSEED=$seed"
    CONDUIT=hvc
    run "${SECONDS_EACH:-3}" nowhere -M virt,virtualization=on
    [ $status = 124 ] || { cat "$T/out"; fail "nowhere, seed $seed: ended by itself with status $status"; }
done
