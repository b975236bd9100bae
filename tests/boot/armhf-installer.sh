#!/bin/sh
# Debian's unmodified kernel and installer for 32-bit ARM reach the first dialog, on two CPUs.
set -eu
. tests/lib/boot.sh
debian armhf-installer
start "$B/rhea-system-arm" -M virt -smp 2 -m 1G -nographic -no-reboot -kernel "$debian/vmlinuz" \
    -initrd "$debian/initrd.gz" -append 'console=ttyAMA0'
expect 280 'Select a language'
stop
