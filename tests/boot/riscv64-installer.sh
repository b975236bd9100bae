#!/bin/sh
# Debian's unmodified kernel and installer reach the first dialog, on SMP= CPUs (1).
set -eu
. tests/lib/boot.sh
debian opensbi; opensbi=$debian
debian riscv64-installer
start "$B/rhea-system-riscv64" -M virt -smp "${SMP:-1}" -m 1G -nographic -no-reboot -bios "$opensbi/fw_dynamic.bin" \
    -kernel "$debian/linux" -initrd "$debian/initrd.gz" -append 'console=ttyS0'
expect 280 'Select a language'
stop
