#!/bin/sh
# Debian's kernel boots to a shell, which counts, checks a sum and powers off: on one CPU, on two, and on more than the host has with GICv3.
set -eu
. tests/lib/boot.sh
debian arm64-installer
shell_initrd
for run in 1:2 2:2 4:3 24:3; do
    shell_runs "${run%:*}" aarch64 "$B/rhea-system-aarch64" -M virt,gic-version="${run#*:}" -kernel "$debian/linux" \
        -append 'console=ttyAMA0 rdinit=/test-init'
done
