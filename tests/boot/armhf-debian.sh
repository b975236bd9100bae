#!/bin/sh
# Debian's kernel for 32-bit ARM boots to a shell: on one CPU of one model, on two of another.
set -eu
. tests/lib/boot.sh
debian armhf-installer
shell_initrd
for run in 1:cortex-a15 2:cortex-a7; do
    shell_runs "${run%:*}" armv7l "$B/rhea-system-arm" -M virt -cpu "${run#*:}" -kernel "$debian/vmlinuz" \
        -append 'console=ttyAMA0 rdinit=/test-init'
done
