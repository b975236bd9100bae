#!/bin/sh
# A debugger in the guest steps a program: software step by MDSCR_EL1 and PSTATE.SS.
set -eu
. tests/lib/boot.sh
command -v aarch64-linux-gnu-gcc >/dev/null || skip 'aarch64-linux-gnu-gcc is not installed'
debian arm64-installer
aarch64-linux-gnu-gcc -O1 -static -o "$tmp/step" tests/boot/step.c
tests/lib/newc step="$tmp/step" | gzip -1 | cat "$debian/initrd.gz" - > "$tmp/initrd.gz"
start "$B/rhea-system-aarch64" -M virt -m 1G -nographic -no-reboot -kernel "$debian/linux" -initrd "$tmp/initrd.gz" \
    -append 'console=ttyAMA0 rdinit=/step quiet'
expect 200 'STEPS=hundreds SAME=few STATUS=5'
expect 20 'Power down'
ends 10 0
