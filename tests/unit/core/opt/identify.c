/* What files look like from their first bytes. */
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/bytes.h"
#include "core/opt/identify.h"

static uint8_t file[IDENTIFY_BYTES];

static struct file_identity look(void)
{
    return identify_bytes(file, sizeof file);
}

static void blank(void)
{
    memset(file, 0, sizeof file);
}

static void magic(size_t at, const char *bytes, size_t n)
{
    blank();
    memcpy(file + at, bytes, n);
}

/* A 64-bit ELF file with one segment, or a program interpreter too. */
static void elf64(uint16_t machine, uint64_t vaddr, uint64_t paddr, bool interpreter)
{
    Elf64_Ehdr h = { .e_type = ET_EXEC, .e_machine = machine, .e_phoff = 64, .e_phentsize = 56, .e_phnum = interpreter ? 2 : 1 };
    Elf64_Phdr p[2] = { { .p_type = PT_LOAD, .p_vaddr = vaddr, .p_paddr = paddr }, { .p_type = PT_INTERP } };

    blank();
    memcpy(h.e_ident, "\177ELF\2\1\1", 7);
    memcpy(file, &h, sizeof h);
    memcpy(file + 64, p, sizeof p);
}

static void elf_files(void **state)
{
    (void)state;
    elf64(EM_RISCV, 0x10000, 0x10000, false);
    assert_int_equal(look().kind, FILE_PROGRAM);
    assert_string_equal(look().arch, "riscv64");
    elf64(EM_RISCV, 0x80000000, 0x80000000, false);
    assert_int_equal(look().kind, FILE_BARE);
    elf64(EM_RISCV, 0xffffffff80000000, 0x80200000, false);
    assert_int_equal(look().kind, FILE_KERNEL);
    elf64(EM_AARCH64, 0x80000000, 0x80000000, true);
    assert_int_equal(look().kind, FILE_PROGRAM);
    assert_string_equal(look().arch, "aarch64");
    elf64(EM_X86_64, 0x400000, 0x400000, false);
    assert_string_equal(look().arch, "x86_64");
    elf64(EM_SPARC, 0x400000, 0x400000, false);
    assert_int_equal(look().kind, FILE_UNKNOWN);
}

static void broken_elf_files(void **state)
{
    (void)state;
    elf64(EM_RISCV, 0x10000, 0x10000, false);
    for (size_t n = 0; n < 140; n++)
        identify_bytes(file, n);
    store_le64(file + 32, UINT64_MAX - 10);    /* program headers beyond the end */
    assert_int_equal(look().kind, FILE_PROGRAM);
    store_le16(file + 54, 1);                  /* too small to be headers */
    store_le64(file + 32, sizeof file - 1);
    assert_int_equal(look().kind, FILE_PROGRAM);
}

static void kernels_and_disks(void **state)
{
    (void)state;
    magic(48, "RISCV\0\0\0RSC\x05", 12);
    assert_int_equal(look().kind, FILE_KERNEL);
    assert_string_equal(look().arch, "riscv64");
    magic(56, "ARM\x64", 4);
    assert_string_equal(look().arch, "aarch64");
    magic(36, "\x18\x28\x6f\x01", 4);
    assert_string_equal(look().arch, "arm");
    magic(510, "\x55\xaa\0\0HdrS", 8);
    assert_string_equal(look().arch, "x86_64");
    magic(0, "QFI\xfb", 4);
    assert_int_equal(look().kind, FILE_DISK);
    assert_string_equal(look().format, "qcow2");
    magic(512, "EFI PART", 8);
    assert_int_equal(look().kind, FILE_DISK);
    assert_string_equal(look().format, "raw");
    magic(32769, "CD001", 5);
    assert_int_equal(look().kind, FILE_ISO);
    magic(510, "\x55\xaa", 2);                 /* no partition is used */
    assert_int_equal(look().kind, FILE_UNKNOWN);
    file[450] = 0x83;
    assert_int_equal(look().kind, FILE_DISK);
    magic(0, "hello", 5);
    assert_int_equal(look().kind, FILE_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elf_files),
        cmocka_unit_test(broken_elf_files),
        cmocka_unit_test(kernels_and_disks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
