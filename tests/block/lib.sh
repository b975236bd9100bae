# Shared by the tests of this folder: sourced, not run.
B=$(cd "${B:-build}" && pwd)
IMG=$B/rhea-img IO=$B/rhea-io NBD=$B/rhea-nbd
T=$(mktemp -d "${TMPDIR:-/tmp}/rhea-block.XXXXXX")
trap '[ ! -s "$T/pid" ] || kill "$(cat "$T/pid")" 2>/dev/null; rm -rf "$T"' EXIT   # a server that --pid-file named goes too
trap 'exit 143' INT TERM
cd "$T" || exit 1

# need PROGRAM PACKAGE: skip the test when another tool is not here
need() { command -v "$1" >/dev/null 2>&1 || { echo "needs $1 (package $2)"; exit 77; }; }
fail() { echo "FAILED: $*"; exit 1; }
# ok COMMAND...: must succeed; exits N COMMAND...: must end with this status
ok() { "$@" > out 2>&1 || { head -n 20 out; fail "$*"; }; }
exits() { want=$1; shift; "$@" > out 2>&1; got=$?; [ $got -eq "$want" ] || { head -n 20 out; fail "status $got instead of $want: $*"; }; }
# says TEXT: what the last command printed contains this
says() { grep -qF -- "$1" out || { head -n 20 out; fail "does not say: $1"; }; }
# disk FILE MIB: a disk with holes, text and noise, the same each time
disk() {
    truncate -s "$2"M "$1"
    seq 1 200000 | dd of="$1" bs=64k seek=1 conv=notrunc status=none
    head -c 700000 /dev/zero | openssl enc -aes-128-ctr -K 00 -iv 00 2>/dev/null | dd of="$1" bs=512 seek=7001 conv=notrunc status=none
    echo end | dd of="$1" bs=1 seek=$(($2 * 1048576 - 4)) conv=notrunc status=none
}
