#!/bin/sh
# Makes words.h, expected.txt and flush.txt anew: the results of an independent emulator, which must be installed.
set -eu
cd "$(dirname "$0")"
python3 words.py "${SEED:-1}" "${COUNT:-4000}" > words.h
arm-linux-gnueabihf-gcc -O1 -marm -mfpu=neon -static -o /tmp/a32simd-ops.$$ ops.c
${PEER:-qemu-arm} -cpu "${CPU:-max}" /tmp/a32simd-ops.$$ > expected.txt
arm-linux-gnueabihf-gcc -O1 -march=armv8-a -mfpu=neon-fp-armv8 -static -o /tmp/a32simd-ops.$$ flush.c
${PEER:-qemu-arm} -cpu "${CPU:-max}" /tmp/a32simd-ops.$$ > flush.txt
rm -f /tmp/a32simd-ops.$$
