#!/bin/sh
# UEFI starts GRUB from a disk on PCIe, GRUB starts Debian's kernel with ACPI and SMBIOS; with a GICv3 and its ITS, messages reach it.
set -eu
. tests/lib/boot.sh
debian arm64-uefi; uefi=$debian
debian arm64-grub; grub=$debian
debian arm64-installer
cat > "$tmp/init" <<'INIT'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
echo "TABLES=$(ls /sys/firmware/acpi/tables | tr '\n' ' ')"
cd /sys/class/dmi/id; echo "DMI=$(cat sys_vendor product_name product_serial chassis_version | tr '\n' ',')"
dmesg | grep _OSC
modprobe virtio_pci; modprobe virtio_net
for i in 1 2 3 4 5 6 7 8 9; do [ -e /sys/class/net/eth0 ] && break; sleep 1; done
ip link set eth0 up; sleep 2
grep ITS /proc/interrupts
poweroff -f
INIT
tests/lib/newc test-init="$tmp/init" | gzip -1 | cat "$debian/initrd.gz" - > "$tmp/initrd.gz"
tests/lib/efi-disk "$tmp/disk.img" "$grub/grubaa64.efi" "$debian/linux" "$tmp/initrd.gz" \
    console=ttyAMA0 acpi=force rdinit=/test-init || { [ $? = 3 ] && skip 'mtools are not installed'; exit 1; }
cp "$uefi/AAVMF_VARS.fd" "$tmp/vars.fd"
start "$B/rhea-system-aarch64" -M virt,gic-version=3 -smp 2 -m 1G -nographic -no-reboot \
    -drive if=pflash,format=raw,readonly=on,file="$uefi/AAVMF_CODE.fd" -drive if=pflash,format=raw,file="$tmp/vars.fd" \
    -drive if=none,id=d,format=raw,readonly=on,file="$tmp/disk.img" -device virtio-blk-pci,drive=d -nic user,model=virtio-net-pci -smbios type=1,serial=S4711
expect 250 'TABLES=.*APIC.*DSDT.*FACP.*GTDT.*IORT.*MCFG.*PPTT.*SPCR'
expect 60 'DMI=QEMU,QEMU Virtual Machine,S4711,virt,'
expect 60 '_OSC: OS now controls .*PCIeCapability'
expect 60 'ITS.*virtio.*input'
expect 20 'Power down'
ends 10 0
