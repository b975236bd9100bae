#!/bin/sh
# U-Boot comes to its prompt, finds the PCIe host and a disk on it, and starts again.
set -eu
. tests/lib/boot.sh
debian arm64-uboot
uboot "$B/rhea-system-aarch64"
