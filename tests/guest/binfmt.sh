#!/bin/sh
# rhea binfmt, against a folder that stands for the kernel's: what is written there and for the next boot, and what is
# said when it cannot be done.
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
fail() { echo "$*"; exit 1; }
mkdir "$tmp/kernel" "$tmp/conf" "$tmp/programs"
: > "$tmp/kernel/register"
binfmt() { "$B/rhea" binfmt "$@" --dir "$tmp/kernel" --conf "$tmp/conf"; }

binfmt install arm riscv64 --programs "$tmp/programs" > "$tmp/out" || fail "install failed"
magic='\x7f\x45\x4c\x46\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x28\x00'
mask='\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\xfe\xff\xff\xff'
grep -qF ":rhea-arm:M::$magic:$mask:$tmp/programs/rhea-arm:" "$tmp/kernel/register" || fail "arm: wrong entry"
grep -q 'rhea-riscv64:P*OCF' "$tmp/kernel/register" || fail "riscv64: wrong flags"
! grep -q aarch64 "$tmp/kernel/register" || fail "aarch64 was not asked for"
grep -qF ":rhea-arm:M::$magic:$mask:$tmp/programs/rhea-arm:" "$tmp/conf/rhea-arm.conf" || fail "no file for the next boot"

printf 'enabled\ninterpreter /x/rhea-arm\nflags: OCF\n' > "$tmp/kernel/rhea-arm"
binfmt status arm | grep -q 'interpreter /x/rhea-arm' || fail "status does not name the interpreter"
binfmt status riscv32 | grep -q 'not registered' || fail "status of what is not there"
binfmt remove arm > "$tmp/out" || fail "remove failed"
grep -q -- '-1' "$tmp/kernel/rhea-arm" || fail "remove did not tell the kernel"
[ ! -e "$tmp/conf/rhea-arm.conf" ] || fail "remove left the file for the next boot"
[ -e "$tmp/conf/rhea-riscv64.conf" ] || fail "remove took what it was not asked for"

"$B/rhea" binfmt install arn 2> "$tmp/err" && fail "an unknown architecture was taken"
grep -q "did you mean 'arm'" "$tmp/err" || fail "no hint at the right name: $(cat "$tmp/err")"
"$B/rhea" binfmt install --nosuch 2> "$tmp/err" && fail "an unknown option was taken"
grep -q -e '--nosuch: no such option' "$tmp/err" || fail "not said what is wrong: $(cat "$tmp/err")"
rm "$tmp/kernel/register"
binfmt install arm 2> "$tmp/err" && fail "installed without the kernel"
grep -q 'register is not there' "$tmp/err" || fail "not said why: $(cat "$tmp/err")"
echo ok
