#!/usr/bin/env python3
"""What streams.h makes random instructions of: templates.py > templates.c, a line for each of a64.insn that it can use.

Registers are left to the generator, which keeps some for itself; so are bases and offsets of what reaches memory."""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from words import REGISTERS, SKIP, TABLE, table  # noqa: E402

MOST = 3                                       # conditions of a line

# Exclusive loads stand before their stores only: whether a store that is jumped to succeeds would depend on interrupts.
EXCLUSIVE = re.compile(r"a64_lda?x[rp]$")
LITERAL = re.compile(r"a64_(v?ldr|ldrsw|prfm)_lit$")


def conditions():
    """Of each line, what its fields must not be: {name: [(field, value)]}."""
    found = {}
    for line in open(TABLE):
        m = re.match(r'(a64_\w+) .* where="([^"]*)"', line)
        if m:
            found[m.group(1)] = [(f, int(v)) for f, v in re.findall(r"(\w+)!=(\d+)", m.group(2))]
    return found


def template(name, parts, unlike):
    fields = {f for f, _ in parts if f}
    memory = "rt" in fields and "rn" in fields
    free = 0 if re.search("cfinv|flag", name) else 1
    value = mask = at = 0
    regs, base, index, imm, places = [], -1, -1, (0, 0), {}
    bit = 32
    for field, what in parts:
        bit -= len(what)
        places[field] = bit, len(what)
        if not field:
            for k, b in enumerate(what):
                at = 1 << (bit + len(what) - 1 - k)
                mask |= at
                value |= at if b == "1" or b == "." and free else 0
        elif memory and field == "rn":
            base = bit
        elif memory and field == "rm" and not name.endswith("_post"):
            index = bit
        elif field in REGISTERS and len(what) == 5:    # some are in two pieces: any register
            regs.append(bit)
        elif field == "imm" and (memory or LITERAL.match(name)):
            imm = (bit, len(what))
    never = ["{ %d, %d, %d }" % (*places[f], v) for f, v in unlike]
    return ('    { 0x%08x, 0x%08x, %d, { %s }, %d, %d, %d, %d, %d, { %s }, "%s" },' %
            (value, ~mask & 0xffffffff, len(regs), ", ".join(map(str, regs)) or "0", base, index, imm[0], imm[1],
             len(never[:MOST]), ", ".join(never[:MOST]) or "{ 0, 0, 0 }", name[4:]))


def main():
    never = conditions()
    print("/* templates.py */\n#include \"tests/isa/a64/streams.h\"\nconst struct template templates[] = {")
    for name, parts in table():
        if not SKIP.match(name) and not EXCLUSIVE.match(name) or LITERAL.match(name):
            print(template(name, parts, never.get(name, [])))
    print("};\nconst unsigned template_count = sizeof templates / sizeof *templates;")


if __name__ == "__main__":
    main()
