#!/bin/sh
# Debian's kernel boots to a shell, which counts, checks a sum and powers off: on one CPU, on two, on four, and with GICv3.
set -eu
. tests/lib/boot.sh
debian arm64-installer
cat > "$tmp/init" <<'INIT'
#!/bin/sh
mount -t proc proc /proc
mount -t devtmpfs devtmpfs /dev
echo "CPUS=$(grep -c ^processor /proc/cpuinfo) MACHINE=$(uname -m)"
dd if=/dev/zero bs=64k count=64 2>/dev/null | md5sum
i=0; while [ $i -lt 2000 ]; do i=$((i + 1)); done; echo "LOOP=$i"
(exit 42); echo "CHILD=$?"
poweroff -f
INIT
tests/lib/newc test-init="$tmp/init" | gzip -1 | cat "$debian/initrd.gz" - > "$tmp/initrd.gz"
for run in 1:2 2:2 4:3; do
    cpus=${run%:*}
    start "$B/rhea-system-aarch64" -M virt,gic-version="${run#*:}" -smp "$cpus" -m 1G -nographic -no-reboot \
        -kernel "$debian/linux" -initrd "$tmp/initrd.gz" -append 'console=ttyAMA0 rdinit=/test-init'
    expect 200 "CPUS=$cpus MACHINE=aarch64"
    expect 30 'b5cfa9d6c8febd618f91ac2843d50a1c'
    expect 30 'LOOP=2000'
    expect 10 'CHILD=42'
    expect 20 'Power down'
    ends 10 0
    rm -f "$tmp/keys"
done
