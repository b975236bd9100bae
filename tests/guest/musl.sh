#!/bin/sh
# Programs made with musl, static and with its dynamic linker below -L.
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
tested=
for row in arm64:aarch64:aarch64-linux-gnu:aarch64-linux-musl armhf:arm:arm-linux-gnueabihf:arm-linux-musleabihf \
        riscv64:riscv64:riscv64-linux-gnu:riscv64-linux-musl; do
    # shellcheck disable=SC2046
    set -- $(echo "$row" | tr : ' ')
    gcc=$3-gcc
    command -v "$gcc" >/dev/null || continue
    musl=$(tests/lib/debian-files trixie "$1" 'musl musl-dev' 2> "$tmp/err") || {
        status=$?
        tail -n 1 "$tmp/err"
        [ $status != 3 ] || exit 77
        exit 1
    }
    lib=$musl/usr/lib/$4
    flags="-O1 -w -I. -nostdlib -nostdinc -isystem $musl/usr/include/$4 -isystem $($gcc -print-file-name=include)"
    start="$lib/Scrt1.o $lib/crti.o $lib/crtn.o"
    if [ "$1" = riscv64 ]; then
        start=tests/guest/musl/start-riscv64.c
    else
        # shellcheck disable=SC2086
        $gcc $flags -static -o "$tmp/static" "$lib/crt1.o" "$lib/crti.o" tests/guest/musl/all.c -L"$lib" \
            -Wl,--start-group -lc -lgcc -lgcc_eh -Wl,--end-group "$lib/crtn.o"
        "$B/rhea-$2" "$tmp/static" | grep -q 'musl ok' || { echo "$2: static"; exit 1; }
    fi
    ld=$(find "$musl/usr/lib" -maxdepth 1 -name 'ld-musl-*.so.1')
    # shellcheck disable=SC2086
    $gcc $flags -fPIE -pie -Wl,--dynamic-linker="/lib/${ld##*/}" -o "$tmp/dynamic" $start tests/guest/musl/all.c "$lib/libc.so"
    "$B/rhea-$2" -L "$musl" "$tmp/dynamic" | grep -q 'musl ok' || { echo "$2: dynamic"; exit 1; }
    tested="$tested $2"
done
[ -n "$tested" ] || { echo "no cross compiler: apt-get install gcc-aarch64-linux-gnu"; exit 77; }
echo "ok:$tested"
