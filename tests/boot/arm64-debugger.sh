#!/bin/sh
# A debugger in the guest stops a program by hardware breakpoints and watchpoints; the kernel counts and samples with the
# performance monitors.
set -eu
. tests/lib/boot.sh
command -v aarch64-linux-gnu-gcc >/dev/null || skip 'aarch64-linux-gnu-gcc is not installed'
debian arm64-installer
aarch64-linux-gnu-gcc -O1 -w -static -o "$tmp/debugger" tests/boot/debugger.c
tests/lib/newc debugger="$tmp/debugger" | gzip -1 | cat "$debian/initrd.gz" - > "$tmp/initrd.gz"
start "$B/rhea-system-aarch64" -M virt -m 1G -nographic -no-reboot -kernel "$debian/linux" -initrd "$tmp/initrd.gz" \
    -append 'console=ttyAMA0 rdinit=/debugger quiet'
expect 200 'POINTS=6+4 BREAKS=3 WRITES=3 RIGHT=3 STATUS=7'
expect 100 'CYCLES=some INSTRUCTIONS=some SAMPLES=some'
expect 20 'Power down'
ends 10 0
