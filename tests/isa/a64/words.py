#!/usr/bin/env python3
"""Picks instructions for ops.c: words.py SEED COUNT > words.h

COUNT of them from groups, then EACH of every line of a64.insn that computes, or reaches memory by a register.
Each group is a stretch of the A64 encoding space (fixed bits, mask of fixed bits) with the places of its register fields,
which are kept to registers 0 to 7: those that ops.c sets and looks at; x8 is the base of what is in memory."""
import os
import random
import re
import sys

EACH = 5

N, M, D, A = 5, 16, 0, 10                      # where register fields begin
GROUPS = [
    ("three same", 0x0e200400, 0x9f200400, (D, N, M)), ("three same, scalar", 0x5e200400, 0xdf200400, (D, N, M)),
    ("two registers", 0x0e200800, 0x9f3e0c00, (D, N)), ("two registers, scalar", 0x5e200800, 0xdf3e0c00, (D, N)),
    ("three different", 0x0e200000, 0x9f200c00, (D, N, M)), ("three different, scalar", 0x5e200000, 0xdf200c00, (D, N, M)),
    ("across lanes", 0x2e300800, 0xbf3e0c00, (D, N)), ("across lanes, integers", 0x0e310800, 0x9f3f0c00, (D, N)),
    ("pairs, scalar", 0x7e300800, 0xff3e0c00, (D, N)),
    ("shift", 0x0f200400, 0x9fa00400, (D, N)), ("shift, 64 bits", 0x0f400400, 0x9fc00400, (D, N)),
    ("shift, bytes", 0x0f080400, 0x9ff88400, (D, N)), ("shift, scalar", 0x5f400400, 0xdfc00400, (D, N)),
    ("by element, words", 0x0f800000, 0x9fd80400, (D, N)), ("by element, doubles", 0x0fc00000, 0x9ff80400, (D, N)),
    ("by element, scalar", 0x5f800000, 0xdf980400, (D, N)),
    ("copy", 0x0e000400, 0x9fe08400, (D, N)), ("ext", 0x2e000000, 0xbfe08400, (D, N, M)),
    ("table", 0x0e000000, 0xbfe0cc00, (D, N, M)), ("table of two", 0x0e002000, 0xbfe0ec00, (D, M)),
    ("permute", 0x0e000800, 0xbf208c00, (D, N, M)), ("immediate", 0x0f000400, 0x9ff80c00, (D,)),
    ("fp two", 0x1e200800, 0xffa00c00, (D, N, M)), ("fp one", 0x1e204000, 0xffa07c00, (D, N)),
    ("fp three", 0x1f000000, 0xff800000, (D, N, M, A)), ("fp to integer", 0x1e200000, 0x7fa0fc00, (D, N)),
    ("fp fixed", 0x1e000000, 0x7fa00000, (D, N)), ("fp immediate", 0x1e201000, 0xffa01fe0, (D,)),
    ("fp select", 0x1e200c00, 0xffa00c00, (D, N, M)), ("fp compare", 0x1e202000, 0xffa0fc07, (N, M)),
    ("fp conditional compare", 0x1e200400, 0xffa00c00, (N, M)), ("aes", 0x4e284800, 0xffff0c00, (D, N)),
    ("sha, three", 0x5e000000, 0xffe08c00, (D, N, M)), ("sha, two", 0x5e280800, 0xffff0c00, (D, N)),
    ("one source", 0x5ac00000, 0x7ffff000, (D, N)), ("two sources", 0x1ac00000, 0x7fe00000, (D, N, M)),
    ("add, sub", 0x0b000000, 0x1f200000, (D, N, M)), ("add, sub extended", 0x0b200000, 0x1fe00000, (D, N, M)),
    ("logic", 0x0a000000, 0x1f000000, (D, N, M)), ("bit field", 0x13000000, 0x1f800000, (D, N)),
    ("extract", 0x13800000, 0x7fa00000, (D, N, M)), ("select", 0x1a800000, 0x3fe00000, (D, N, M)),
    ("conditional compare", 0x7a400000, 0x7fe00c10, (N, M)), ("conditional compare, add", 0x3a400000, 0x7fe00c10, (N, M)),
    ("conditional compare, immediate", 0x3a400800, 0x3fe00c10, (N,)),
    ("multiply-add", 0x1b000000, 0x7fe00000, (D, N, M, A)), ("multiply-add long", 0x9b200000, 0xff600000, (D, N, M, A)),
    ("multiply high", 0x9b407c00, 0xff60fc00, (D, N, M)), ("with carry", 0x1a000000, 0x1fe0fc00, (D, N, M)),
    ("logic immediate", 0x12000000, 0x1f800000, (D, N)), ("add immediate", 0x11000000, 0x1f800000, (D, N)),
    ("move wide", 0x12800000, 0x1f800000, (D,)),
    ("halves, three same", 0x0e400400, 0x9f60c400, (D, N, M)), ("halves, three same, scalar", 0x5e400400, 0xdf60c400, (D, N, M)),
    ("halves, two registers", 0x0e780800, 0x9f7e0c00, (D, N)), ("halves, two, scalar", 0x5e780800, 0xdf7e0c00, (D, N)),
    ("halves, across", 0x0e300800, 0xbf3e0c00, (D, N)), ("halves, pairs", 0x5e300800, 0xff3e0c00, (D, N)),
    ("halves, by element", 0x0f000000, 0x9fc00400, (D, N)), ("halves, by element, scalar", 0x5f000000, 0xdfc00400, (D, N)),
    ("halves, fp two", 0x1ee00800, 0xffe00c00, (D, N, M)), ("halves, fp one", 0x1ee04000, 0xffe07c00, (D, N)),
    ("halves, fp three", 0x1fc00000, 0xffc00000, (D, N, M, A)), ("halves, to integer", 0x1ee00000, 0x7fe0fc00, (D, N)),
    ("halves, fixed", 0x1ec00000, 0x7fe00000, (D, N)), ("halves, compare", 0x1ee02000, 0xffe0fc07, (N, M)),
    ("halves, select", 0x1ee00c00, 0xffe00c00, (D, N, M)), ("halves, immediate", 0x1ee01000, 0xffe01fe0, (D,)),
    ("three, extra", 0x0e008400, 0x9f208400, (D, N, M)), ("three, extra, scalar", 0x5e008400, 0xdf208400, (D, N, M)),
    ("sha512", 0xce608000, 0xffe0f000, (D, N, M)), ("sha512, two", 0xcec08000, 0xfffffc00, (D, N)),
    ("sha3, four", 0xce000000, 0xffc08000, (D, N, M, A)), ("sha3, rotate", 0xce800000, 0xffe00000, (D, N, M)),
    ("fjcvtzs", 0x1e7e0000, 0xfffffc00, (D, N)), ("structures", 0x0c000100, 0xbfbf03e0, (D,)), ("structures, post-indexed", 0x0c800100, 0xbfa003e0, (D, M)),
    ("structures, by their size", 0x0c9f0100, 0xbfbf03e0, (D,)), ("one lane", 0x0d000100, 0xbf9f03e0, (D,)),
    ("one lane, post-indexed", 0x0d800100, 0xbf8003e0, (D, M)), ("one lane, by its size", 0x0d9f0100, 0xbf9f03e0, (D,)),
    ("vector load, store", 0x3d000100, 0x3f3ff3e0, (D,)), ("vector load, store, unscaled", 0x3c000100, 0x3f3e0fe0, (D,)),
    ("bfdot", 0x2e40fc00, 0xbfe0fc00, (D, N, M)), ("bfdot, by element", 0x0f40f000, 0xbfd8f400, (D, N)), ("bfmmla", 0x6e40ec00, 0xffe0fc00, (D, N, M)),
    ("bfmlal", 0x2ec0fc00, 0xbfe0fc00, (D, N, M)), ("bfmlal, by element", 0x0fc0f000, 0xbfc8f400, (D, N)),
    ("bfcvtn", 0x0ea16800, 0xbffffc00, (D, N)), ("bfcvt", 0x1e634000, 0xfffffc00, (D, N)),
    ("vector pairs", 0x2d000100, 0x3fbe03e0, (D, 10)),
]


# What goes elsewhere, needs more than ops.c sets up, or gives what nobody can foresee.
SKIP = re.compile(r"a64_(adrp?|bl?|b_cond|t?cbn?z|tbn?z|blr|br|ret|svc|brk|hvc|smc|eret.?|daif.*|spsel|pan|uao|ssbs|hint|clrex|[di]sb|dmb|sb|stl?xr|"
                  r"stl?xp|lda?xp|casp|.*_lit|mrs|msr|sys|pac.*|aut.*|xpac|bl?raz?|reta|ldra)$")
REGISTERS = {"rd", "rn", "rm", "ra", "rt", "rt2", "rs"}
TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../targets/arm/a64.insn")


def table():
    """Of each line: its name and [(field, [bits of it, upper ones first]) or (None, "01.")]."""
    for line in open(TABLE):
        m = re.match(r'(a64_\w+)\s+"([^"]+)"', line)
        if not m:
            continue
        parts = []
        for token in m.group(2).split():
            if re.fullmatch(r"[01.]+", token):
                parts.append((None, token))
                continue
            name, width, hi, lo = re.fullmatch(r"(\w+)(?::s?(\d+)|\[s?(\d+)(?::(\d+))?\])", token).groups()
            top = int(width) - 1 if width else int(hi)
            parts.append((name, list(range(top, (0 if width else int(lo or hi)) - 1, -1))))
        yield m.group(1), parts


def value_of(rng, name, field, memory):
    if field in REGISTERS:
        if memory and field == "rn":
            return 8
        if memory and field == "rm" and not name.endswith("_post"):
            return 31
        return rng.randrange(8)
    if re.search("ldapur|stlur", name) and field == "imm":
        return 8 * rng.randrange(2)            # aligned
    if memory and field == "imm":
        return rng.randrange(6)
    return rng.getrandbits(12)


def from_table(rng, name, parts):
    fields = {f for f, _ in parts if f}
    memory = "rt" in fields
    values = {f: value_of(rng, name, f, memory) for f in sorted(fields)}
    word, free = 0, not re.search("cfinv|flag", name)      # bits that should be one; of those three, zero
    for field, what in parts:
        for bit in what:
            word = word << 1 | (values[field] >> bit & 1 if field else int(bit) if bit != "." else free)
    return word


def main():
    rng = random.Random(int(sys.argv[1]))
    print("/* words.py %s %s */\nstatic const unsigned words[] = {" % (sys.argv[1], sys.argv[2]))
    for _ in range(int(sys.argv[2])):
        _, value, mask, regs = rng.choice(GROUPS)
        word = rng.getrandbits(32) & ~mask & 0xffffffff | value
        for at in regs:
            word &= ~(0x18 << at)
        if word & 0xffe0f000 == 0x9ac01000 or word & 0xffe0fc00 in (0x9ac00000, 0x9ac03000):   # MTE; PACGA: its key is random
            continue
        print("    0x%08x," % word)
    for name, parts in table():
        for _ in range(0 if SKIP.match(name) else EACH):
            print("    0x%08x," % from_table(rng, name, parts))
    print("};")


if __name__ == "__main__":
    main()
