#!/bin/sh
# U-Boot comes to its prompt, finds the PCIe host and a disk on it, and starts again.
set -eu
. tests/lib/boot.sh
debian arm64-uboot
printf '%512s' hello > "$tmp/disk.img"
start "$B/rhea-system-aarch64" -M virt -m 256M -nographic -no-reboot -bios "$debian/u-boot.bin" \
    -drive if=none,id=d,format=raw,file="$tmp/disk.img" -device virtio-blk-pci,drive=d
expect 60 'Hit any key'
type "$(printf '\r')"
expect 20 '^=> '
type "$(printf 'pci\r')"
expect 20 '0x1b36     0x0008     Bridge device'
type "$(printf 'virtio info\r')"
expect 20 'VirtIO Block Device'
type "$(printf 'reset\r')"
ends 20 0
