#!/bin/sh
# U-Boot for 32-bit ARM comes to its prompt, finds the PCIe host and a disk on it, and starts again.
set -eu
. tests/lib/boot.sh
debian armhf-uboot
uboot "$B/rhea-system-arm"
# A file for a keyboard waits until the guest reads on: nothing of it is lost, and the machine is not kept from running.
{ printf '\r%0300d\r' 0; printf 'echo typed by a file\rpoweroff\r'; } > "$tmp/keyboard"
"$B/rhea-system-arm" -M virt -m 256M -nographic -bios "$debian/u-boot.bin" < "$tmp/keyboard" > "$tmp/console" 2>&1 &
emulator_pid=$!
ends 60 0
grep -aq '^typed by a file' "$tmp/console" || fail "what the file said was not echoed"
