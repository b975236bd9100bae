#!/bin/sh
# Signals, resets, -S, -no-reboot, -no-shutdown, keys on the terminal, character back ends: see life.py.
set -eu
. tests/guest/lib.sh
make_guest echo
timeout 110 python3 tests/client/life.py "$B/rhea-system-riscv64" -M virt -m 64M -bios none -kernel "$T/echo" -no-user-config
