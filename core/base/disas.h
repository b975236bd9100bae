/* core/base/disas.h - machine code as text, by capstone. The library is loaded when it is first asked for: its tables need
 * more time to relocate than a small guest program runs. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum disas_arch {
    DISAS_X86_64, DISAS_I386, DISAS_I8086, DISAS_ARM64, DISAS_ARM, DISAS_THUMB, DISAS_RISCV64, DISAS_RISCV32, DISAS_ARCHS
};

/**
 * disas_one - one instruction.
 * @arch:  how to read the bytes
 * @pc:    its address
 * @bytes: @n of them
 * @out:   text, `mnemonic    operands`; written only when there is an instruction
 *
 * Returns its length in bytes; 0 when the bytes are no instruction that capstone knows, or there is no capstone.
 * Context: any thread.
 */
int disas_one(enum disas_arch arch, uint64_t pc, const uint8_t *bytes, size_t n, char *out, size_t room);
