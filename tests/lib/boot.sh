# Sourced by tests that boot guests: runs an emulator, watches its serial console, ends it. Plain sh.
# A test sources this after `cd` to the root; $B is the build folder.
B=${B:-build}
tmp=$(mktemp -d)
emulator_pid=''
boot_cleanup() {
    [ -z "$emulator_pid" ] || kill -9 "$emulator_pid" 2>/dev/null || :
    rm -rf "$tmp"
}
trap boot_cleanup EXIT
trap 'exit 1' INT TERM

skip() { echo "$*"; exit 77; }
fail() {
    echo "FAILED: $*"
    echo "The last lines of the console:"
    tail -n 40 "$tmp/console" 2>/dev/null | tr -d '\r'
    exit 1
}

# debian NAME: sets $debian to the folder of tests/lib/debian-files NAME, or skips.
debian() {
    debian=$(tests/lib/debian-files "$1" 2>"$tmp/fetch") || skip "$(tail -n 1 "$tmp/fetch")"
}

# start COMMAND...: runs it in the background; what is sent to its console comes from `type`, what it says goes to
# $tmp/console.
start() {
    mkfifo "$tmp/keys"
    "$@" < "$tmp/keys" > "$tmp/console" 2>&1 &
    emulator_pid=$!
    exec 8> "$tmp/keys"
}

type() { printf '%s' "$1" >&8; }

# expect SECONDS PATTERN: waits until a console line matches (grep's basic expressions).
expect() {
    tries=$(($1 * 5))
    while ! grep -aq -e "$2" "$tmp/console"; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || fail "no '$2' within $1 s"
        kill -0 "$emulator_pid" 2>/dev/null || { grep -aq -e "$2" "$tmp/console" && return; fail "ended before '$2'"; }
        sleep 0.2
    done
}

# ends SECONDS STATUS: waits until the emulator exits by itself, with this status.
ends() {
    tries=$(($1 * 5))
    while kill -0 "$emulator_pid" 2>/dev/null; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || fail "still running after $1 s"
        sleep 0.2
    done
    wait "$emulator_pid" && status=0 || status=$?
    emulator_pid=''
    [ $status = "$2" ] || fail "exit status $status, expected $2"
}

stop() {
    kill "$emulator_pid" 2>/dev/null || fail "ended early"
    ends 10 "${1:-0}"
}

# shell_initrd: makes $tmp/initrd.gz of the installer's, with an init that says what machine it is on, computes, starts a
# child and powers off.
shell_initrd() {
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
}

# shell_runs CPUS MACHINE COMMAND...: what that init says, with the kernel and machine of COMMAND, to which the rest is
# added; MACHINE is the kernel's name.
shell_runs() {
    cpus=$1 machine=$2
    shift 2
    start "$@" -smp "$cpus" -m 1G -nographic -no-reboot -initrd "$tmp/initrd.gz"
    expect 200 "CPUS=$cpus MACHINE=$machine"
    expect 30 'b5cfa9d6c8febd618f91ac2843d50a1c'
    expect 30 'LOOP=2000'
    expect 10 'CHILD=42'
    expect 20 'Power down'
    ends 10 0
    rm -f "$tmp/keys"
}

# uboot EMULATOR: $debian's U-Boot comes to its prompt, finds the PCIe host and a disk on it, and starts again.
uboot() {
    printf '%512s' hello > "$tmp/disk.img"
    start "$1" -M virt -m 256M -nographic -no-reboot -bios "$debian/u-boot.bin" \
        -drive if=none,id=d,format=raw,file="$tmp/disk.img" -device virtio-blk-pci,drive=d
    expect 60 'Hit any key'
    type "$(printf '\r')"
    expect 20 '^=> '
    type "$(printf 'pci\r')"
    expect 20 '0x1b36     0x0008     Bridge device'
    type "$(printf 'virtio info\r')"
    expect 20 'VirtIO Block Device'
    type "$(printf 'reset\r')"
    ends 20 0
}

# installer ARCH IMAGE EMULATOR: Debian's unmodified kernel, file IMAGE, and installer come to the first dialog.
# RELEASE=12: of that Debian rather than 13; SMP=: so many CPUs rather than 2.
installer() {
    arch=$1 image=$2 emulator=$3
    case ${RELEASE:=13} in
    13) debian "$arch-installer" ;;
    *)  debian "$arch-installer-$RELEASE" ;;
    esac
    start "$emulator" -M virt -smp "${SMP:=2}" -m 1G -nographic -no-reboot -kernel "$debian/$image" \
        -initrd "$debian/initrd.gz" -append 'console=ttyAMA0'
    expect 280 'Select a language'
    stop
    echo "Debian $RELEASE's installer for $arch: first dialog on $SMP CPU(s)"
}
