#!/bin/sh
# Each register of every device of Arm's virt machine, read and written at random, with either interrupt controller: the
# emulator lives, and the guest powers off in the end. SEEDS="1 2 3" lengthens the run; see bare/registers.c.
set -eu
B=${B:-build}
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
fail() { echo "FAILED: $*"; exit 1; }
command -v aarch64-linux-gnu-gcc >/dev/null || { echo "no cross compiler: apt-get install gcc-aarch64-linux-gnu"; exit 77; }
head -c 1M /dev/zero > "$T/disk"; cp "$T/disk" "$T/disk2"; head -c 64M /dev/zero > "$T/flash"
for seed in ${SEEDS:-1 2 $(date +%s)}; do
    echo "seed $seed"
    aarch64-linux-gnu-gcc -O1 -w -ffreestanding -fno-builtin -fno-pic -fno-pie -nostdlib -static -mstrict-align -mgeneral-regs-only \
        -Wl,-Ttext=0x40080000 -Wl,--build-id=none -Wl,-n -Wl,--no-warn-rwx-segments "-DSEED=$seed" -o "$T/guest" tests/guest/bare/start-a64.S tests/guest/bare/registers.c
    for machine in virt,gic-version=2 virt,gic-version=3; do
        status=0
        timeout -k 5 200 "$B/rhea-system-aarch64" -M $machine -m 128M -display none -serial null -monitor none -no-reboot \
            -smp 2 -kernel "$T/guest" -drive if=pflash,index=1,format=raw,file="$T/flash" \
            -drive file="$T/disk",format=raw,if=none,id=d -device virtio-blk-device,drive=d -device virtio-rng-device \
            -netdev user,id=n -device virtio-net-device,netdev=n \
            -drive file="$T/disk2",format=raw,if=none,id=d2 -device virtio-blk-pci,drive=d2 -device virtio-rng-pci \
            -netdev user,id=n2 -device virtio-net-pci,netdev=n2 -device virtio-serial-pci -device virtconsole,chardev=c \
            -chardev null,id=c >"$T/out" 2>&1 || status=$?
        [ $status = 0 ] || { cat "$T/out"; fail "seed $seed, -M $machine: status $status (124: it hangs)"; }
    done
done
