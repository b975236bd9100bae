#!/bin/sh
# The monitor: looks at a stopped machine, lets it run, and ends it. Keys come in through a pipe.
set -eu
. tests/lib/boot.sh
printf 'text for the guest' > "$tmp/text"
cat > "$tmp/keys.txt" <<'END'
info version
info status
xp /2xw 0x80000000
xp /1xg 0x80000000
print $pc + 0x10 * 2
p /d -5 + 3
x /1i 0x80000000
info mtree
info qtree
info pci
info chardev
info cpus
cpu 1
cpu 7
gva2gpa 0x80000010
pmemsave 0x80000000 64 TMP/saved
memsave 0x80000000 64 TMP/saved
xp 0x100000
nonsense
info nonsense
print 1 +
log int,nosuch
sys
system_reset
cont
info status
stop
info status
quit
END
sed "s#TMP#$tmp#" "$tmp/keys.txt" | timeout 30 "$B/rhea-system-riscv64" -M virt -smp 2 -m 64M -display none -serial null \
    -monitor stdio -S -bios none -kernel roms/riscv/hello.elf > "$tmp/console" 2>&1 || fail "status $?"
tr -d '\r' < "$tmp/console" > "$tmp/out"
has() { grep -q -e "$1" "$tmp/out" || fail "no '$1' in the answers"; }
word=$(od -An -tx4 -j120 -N4 roms/riscv/hello.elf | tr -d ' ')
has '^QEMU [0-9.]* monitor (Rhea [0-9.]*) - type .help. for more information'
has '^[0-9]*\.[0-9]*\.[0-9]* (Rhea '
has '^VM status: paused (prelaunch)'
has "^0000000080000000: 0x$word 0x"
has '^0x1020$'
has '^-2$'
has '^0x0000000080000000:  csr'
has '0000000080000000-0000000083ffffff (ram): '
has '10000000-00000000100000ff (i/o): ns16550a'
has 'dev: riscv.clint'
has '^  Bus  0, device   0, function 0:'
has '^    Host bridge: PCI device 1b36:0008'
has '^serial0: filename=null'
has '^. CPU #1: pc=0x'
has '^there are CPUs 0 to 1'
has '^gpa: 0x80000010'
has '^cannot read physical memory at 0x100000: '
has "^unknown command: 'nonsense'"
has '^a number or \$REGISTER is missing at '
has "^-d nosuch: no such log category"
has "^unknown command: 'sys'"
has '^VM status: running'
has '^VM status: paused$'
cmp -n 64 -i 0:120 "$tmp/saved" roms/riscv/hello.elf || fail "pmemsave saved something else"
