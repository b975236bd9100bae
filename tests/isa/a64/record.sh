#!/bin/sh
# Makes words.h and expected.txt anew: the results of an independent emulator that knows the CPU (a QEMU of 2024 or newer does).
set -eu
cd "$(dirname "$0")"
python3 words.py "${SEED:-1}" "${COUNT:-4500}" > words.h
aarch64-linux-gnu-gcc -O1 -static -o /tmp/a64-ops.$$ ops.c
${PEER:-qemu-aarch64} -cpu "${CPU:-neoverse-n2}" /tmp/a64-ops.$$ > expected.txt
rm -f /tmp/a64-ops.$$
