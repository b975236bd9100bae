#!/bin/sh
# Debian's kernel boots on two CPUs to a shell, which counts, checks a sum and powers off.
set -eu
. tests/lib/boot.sh
debian opensbi; opensbi=$debian
debian riscv64-installer
cat > "$tmp/init" <<'END'
#!/bin/sh
mount -t proc proc /proc
mount -t devtmpfs devtmpfs /dev
echo "CPUS=$(grep -c ^processor /proc/cpuinfo) MACHINE=$(uname -m)"
dd if=/dev/zero bs=64k count=64 2>/dev/null | md5sum
i=0; while [ $i -lt 2000 ]; do i=$((i + 1)); done; echo "LOOP=$i"
(exit 42); echo "CHILD=$?"
poweroff -f
END
tests/lib/newc test-init="$tmp/init" | gzip -1 | cat "$debian/initrd.gz" - > "$tmp/initrd.gz"
start "$B/rhea-system-riscv64" -M virt -smp 2 -m 1G -nographic -no-reboot -bios "$opensbi/fw_dynamic.bin" \
    -kernel "$debian/linux" -initrd "$tmp/initrd.gz" -append 'console=ttyS0 rdinit=/test-init'
expect 200 'CPUS=2 MACHINE=riscv64'
expect 30 'b5cfa9d6c8febd618f91ac2843d50a1c'
expect 30 'LOOP=2000'
expect 10 'CHILD=42'
expect 20 'Power down'
ends 10 0
