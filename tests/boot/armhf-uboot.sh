#!/bin/sh
# U-Boot for 32-bit ARM comes to its prompt, finds the PCIe host and a disk on it, and starts again.
set -eu
. tests/lib/boot.sh
debian armhf-uboot
uboot "$B/rhea-system-arm"
