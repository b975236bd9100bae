#!/bin/sh
# Debian's kernel boots on two CPUs, and on many more than the host has, to a shell, which counts, checks a sum and powers off.
set -eu
. tests/lib/boot.sh
debian opensbi; opensbi=$debian
debian riscv64-installer
shell_initrd
for cpus in 2 32; do
    shell_runs $cpus riscv64 "$B/rhea-system-riscv64" -M virt -bios "$opensbi/fw_dynamic.bin" -kernel "$debian/linux" \
        -append 'console=ttyS0 rdinit=/test-init'
done
