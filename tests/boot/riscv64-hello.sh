#!/bin/sh
# The guest that comes with Rhea answers on its serial port and powers off.
set -eu
. tests/lib/boot.sh
start "$B/rhea-system-riscv64" -M virt -m 128M -nographic -no-reboot -bios none -kernel roms/riscv/hello.elf
expect 20 '(help) > '
type "$(printf 'about\rprimes\r')"
expect 30 '^82025 primes below 1048576, the last one is 1048573'
type "$(printf 'q\r')"
expect 5 'Powering off'
ends 10 0
