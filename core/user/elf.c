#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/user/elf.h"
#include "targets/target.h"

bool elf_is_for(const uint8_t *head, size_t n, const struct target *t)
{
    return n >= sizeof(Elf32_Ehdr) && !memcmp(head, ELFMAG, SELFMAG) && head[EI_CLASS] == t->elf_class &&
           head[EI_DATA] == ELFDATA2LSB && (head[18] | head[19] << 8) == t->elf_machine;
}

/* What runs a program for this machine, as the end of a sentence. */
static void name_machine(char *buf, size_t room, unsigned machine, unsigned elf_class)
{
    switch (machine) {
    case EM_X86_64: snprintf(buf, room, "is an x86-64 program; run it directly"); break;
    case EM_386: snprintf(buf, room, "is an i386 program; run it directly"); break;
    case EM_AARCH64: snprintf(buf, room, "is an AArch64 program; run it with rhea-aarch64"); break;
    case EM_ARM: snprintf(buf, room, "is an ARM program; run it with rhea-arm"); break;
    case EM_RISCV:
        snprintf(buf, room, "is a %d-bit RISC-V program; run it with rhea-riscv%d", elf_class == ELFCLASS64 ? 64 : 32,
                 elf_class == ELFCLASS64 ? 64 : 32);
        break;
    default: snprintf(buf, room, "is a program for a machine that Rhea has no guest for (ELF machine %u)", machine);
    }
}

static int read_header(struct elf_file *f, const uint8_t *h, size_t n, unsigned *phnum, struct error *err)
{
    if (f->elf_class == ELFCLASS64) {
        Elf64_Ehdr e;

        if (n < sizeof e)
            return error_set(err, ENOEXEC, "'%s' ends inside its ELF header", f->path);
        memcpy(&e, h, sizeof e);
        f->type = e.e_type, f->flags = e.e_flags, f->entry = e.e_entry, f->phoff = e.e_phoff;
        f->phentsize = e.e_phentsize;
        *phnum = e.e_phnum;
        if (e.e_phentsize == sizeof(Elf64_Phdr))
            return 0;
    } else {
        Elf32_Ehdr e;

        memcpy(&e, h, sizeof e);
        f->type = e.e_type, f->flags = e.e_flags, f->entry = e.e_entry, f->phoff = e.e_phoff;
        f->phentsize = e.e_phentsize;
        *phnum = e.e_phnum;
        if (e.e_phentsize == sizeof(Elf32_Phdr))
            return 0;
    }
    return error_set(err, ENOEXEC, "'%s' has program headers of %u bytes, which no ELF program has", f->path, f->phentsize);
}

static void read_segment(struct elf_segment *s, const uint8_t *p, unsigned elf_class)
{
    if (elf_class == ELFCLASS64) {
        Elf64_Phdr h;

        memcpy(&h, p, sizeof h);
        *s = (struct elf_segment){ h.p_type, h.p_flags, h.p_offset, h.p_vaddr, h.p_filesz, h.p_memsz };
    } else {
        Elf32_Phdr h;

        memcpy(&h, p, sizeof h);
        *s = (struct elf_segment){ h.p_type, h.p_flags, h.p_offset, h.p_vaddr, h.p_filesz, h.p_memsz };
    }
}

static int check_segment(const struct elf_file *f, const struct elf_segment *s, struct error *err)
{
    if (s->type != PT_LOAD)
        return 0;
    if (s->filesz > s->memsz)
        return error_set(err, ENOEXEC, "'%s' has a segment larger in the file than in memory", f->path);
    if (s->offset > f->bytes || s->filesz > f->bytes - s->offset)
        return error_set(err, ENOEXEC, "'%s' is truncated: a segment ends at byte %llu of %llu", f->path,
                         (unsigned long long)(s->offset + s->filesz), (unsigned long long)f->bytes);
    if (s->vaddr + s->memsz < s->vaddr)
        return error_set(err, ENOEXEC, "'%s' has a segment that wraps around the address space", f->path);
    if ((s->vaddr ^ s->offset) & 0xfff && s->filesz)
        return error_set(err, ENOEXEC, "'%s' has a segment whose file offset and address disagree within a page", f->path);
    return 0;
}

int elf_read(struct elf_file *f, const uint8_t *head, size_t n, const struct target *t, struct error *err)
{
    uint8_t raw[ELF_PHDRS_MAX * sizeof(Elf64_Phdr)];
    unsigned phnum = 0;
    struct stat st;
    char why[96];
    int ret;

    if (n < sizeof(Elf32_Ehdr) || memcmp(head, ELFMAG, SELFMAG))
        return error_set(err, ENOEXEC, "'%s' is neither an ELF program nor a script that begins with #!", f->path);
    f->elf_class = head[EI_CLASS];
    f->machine = (uint16_t)(head[18] | head[19] << 8);
    if (head[EI_DATA] != ELFDATA2LSB)
        return error_set(err, ENOEXEC, "'%s' is a big-endian program; Rhea's guests are little-endian", f->path);
    if (f->machine != t->elf_machine || f->elf_class != t->elf_class) {
        name_machine(why, sizeof why, f->machine, f->elf_class);
        return error_set(err, ENOEXEC, "'%s' %s", f->path, why);
    }
    if (fstat(f->fd, &st) < 0)
        return error_errno(err, "cannot read '%s'", f->path);
    f->bytes = (uint64_t)st.st_size;
    ret = read_header(f, head, n, &phnum, err);
    if (ret < 0)
        return ret;
    if (f->type != ET_EXEC && f->type != ET_DYN)
        return error_set(err, ENOEXEC, "'%s' is an ELF file but not a program (type %u)", f->path, f->type);
    if (!phnum || phnum > ELF_PHDRS_MAX)
        return error_set(err, ENOEXEC, "'%s' has %u program headers; 1 to %d are possible", f->path, phnum, ELF_PHDRS_MAX);
    if (f->phoff <= n && phnum * f->phentsize <= n - f->phoff)
        memcpy(raw, head + f->phoff, phnum * f->phentsize);
    else if (pread(f->fd, raw, phnum * f->phentsize, (off_t)f->phoff) != (ssize_t)(phnum * f->phentsize))
        return error_set(err, ENOEXEC, "'%s' is truncated: its program headers are missing", f->path);
    f->nseg = phnum;
    for (unsigned i = 0; i < phnum; i++) {
        read_segment(&f->seg[i], raw + i * f->phentsize, f->elf_class);
        ret = check_segment(f, &f->seg[i], err);
        if (ret < 0)
            return ret;
    }
    return 0;
}
