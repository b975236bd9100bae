#!/bin/sh
# UEFI from two flash banks comes to its shell; a variable that is set there is in the flash file, and found again.
set -eu
. tests/lib/boot.sh
debian arm64-uefi
cp "$debian/AAVMF_VARS.fd" "$tmp/vars.fd"
shell() {
    rm -f "$tmp/keys"
    start "$B/rhea-system-aarch64" -M virt -m 512M -nographic -no-reboot \
        -drive if=pflash,format=raw,readonly=on,file="$debian/AAVMF_CODE.fd" -drive if=pflash,format=raw,file="$tmp/vars.fd"
    expect 200 'Shell>'
}
shell
type "$(printf 'set answer 4711\r')"
sleep 2
type "$(printf 'reset -s\r')"
ends 60 0
shell
type "$(printf 'set answer\r')"
expect 60 4711
type "$(printf 'reset -s\r')"
ends 60 0
