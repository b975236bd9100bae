#!/bin/sh
# Debian's kernel boots on two CPUs, with the parts of an ACLINT, and on many more CPUs than the host has, to a shell, which counts,
# checks a sum and powers off.
set -eu
. tests/lib/boot.sh
debian opensbi; opensbi=$debian
debian riscv64-installer
shell_initrd
for run in 2: 2:,aclint=on 32:; do
    shell_runs "${run%%:*}" riscv64 "$B/rhea-system-riscv64" -M "virt${run#*:}" -bios "$opensbi/fw_dynamic.bin" \
        -kernel "$debian/linux" -append 'console=ttyS0 rdinit=/test-init'
    case $run in
    *aclint*) grep -aq 'aclint-mswi' "$tmp/console" || fail 'firmware did not take the ACLINT' ;;
    esac
done
