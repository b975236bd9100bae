/* core/vm/kernel.c - kernels and firmware: ELF segments where they say, flat images where the machine wants them.
 *
 * Source: System V ABI gABI 4.1, "Program Loading"; the physical address of a segment is where it goes. */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/file.h"
#include "core/vm/loader.h"
#include "core/vm/loader_image.h"
#include "targets/target.h"

bool image_is_elf(const uint8_t *bytes, size_t len)
{
    return len >= sizeof(Elf32_Ehdr) && memcmp(bytes, ELFMAG, SELFMAG) == 0;
}

static const char NO_PROGRAM[] = "";           /* x86: known, but there are no machines for it yet */

static const char *program_for(unsigned machine, unsigned class)
{
    switch (machine) {
    case EM_RISCV:
        return class == ELFCLASS32 ? "rhea-system-riscv32" : "rhea-system-riscv64";
    case EM_AARCH64:
        return "rhea-system-aarch64";
    case EM_ARM:
        return "rhea-system-arm";
    case EM_X86_64: case EM_386:
        return NO_PROGRAM;
    }
    return NULL;
}

static int of_another(struct error *err, const char *what, const char *program)
{
    if (program == NO_PROGRAM)
        return error_set(err, EINVAL, "%s is for x86, which Rhea has no machines for yet", what);
    return error_set(err, EINVAL, "%s is of another architecture; %s runs it", what, program);
}

static int check_machine(const char *what, const uint8_t *b, const struct target *t, struct error *err)
{
    const Elf32_Ehdr *h = (const Elf32_Ehdr *)b; /* both classes agree up to here */
    const char *program = program_for(h->e_machine, b[EI_CLASS]);

    if (b[EI_DATA] != ELFDATA2LSB)
        return error_set(err, EINVAL, "%s is a big-endian program, which no guest here runs", what);
    if (h->e_machine == t->elf_machine && b[EI_CLASS] == t->elf_class)
        return 0;
    if (program)
        return of_another(err, what, program);
    return error_set(err, EINVAL, "%s is of another architecture (ELF machine %u, class %u), which Rhea has no machines for", what,
                     h->e_machine, b[EI_CLASS]);
}

/* A program header of either class. */
struct segment {
    uint32_t type;
    uint64_t off, vaddr, paddr, filesz, memsz;
};

static struct segment segment_at(const uint8_t *p, bool is32)
{
    Elf32_Phdr p32;
    Elf64_Phdr p64;

    if (is32) {
        memcpy(&p32, p, sizeof(p32));
        return (struct segment){ p32.p_type, p32.p_offset, p32.p_vaddr, p32.p_paddr, p32.p_filesz, p32.p_memsz };
    }
    memcpy(&p64, p, sizeof(p64));
    return (struct segment){ p64.p_type, p64.p_offset, p64.p_vaddr, p64.p_paddr, p64.p_filesz, p64.p_memsz };
}

static int load_segment(struct loader *l, const char *what, const uint8_t *b, size_t len, const struct segment *s,
                        uint64_t entry, struct loaded *out, struct error *err)
{
    if (s->off > len || s->filesz > len - s->off || s->filesz > s->memsz || s->paddr + s->memsz < s->paddr)
        return error_set(err, EINVAL, "%s is damaged: a segment lies beyond the end of the file", what);
    if (out->end == 0 || s->paddr < out->start)
        out->start = s->paddr;
    if (s->paddr + s->memsz > out->end)
        out->end = s->paddr + s->memsz;
    if (entry >= s->vaddr && entry - s->vaddr < s->memsz) /* the entry is virtual; nothing is mapped yet */
        out->entry = s->paddr + (entry - s->vaddr);
    return loader_add(l, what, s->paddr, b + s->off, s->filesz, s->memsz, err);
}

static int load_elf(struct loader *l, const char *what, const uint8_t *b, size_t len, const struct target *t,
                    struct loaded *out, struct error *err)
{
    bool is32 = b[EI_CLASS] == ELFCLASS32;
    const Elf32_Ehdr *h32 = (const Elf32_Ehdr *)b;
    Elf64_Ehdr h64 = { 0 };
    uint64_t entry, phoff;
    unsigned phnum, phentsize;
    int ret = check_machine(what, b, t, err);

    if (ret < 0)
        return ret;
    if (!is32 && len >= sizeof(h64))
        memcpy(&h64, b, sizeof(h64));
    entry = is32 ? h32->e_entry : h64.e_entry;
    phoff = is32 ? h32->e_phoff : h64.e_phoff;
    phnum = is32 ? h32->e_phnum : h64.e_phnum;
    phentsize = is32 ? h32->e_phentsize : h64.e_phentsize;
    if (phentsize < (is32 ? sizeof(Elf32_Phdr) : sizeof(Elf64_Phdr)) || phoff > len ||
        (uint64_t)phnum * phentsize > len - phoff)
        return error_set(err, EINVAL, "%s is damaged: its program headers lie beyond the end of the file", what);
    *out = (struct loaded){ .entry = entry, .elf = true, .is32 = is32 };
    for (unsigned i = 0; i < phnum && ret == 0; i++) {
        struct segment s = segment_at(b + phoff + i * phentsize, is32);

        if (s.type == PT_LOAD && s.memsz)
            ret = load_segment(l, what, b, len, &s, entry, out, err);
    }
    if (ret == 0 && out->end == 0)
        ret = error_set(err, EINVAL, "%s has nothing to load", what);
    return ret;
}

/* Flat kernels that say what they are for: the program that runs them, NO_PROGRAM, or NULL. */
static const char *flat_program(const uint8_t *b, size_t len)
{
    if (len >= 64 && memcmp(b + 56, "ARM\x64", 4) == 0)
        return "rhea-system-aarch64";
    if (len >= 64 && memcmp(b + 56, "RSC\x05", 4) == 0)
        return "rhea-system-riscv64";
    if (len >= 0x28 && memcmp(b + 0x24, "\x18\x28\x6f\x01", 4) == 0)
        return "rhea-system-arm";
    if (len >= 0x206 && memcmp(b + 0x202, "HdrS", 4) == 0)
        return NO_PROGRAM;
    return NULL;
}

static int load_flat(struct loader *l, const char *what, const uint8_t *b, size_t len, gpa at, uint64_t room,
                     struct loaded *out, struct error *err)
{
    *out = (struct loaded){ .entry = at, .start = at, .end = at + (room > len ? room : len) };
    if (len == 0)
        return error_set(err, EINVAL, "%s is empty", what);
    return loader_add(l, what, at, b, len, room, err);
}

int loader_firmware(struct loader *l, const char *kind, const char *path, gpa at, const struct target *t,
                    struct loaded *out, struct error *err)
{
    size_t len;
    uint8_t *b = file_read(path, LOADER_IMAGE_MAX, &len, err);
    char *what = xasprintf("%s '%s'", kind, path);
    int ret = -EINVAL;

    if (!b)
        error_prepend(err, "%s: ", kind);
    else if (image_is_elf(b, len))
        ret = load_elf(l, what, b, len, t, out, err);
    else
        ret = load_flat(l, what, b, len, at, len, out, err);
    free(what);
    free(b);
    return ret;
}

int loader_kernel(struct loader *l, const char *path, gpa at, const struct target *t, loader_image_fn *image,
                  struct loaded *out, struct error *err)
{
    size_t len;
    uint8_t *b = file_read(path, LOADER_IMAGE_MAX, &len, err);
    char *what = xasprintf("kernel '%s'", path);
    uint64_t offset = 0, room = 0;
    const uint8_t *file = b;
    int ret = -EINVAL;

    if (!b)
        error_prepend(err, "-kernel: ");
    else
        ret = image_unpack(path, &b, &len, err);
    if (ret == 0 && image_is_elf(b, len)) {
        ret = load_elf(l, what, b, len, t, out, err);
    } else if (ret == 0) {
        if (image && image(b, len, &offset, &room))
            at += offset;
        else if (image && flat_program(b, len))
            ret = of_another(err, what, flat_program(b, len));
        if (ret == 0)
            ret = load_flat(l, what, b, len, at, room, out, err);
        if (ret == 0 && b == file)
            loader_is_file(l, path);
    }
    free(what);
    free(b);
    return ret;
}
