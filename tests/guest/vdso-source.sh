#!/bin/sh
# The vDSOs in targets/ are what roms/vdso/make makes of their sources: the code, whatever a linker puts around it.
set -eu
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
text() {   # C-FILE TOOLS OUT: the section .text of the bytes in it
    python3 - "$1" "$3.so" <<'END'
import re, sys
rows = open(sys.argv[1]).read().split("{", 1)[1].split("}", 1)[0]
open(sys.argv[2], "wb").write(bytes(int(n) for n in re.findall(r"\d+", rows)))
END
    "$2-objcopy" -O binary -j .text "$3.so" "$3"
    [ -s "$3" ]
}
tested=
for row in riscv64:riscv64-linux-gnu:riscv/vdso aarch64:aarch64-linux-gnu:arm/vdso arm:arm-linux-gnueabihf:arm/vdso_a32; do
    arch=${row%%:*} file=targets/${row##*:}.c tools=${row#*:}
    tools=${tools%:*}
    command -v "$tools-gcc" >/dev/null || continue
    roms/vdso/make "$arch" "$T/made.c"
    text "$T/made.c" "$tools" "$T/made"
    text "$file" "$tools" "$T/kept"
    cmp "$T/made" "$T/kept" || { echo "$file is not what roms/vdso/make makes: run it"; exit 1; }
    tested="$tested $arch"
done
[ -n "$tested" ] || { echo "no cross compiler: apt-get install gcc-riscv64-linux-gnu gcc-aarch64-linux-gnu gcc-arm-linux-gnueabihf"; exit 77; }
