/* The `virt` machines with CPUs that do nothing: device trees, memory maps, and what is loaded where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <libfdt.h>
#include "accel/accel.h"
#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/file.h"
#include "core/vm/loader.h"
#include "core/vm/lock.h"
#include "core/vm/machine.h"
#include "core/vm/vcpu_life.h"
#include "targets/target.h"

extern const struct machine_type riscv_virt_machine, arm_virt_machine;

/* --- CPUs that do nothing ------------------------------------------------------------------------------------------ */

static uint64_t booted_at;

static void target_init(struct cpu_env *env, const void *model, bool system)
{
    (void)env;
    (void)model;
    (void)system;
}

static void target_reset(struct cpu_env *env)
{
    (void)env;
}

static void target_boot(struct cpu_env *env, uint64_t entry, uint64_t arg)
{
    (void)env;
    (void)arg;
    booted_at = entry;
}

static void target_irq(struct cpu_env *env, unsigned line, bool level)
{
    (void)env;
    (void)line;
    (void)level;
}

static int accel_create(struct vcpu *v, struct error *err)
{
    (void)v;
    (void)err;
    return 0;
}

static void accel_none(struct vcpu *v)
{
    (void)v;
}

static const struct target target = {
    .name = "test", .env_size = 4096, .init = target_init, .reset = target_reset, .boot = target_boot,
    .set_irq = target_irq, .elf_machine = 243, .elf_class = 2,
};
static const struct accel_type accel = { .name = "none", .vcpu_create = accel_create, .vcpu_destroy = accel_none, .kick = accel_none };

/* --- a machine from a command line ----------------------------------------------------------------------------------- */

struct made {
    struct sys_options opts;
    struct machine *m;
    struct error err;
    int ret;
};

static void make(struct made *t, const struct machine_type *type, const char *arch, const char **args)
{
    int argc = 0;

    *t = (struct made){ .err = ERROR_INIT };
    while (args[argc])
        argc++;
    assert_int_equal(sys_options_parse(&t->opts, argc, (char **)args, arch, &t->err), 0);
    t->m = xcalloc(1, type->bytes);
    t->m->type = type;
    t->m->opts = &t->opts;
    t->m->cpus = t->opts.smp.cpus ? t->opts.smp.cpus : 1;
    t->m->ram_bytes = t->opts.ram_bytes ? t->opts.ram_bytes : type->ram_bytes;
    t->m->board = board_new(NULL);
    t->m->loader = loader_new(t->m->board->as, true);
    t->m->target = &target;
    t->m->accel = &accel;
    t->ret = type->build(t->m, &t->err);
    if (t->ret == 0)
        t->ret = type->finish(t->m, &t->err);
}

static void end(struct made *t)
{
    machine_lock();
    vcpu_end_all();
    machine_unlock();
    board_free(t->m->board);
    loader_free(t->m->loader);
    free(t->m);
    sys_options_free(&t->opts);
}

static const char *dump_path = "/tmp/rhea-virt-test.dtb";

/* The device tree; @words are machine options, each with its comma. */
static void *dump_with(const struct machine_type *type, const char *arch, const char *smp, const char *words)
{
    char machine[120];
    const char *args[] = { "rhea", "-M", machine, "-smp", smp, "-m", "512", "-bios", "none", "-append", "quiet", NULL };
    struct made t;
    size_t len;
    void *blob;

    snprintf(machine, sizeof(machine), "virt,dumpdtb=%s%s", dump_path, words);
    make(&t, type, arch, args);
    if (t.ret < 0)
        fail_msg("%s", t.err.text);
    blob = file_read(dump_path, 1 << 20, &len, &t.err);
    unlink(dump_path);
    end(&t);
    assert_non_null(blob);
    assert_int_equal(fdt_check_header(blob), 0);
    return blob;
}

static void *dump(const struct machine_type *type, const char *arch, const char *smp)
{
    return dump_with(type, arch, smp, "");
}

/* Cell @n of a property. */
static uint32_t cell(const void *blob, const char *path, const char *name, unsigned n)
{
    int len, at = fdt_path_offset(blob, path);
    const fdt32_t *p = fdt_getprop(blob, at, name, &len);

    if (!p || (unsigned)len < (n + 1) * 4)
        fail_msg("%s has no %s[%u]", path, name, n);
    return fdt32_to_cpu(p[n]);
}

static void riscv_tree(void **state)
{
    void *blob = dump(&riscv_virt_machine, "riscv64", "3");

    (void)state;
    assert_int_equal(cell(blob, "/memory@80000000", "reg", 1), 0x80000000);
    assert_int_equal(cell(blob, "/memory@80000000", "reg", 3), 512 << 20);
    assert_int_equal(cell(blob, "/cpus", "timebase-frequency", 0), 10000000);
    assert_int_equal(cell(blob, "/cpus/cpu@2", "reg", 0), 2);
    assert_int_equal(cell(blob, "/soc/serial@10000000", "interrupts", 0), 10);
    assert_int_equal(cell(blob, "/soc/virtio_mmio@10008000", "interrupts", 0), 8);
    assert_int_equal(cell(blob, "/soc/rtc@101000", "interrupts", 0), 11);
    assert_int_equal(cell(blob, "/soc/plic@c000000", "riscv,ndev", 0), 96);
    assert_int_equal(cell(blob, "/soc/plic@c000000", "interrupts-extended", 11), 9);
    assert_int_equal(cell(blob, "/soc/clint@2000000", "interrupts-extended", 11), 7);
    assert_int_equal(cell(blob, "/poweroff", "value", 0), 0x5555);
    assert_string_equal(fdt_getprop(blob, fdt_path_offset(blob, "/chosen"), "bootargs", NULL), "quiet");
    free(blob);
}

/* The nodes of the ACLINT's parts instead of the CLINT's: the time's register first, then the comparators. */
static void riscv_tree_of_parts(void **state)
{
    void *blob = dump_with(&riscv_virt_machine, "riscv64", "3", ",aclint=on");

    (void)state;
    assert_true(fdt_path_offset(blob, "/soc/clint@2000000") < 0);
    assert_int_equal(cell(blob, "/soc/mswi@2000000", "reg", 3), 0x4000);
    assert_int_equal(cell(blob, "/soc/mswi@2000000", "interrupts-extended", 5), 3);
    assert_int_equal(cell(blob, "/soc/mtimer@2004000", "reg", 1), 0x200bff8);
    assert_int_equal(cell(blob, "/soc/mtimer@2004000", "reg", 5), 0x2004000);
    assert_int_equal(cell(blob, "/soc/mtimer@2004000", "interrupts-extended", 5), 7);
    assert_int_equal(cell(blob, "/soc/sswi@2f00000", "reg", 1), 0x2f00000);
    assert_int_equal(cell(blob, "/soc/sswi@2f00000", "interrupts-extended", 5), 1);
    assert_int_equal(cell(blob, "/soc/sswi@2f00000", "#interrupt-cells", 0), 0);
    free(blob);
}

static void arm_tree(void **state)
{
    void *blob = dump(&arm_virt_machine, "aarch64", "2");

    (void)state;
    assert_int_equal(cell(blob, "/memory@40000000", "reg", 3), 512 << 20);
    assert_int_equal(cell(blob, "/timer", "interrupts", 1), 13);
    assert_int_equal(cell(blob, "/timer", "interrupts", 5), 0x304);
    assert_int_equal(cell(blob, "/pl011@9000000", "interrupts", 1), 1);
    assert_int_equal(cell(blob, "/virtio_mmio@a003e00", "interrupts", 1), 47);
    assert_int_equal(cell(blob, "/psci", "cpu_on", 0), 0xc4000003);
    assert_int_equal(cell(blob, "/pcie@10000000", "interrupt-map", 8), 3);
    assert_int_equal(cell(blob, "/intc@8000000", "reg", 5), 0x8010000);
    free(blob);
}

/* With -smp 9 there has to be a GICv3; its ITS is where PCI's messages go. */
static void arm_tree_of_many(void **state)
{
    void *blob = dump(&arm_virt_machine, "aarch64", "9");

    (void)state;
    assert_string_equal(fdt_getprop(blob, fdt_path_offset(blob, "/intc@8000000"), "compatible", NULL), "arm,gic-v3");
    assert_int_equal(cell(blob, "/intc@8000000", "reg", 5), 0x80a0000);
    assert_int_equal(cell(blob, "/intc@8000000", "reg", 7), 9 * 0x20000);
    assert_int_equal(cell(blob, "/cpus/cpu@100", "reg", 0), 0x100);
    assert_int_equal(cell(blob, "/pcie@10000000", "msi-map", 1), cell(blob, "/intc@8000000/its@8080000", "phandle", 0));
    assert_int_equal(cell(blob, "/gpio-keys/poweroff", "gpios", 1), 3);
    free(blob);
}

/* --- loading ----------------------------------------------------------------------------------------------------------- */

static char kernel_path[] = "/tmp/rhea-kernel-XXXXXX", initrd_path[] = "/tmp/rhea-initrd-XXXXXX";

static void write_file(char *path, const void *bytes, size_t len)
{
    int fd;

    strcpy(path + strlen(path) - 6, "XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    close(fd);
}

static void refused(const struct machine_type *type, const char *arch, const char **args, const char *why)
{
    struct made t;

    make(&t, type, arch, args);
    assert_true(t.ret < 0);
    if (!strstr(t.err.text, why))
        fail_msg("'%s' does not say '%s'", t.err.text, why);
    end(&t);
}

static void arm_options_that_contradict(void **state)
{
    const char *many[] = { "rhea", "-M", "virt,gic-version=2", "-smp", "9", NULL };
    const char *memory[] = { "rhea", "-M", "virt,highmem=off", "-m", "4G", NULL };
    const char *initrd[] = { "rhea", "-initrd", "/dev/null", NULL };
    const char *tags[] = { "rhea", "-M", "virt,mte=on", NULL };
    const char *iommu[] = { "rhea", "-M", "virt,iommu=smmuv3", NULL };
    const char *usb[] = { "rhea", "-M", "virt,usb=on", NULL };

    (void)state;
    refused(&arm_virt_machine, "aarch64", tags, "no mte here");
    refused(&arm_virt_machine, "aarch64", iommu, "iommu=smmuv3");
    refused(&arm_virt_machine, "aarch64", usb, "no USB controller");
    refused(&arm_virt_machine, "aarch64", many, "room for 8 CPUs");
    refused(&arm_virt_machine, "aarch64", memory, "highmem=off");
    refused(&arm_virt_machine, "aarch64", initrd, "needs a kernel");
}

static void riscv_kernel_and_initrd_lie_where_firmware_looks(void **state)
{
    uint8_t image[256] = { 0 };
    const char *args[] = { "rhea", "-kernel", kernel_path, "-initrd", initrd_path, "-bios", "none", NULL };
    struct made t;
    uint32_t rom[10];

    (void)state;
    memcpy(image + 56, "RSC\x05", 4);
    image[18] = 0x40; /* claims 4 MiB */
    write_file(kernel_path, image, sizeof(image));
    write_file(initrd_path, "initrd", 6);
    make(&t, &riscv_virt_machine, "riscv64", args);
    if (t.ret < 0)
        fail_msg("%s", t.err.text);
    assert_int_equal(dma_r64(t.m->board->as, 0x80000000 + 48), 0);
    assert_int_equal(dma_r32(t.m->board->as, 0x80000000 + 56), 0x05435352);
    assert_int_equal(dma_r32(t.m->board->as, 0x84000000), 0x74696e69); /* half of 128 MiB on */
    t.m->type->reset(t.m);
    dma_read(t.m->board->as, 0x1000, rom, sizeof(rom));
    assert_int_equal(rom[0], 0x297);
    assert_int_equal(rom[6], 0x80000000);
    assert_int_equal(rom[8], 0x87e00000);
    assert_int_equal(dma_r32(t.m->board->as, 0x87e00000), 0xedfe0dd0);
    end(&t);
    unlink(kernel_path);
    unlink(initrd_path);
}

static void arm_boots_by_code_at_the_start_of_ram(void **state)
{
    uint8_t image[256] = { 0 };
    const char *args[] = { "rhea", "-kernel", kernel_path, NULL };
    struct made t;

    (void)state;
    memcpy(image + 56, "ARM\x64", 4);
    image[18] = 0x40;
    write_file(kernel_path, image, sizeof(image));
    make(&t, &arm_virt_machine, "aarch64", args);
    if (t.ret < 0)
        fail_msg("%s", t.err.text);
    t.m->type->reset(t.m);
    assert_int_equal(booted_at, 0x40000000);
    assert_int_equal(dma_r32(t.m->board->as, 0x40000000), 0x580000c0);
    assert_int_equal(dma_r64(t.m->board->as, 0x40000020), 0x40200000);
    assert_int_equal(dma_r32(t.m->board->as, dma_r64(t.m->board->as, 0x40000018)), 0xedfe0dd0);
    end(&t);
    unlink(kernel_path);
}

static void what_does_not_fit_is_explained(void **state)
{
    static uint8_t big[8 << 20];
    const char *too_large[] = { "rhea", "-kernel", kernel_path, "-bios", "none", "-m", "4", NULL };
    const char *missing[] = { "rhea", "-kernel", "/nowhere/vmlinuz", "-bios", "none", NULL };
    const char *overlap[] = { "rhea", "-kernel", kernel_path, "-initrd", initrd_path, "-bios", "none", "-m", "16", NULL };
    const char *elf[] = { "rhea", "-kernel", kernel_path, "-bios", "none", NULL };
    const char *lone[] = { "rhea", "-initrd", kernel_path, "-bios", "none", NULL };

    (void)state;
    write_file(kernel_path, big, sizeof(big));
    write_file(initrd_path, big, sizeof(big));
    refused(&riscv_virt_machine, "riscv64", too_large, "there is not that much memory; use a larger -m");
    refused(&riscv_virt_machine, "riscv64", missing, "cannot open '/nowhere/vmlinuz'");
    refused(&riscv_virt_machine, "riscv64", overlap, "use a larger -m");
    refused(&riscv_virt_machine, "riscv64", lone, "-initrd needs a kernel");
    unlink(kernel_path);
    unlink(initrd_path);
    memcpy(big, "\177ELF\2\1\1", 7);
    big[18] = 183; /* AArch64 */
    write_file(kernel_path, big, 1000);
    refused(&riscv_virt_machine, "riscv64", elf, "rhea-system-aarch64 runs it");
    unlink(kernel_path);
}

static void truncated_and_hostile_elf_files_are_refused(void **state)
{
    uint8_t elf[256] = { 0x7f, 'E', 'L', 'F', 2, 1, 1 };
    const char *args[] = { "rhea", "-kernel", kernel_path, "-bios", "none", NULL };

    (void)state;
    elf[18] = 243;
    elf[32] = 64;    /* program headers at 64 */
    elf[54] = 56;
    elf[56] = 200;   /* 200 of them */
    write_file(kernel_path, elf, sizeof(elf));
    refused(&riscv_virt_machine, "riscv64", args, "program headers lie beyond the end");
    unlink(kernel_path);
    elf[56] = 1;
    elf[64] = 1;     /* PT_LOAD, 2^56 bytes of the file */
    elf[64 + 39] = elf[64 + 47] = 1;
    write_file(kernel_path, elf, sizeof(elf));
    refused(&riscv_virt_machine, "riscv64", args, "segment lies beyond the end");
    unlink(kernel_path);
    elf[64] = 0;
    write_file(kernel_path, elf, sizeof(elf));
    refused(&riscv_virt_machine, "riscv64", args, "nothing to load");
    unlink(kernel_path);
    write_file(kernel_path, "\x1f\x8b\x08\0\0\0\0\0\0\0garbage garbage", 25);
    refused(&riscv_virt_machine, "riscv64", args, "gzip data is damaged");
    unlink(kernel_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(riscv_tree), cmocka_unit_test(riscv_tree_of_parts), cmocka_unit_test(arm_tree), cmocka_unit_test(arm_tree_of_many), cmocka_unit_test(arm_options_that_contradict),
        cmocka_unit_test(riscv_kernel_and_initrd_lie_where_firmware_looks),
        cmocka_unit_test(arm_boots_by_code_at_the_start_of_ram), cmocka_unit_test(what_does_not_fit_is_explained),
        cmocka_unit_test(truncated_and_hostile_elf_files_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
