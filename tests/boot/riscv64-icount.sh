#!/bin/sh
# With -icount, -seed and the clock of virtual time, Debian's kernel boots on two CPUs twice alike: the same console to the
# byte, time stamps and counters in it.
set -eu
. tests/lib/boot.sh
debian opensbi; opensbi=$debian
debian riscv64-installer
cat > "$tmp/init" <<'END'
#!/bin/sh
mount -t proc proc /proc
mount -t devtmpfs devtmpfs /dev
cat /proc/interrupts /proc/uptime /proc/stat
head -c 16 /dev/urandom | md5sum
date
poweroff -f
END
tests/lib/newc test-init="$tmp/init" | gzip -1 | cat "$debian/initrd.gz" - > "$tmp/initrd.gz"
boot() {  # CONSOLE
    timeout 200 "$B/rhea-system-riscv64" -M virt -smp 2 -m 1G -display none -monitor none -serial "file:$1" -no-reboot \
        -bios "$opensbi/fw_dynamic.bin" -kernel "$debian/linux" -initrd "$tmp/initrd.gz" -append 'console=ttyS0 rdinit=/test-init' \
        -icount shift=2,sleep=off -seed 7 -rtc base=2024-02-29T12:00:00,clock=vm </dev/null || fail "status $?"
}
boot "$tmp/console"
grep -q 'Power down' "$tmp/console" || fail "no end"
grep -q 'Thu Feb 29 12:00:' "$tmp/console" || fail "the date is not counted from -rtc base="
mv "$tmp/console" "$tmp/first"
boot "$tmp/console"
cmp "$tmp/first" "$tmp/console" || { diff -a "$tmp/first" "$tmp/console" | head -20; fail "the second run differs"; }
