#!/bin/sh
# Debian's unmodified kernel and installer reach the first dialog, on two CPUs.
set -eu
. tests/lib/boot.sh
debian arm64-installer
start "$B/rhea-system-aarch64" -M virt -smp 2 -m 1G -nographic -no-reboot -kernel "$debian/linux" \
    -initrd "$debian/initrd.gz" -append 'console=ttyAMA0'
expect 280 'Select a language'
stop
