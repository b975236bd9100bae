#!/bin/sh
# The same for 32-bit ARM. RELEASE=12|13 SMP=1|2|4: which, on how many CPUs (13, 2).
set -eu
. tests/lib/boot.sh
installer armhf vmlinuz "$B/rhea-system-arm"
