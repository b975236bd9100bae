#!/bin/sh
# Makes words.h, expected.txt and flow.txt anew: the results of an independent emulator, which must be installed.
set -eu
cd "$(dirname "$0")"
python3 words.py "${SEED:-1}" "${COUNT:-3000}" > words.h
arm-linux-gnueabihf-gcc -O1 -marm -march=armv7-a -mfloat-abi=soft -nostdlib -ffreestanding -static -o /tmp/a32-ops.$$ ops.c -lgcc
${PEER:-qemu-arm} -cpu "${CPU:-max}" /tmp/a32-ops.$$ > expected.txt
arm-linux-gnueabihf-gcc -Wa,-mno-warn-deprecated -nostdlib -static -o /tmp/a32-ops.$$ flow.S
${PEER:-qemu-arm} -cpu "${CPU:-max}" /tmp/a32-ops.$$ > flow.txt
rm -f /tmp/a32-ops.$$
