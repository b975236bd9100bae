#!/usr/bin/env python3
"""Picks instructions for ops.c out of the tables of A32 and T32: words.py SEED COUNT > words.h

Registers are r0 to r7, those that ops.c sets and looks at; loads and stores have r6 for their base and r7 for their offset.
Bits that the tables leave open are 0, or 1 where the manual says that they should be (SHOULD_BE_ONE). Left out is what
branches, raises, changes the mode or has results that the manual leaves open."""
import os
import random
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = re.compile(r"^a32_(b|bl|bx|bxj|blx|blx_imm|svc|bkpt|hvc|smc|udf|eret|hint.*|mrs|msr|msr_imm|m.._banked|mcr.*|mrc.*|mcrr|mrrc|ldc|cps|"
                 r"setend|setpan|clrex|dsb|dmb|isb|sb|srs|rfe|swp)$|^t(16|32)_(b|b_cond|b_far|bl|blx|bx|bxj|cbz|svc|bkpt|udf|hlt|hint|it|"
                 r"hvc|smc|eret|mrs|msr|m.._banked|cps|cps_mode|setend|setpan|clrex|dsb|dmb|isb|sb|srs_.*|rfe_.*|tb|.*_lit|adr|adr_sub|"
                 r"pld.*|add_sp|sp_add|sp_sub|ldr_sp|str_sp|push|pop|unprivileged)$")
SHOULD_BE_ONE = re.compile(r"^a32_([su]div|[su]sat16|rev.*|rbit|clz|parallel|sel|ldrex|strex|ldaex|stlex|lda|stl)$|^t32_([su]div|rev.*|rbit|"
                           r"ldrex.*|strex.*|ldaex.*|stlex.*|lda.*|stl.*)$")
MEMORY = re.compile(r"_(ld|st)[rmla]")
REGISTERS = {"rd", "rn", "rm", "rs", "ra", "rt", "rt2", "hi", "lo"}
LEAVE_OUT = {"swp"}


def read_table(path):
    decoder = None
    for line in open(path):
        line = line.split("#")[0].strip()
        if line.startswith("%decoder"):
            decoder = line.split()[1]
        elif line and line[0] != "%":
            name, pattern = re.match(r"(\w+)\s+\"([^\"]*)\"", line).groups()
            attrs = dict(re.findall(r"(\w+)=\"?([^\"]*?)\"?(?=\s+\w+=|$)", line[line.index('"', line.index('"') + 1) + 1:].strip()))
            yield decoder, name, pattern, attrs


class Insn:
    def __init__(self, decoder, name, pattern, attrs):
        self.name, self.attrs, self.fields = name, attrs, {}
        self.width = 16 if decoder == "t32_decode16" else 32
        self.thumb = decoder.startswith("t32")
        self.value = self.open = 0
        left = self.width
        for tok in pattern.split():
            if re.fullmatch(r"[01.]+", tok):
                for ch in tok:
                    left -= 1
                    self.value |= (ch == "1") << left
                    self.open |= (ch == ".") << left
                continue
            m = re.match(r"(\w+?)(?:\+(\d+))?(?::s?(\d+)|\[([^\]]*)\])$", tok)
            field = self.fields.setdefault(m.group(1), [])
            if m.group(3):
                n = int(m.group(3))
                left -= n
                field.append((0, n, left))
            else:
                for piece in m.group(4).replace("s", "").split("|"):
                    hi, _, lo = piece.partition(":")
                    hi, lo = int(hi), int(lo or hi)
                    left -= hi - lo + 1
                    field.append((lo, hi - lo + 1, left))
        self.memory = bool(MEMORY.search(name))

    def bits(self, name):
        return max(at + n for at, n, _ in self.fields[name])

    def put(self, word, name, v):
        for at, n, to in self.fields[name]:
            word |= (v >> at & ((1 << n) - 1)) << to
        return word


def pick(rng, insn):
    """Field values, or None if they mean something that the manual leaves open."""
    f = {}
    for name in insn.fields:
        n = insn.bits(name)
        f[name] = rng.getrandbits(n)
        if name in REGISTERS and n >= 3:
            f[name] = rng.randrange(6 if insn.memory else 8)
    as_ = dict(p.split("=") for p in insn.attrs.get("as", "").split()[1:])
    get = lambda k: f[k] if k in f else int(as_[k]) if k in as_ and as_[k].isdigit() else f.get(as_.get(k))
    if insn.memory:
        for name, r in (("rn", 6), ("rm", 7)):
            if name in f:
                f[name] = r
        if "imm" in f:
            f["imm"] = rng.randrange(64) & ((1 << insn.bits("imm")) - 1) & -(1 << min(p[0] for p in insn.fields["imm"]))
        if re.search(r"(ldr|str)d", insn.name) and "imm" in f:
            f["imm"] &= ~3                     # else the kernel may or may not mend it
        if "amount" in f and insn.bits("amount") == 5:
            f["amount"] = rng.choice((0, 1, 2)) if f.get("type") != 1 else rng.randrange(1, 31)
            if f.get("type", 0) > 0:
                f["type"], f["amount"] = 2, rng.randrange(1, 5)
        if "list" in f:
            f["list"] &= 0x3f
            if not f["list"]:
                return None
            if insn.thumb and f["list"] & (f["list"] - 1) == 0:
                return None
        if "s" in f:
            f["s"] = 0
        if get("p") == 0 and get("w") == 1 and not insn.thumb and "list" not in f:
            return None                        # unprivileged, or not allowed
        if re.search(r"(ldr|str)d", insn.name) and not insn.thumb:
            f["rt"] &= ~1
        if "rt2" in f and f["rt2"] == f["rt"]:
            return None
        if re.search(r"(ex|da|stl)", insn.name):
            if not insn.thumb and get("sz") == 1 and f["rt"] & 1:
                return None
            if "rd" in f and f["rd"] in (f["rt"], f.get("rt2"), f["rt"] + 1):
                return None
            if "imm" in f:
                f["imm"] = rng.choice((0, 4, 8))
    if "hi" in f and (f["hi"] == f["lo"]):
        return None
    if insn.name in ("a32_bfi", "t32_bfi") and f["msb"] < f["lsb"]:
        return None
    if re.search(r"[su]bfx", insn.name) and f["lsb"] + f["width"] > 31:
        return None
    if insn.thumb and insn.width == 32 and re.search(r"_imm$", insn.name) and not insn.memory and f["imm"] >> 8 in (1, 2, 3) and not f["imm"] & 255:
        return None
    if re.fullmatch(r"t32_[su]sat", insn.name) and f["sh"] and not f["amount"]:
        return None
    for cond in insn.attrs.get("where", "").split():
        k, op, v = re.match(r"(\w+)(!=|=)(\w+)", cond).groups()
        have = f[k] + (1 if re.search(k + r"\+1", insn.pattern) else 0)
        if (have == int(v)) == (op == "!="):
            return None
    return f


def main():
    rng = random.Random(int(sys.argv[1]))
    table = []
    for path in ("a32.insn", "t32.insn"):
        for row in read_table(os.path.join(HERE, "../../../targets/arm", path)):
            if not OUT.match(row[1]) and "uncond" not in row[0] and row[3].get("if") not in ("swp", "pan", "sb"):
                insn = Insn(*row)
                insn.pattern = row[2]
                table.append(insn)
    only = re.compile(sys.argv[3]) if len(sys.argv) > 3 else None
    table = [i for i in table if not only or only.search(i.name)]
    print("/* words.py %s: instruction, and: 1 T32, 2 of 32 bits, 4 memory, 8 to 11 condition of an IT before it */" % " ".join(sys.argv[1:]))
    print("static const struct { unsigned word, how; } words[] = {")
    left, k = int(sys.argv[2]), 0
    while left:
        insn = table[k % len(table)]
        k += 1
        f = None
        for _ in range(50):
            f = pick(rng, insn)
            if f is not None:
                break
        if f is None:
            continue
        word = insn.value
        if SHOULD_BE_ONE.match(insn.name):
            word |= insn.open
        for name, v in f.items():
            word = insn.put(word, name, v)
        how = insn.thumb | (insn.width == 32 and insn.thumb) << 1 | insn.memory << 2
        cond = rng.randrange(14) if rng.randrange(3) == 0 else 14
        if insn.thumb:
            how |= cond << 8
        else:
            word = word & 0x0fffffff | cond << 28
        print("    { 0x%08x, 0x%03x }, /* %s */" % (word, how, insn.name))
        left -= 1
    print("};")


if __name__ == "__main__":
    main()
