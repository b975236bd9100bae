#!/bin/sh
# Debian's unmodified kernel and installer reach the first dialog. RELEASE=12|13 SMP=1|2|4: which, on how many CPUs (13, 2).
set -eu
. tests/lib/boot.sh
installer arm64 linux "$B/rhea-system-aarch64"
