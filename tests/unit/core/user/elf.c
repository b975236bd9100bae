/* Program headers from hostile files: each damage has its sentence, none is believed. */
#include <elf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/error.h"
#include "core/user/elf.h"
#include "targets/target.h"

static const struct target guest = { .name = "riscv64", .elf_machine = EM_RISCV, .elf_class = ELFCLASS64, .bits = 64 };

struct image {
    Elf64_Ehdr e;
    Elf64_Phdr p[2];
    uint8_t rest[8192];
};

static struct image good(void)
{
    struct image im = {
        .e = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1 }, .e_type = ET_EXEC, .e_machine = EM_RISCV,
               .e_phoff = sizeof(Elf64_Ehdr), .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 2, .e_entry = 0x10100 },
        .p = { { .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = 0x10000, .p_filesz = 4096, .p_memsz = 4096 },
               { .p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_offset = 4096, .p_vaddr = 0x12000, .p_filesz = 100, .p_memsz = 9000 } },
    };

    return im;
}

static int read_image(const struct image *im, size_t bytes, struct elf_file *f, struct error *err)
{
    int fd = memfd_create("elf", 0), ret;

    assert_int_equal(write(fd, im, bytes), bytes);
    memset(f, 0, sizeof *f);
    f->path = "prog";
    f->fd = fd;
    ret = elf_read(f, (const uint8_t *)im, bytes < ELF_HEAD_BYTES ? bytes : ELF_HEAD_BYTES, &guest, err);
    close(fd);
    return ret;
}

static void refused(const struct image *im, size_t bytes, const char *words)
{
    struct error err = ERROR_INIT;
    struct elf_file f;

    assert_int_equal(read_image(im, bytes, &f, &err), -ENOEXEC);
    if (!strstr(err.text, words))
        fail_msg("'%s' does not say '%s'", err.text, words);
}

static void a_good_one(void **state)
{
    struct image im = good();
    struct error err = ERROR_INIT;
    struct elf_file f;

    (void)state;
    assert_int_equal(read_image(&im, sizeof im, &f, &err), 0);
    assert_int_equal(f.nseg, 2);
    assert_int_equal(f.entry, 0x10100);
    assert_int_equal(f.seg[1].memsz, 9000);
    assert_true(elf_is_for((const uint8_t *)&im, 64, &guest));
    assert_false(elf_is_for((const uint8_t *)&im, 30, &guest));
}

static void other_machines(void **state)
{
    static const struct { uint16_t machine; uint8_t elf_class; const char *words; } all[] = {
        { EM_X86_64, ELFCLASS64, "x86-64 program; run it directly" }, { EM_386, ELFCLASS32, "run it directly" },
        { EM_AARCH64, ELFCLASS64, "rhea-aarch64" }, { EM_ARM, ELFCLASS32, "rhea-arm" },
        { EM_RISCV, ELFCLASS32, "rhea-riscv32" }, { EM_PPC64, ELFCLASS64, "no guest for" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct image im = good();

        im.e.e_machine = all[i].machine;
        im.e.e_ident[EI_CLASS] = all[i].elf_class;
        assert_false(elf_is_for((const uint8_t *)&im, 64, &guest));
        refused(&im, sizeof im, all[i].words);
    }
}

static void damaged(void **state)
{
    struct image im = good();

    (void)state;
    refused(&im, 10, "neither an ELF program nor a script");
    refused(&im, 60, "ends inside");
    refused(&im, 100, "program headers are missing");
    refused(&im, 4096, "truncated");
    im.e.e_type = ET_REL, refused(&im, sizeof im, "not a program");
    im = good(), im.e.e_ident[EI_DATA] = ELFDATA2MSB, refused(&im, sizeof im, "big-endian");
    im = good(), im.e.e_phnum = 0, refused(&im, sizeof im, "program headers");
    im = good(), im.e.e_phnum = 5000, refused(&im, sizeof im, "program headers");
    im = good(), im.e.e_phentsize = 7, refused(&im, sizeof im, "program headers");
    im = good(), im.e.e_phoff = UINT64_MAX - 8, refused(&im, sizeof im, "truncated");
    im = good(), im.p[0].p_filesz = 5000, refused(&im, sizeof im, "larger in the file");
    im = good(), im.p[1].p_offset = UINT64_MAX - 50, refused(&im, sizeof im, "truncated");
    im = good(), im.p[1].p_vaddr = UINT64_MAX - 4095, refused(&im, sizeof im, "wraps");
    im = good(), im.p[1].p_vaddr += 8, refused(&im, sizeof im, "disagree");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_one), cmocka_unit_test(other_machines), cmocka_unit_test(damaged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
