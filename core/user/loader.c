/* Starting a program: find it (scripts lead to their interpreters), map it and its dynamic linker, and lay out the first
 * stack as the kernel does (Linux, fs/binfmt_elf.c; the System V ABI's process initialisation). */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "core/opt/options.h"
#include "core/user/elf.h"
#include "core/user/user.h"

enum { PAGE = 4096, SCRIPTS_MAX = 4, STACK_DEFAULT = 8 << 20, STACK_MIN = 128 << 10, STACK_MAX32 = 64 << 20, AUX_MAX = 40 };

#define PAGE_DOWN(v) ((v) & ~(uint64_t)(PAGE - 1))
#define PAGE_UP(v) PAGE_DOWN((v) + PAGE - 1)

/* --- segments ------------------------------------------------------------------------------------------------------ */

struct image {
    uint64_t bias, entry, phdr, end, low;
    unsigned phnum;
    char interp[PATH_MAX];
    bool exec_stack;
};

enum { PF_GUARDED = 1 << 31 };                 /* beside PF_*: a segment of a file that is marked for USER_PROT_GUARDED */

static int prot_of(uint32_t flags)
{
    return (flags & PF_GUARDED && flags & PF_X ? USER_PROT_GUARDED : 0) | (flags & PF_R ? PROT_READ : 0) | (flags & PF_W ? PROT_WRITE : 0) | (flags & PF_X ? PROT_EXEC : 0);
}

static int cannot_map(const struct elf_file *f, uint64_t at, int64_t code, struct error *err)
{
    return error_set(err, (int)-code, "cannot map '%s' at 0x%llx: %s", f->path, (unsigned long long)at,
                     code == -EEXIST || code == -EPERM ? "the address is taken; -B moves the guest" : strerror((int)-code));
}

/* The part of the last file page behind the data, and the pages after it, are zero. */
static int64_t map_zeros(uint64_t data_end, uint64_t end, int prot, bool over)
{
    static const uint8_t zeros[PAGE];
    uint64_t page = PAGE_UP(data_end);
    int64_t ret = 0;

    if (prot & PROT_WRITE && data_end < page)
        ret = user_write(data_end, zeros, page - data_end);
    if (!ret && PAGE_UP(end) > page)
        ret = user_mmap(page, PAGE_UP(end) - page, prot,
                        MAP_PRIVATE | MAP_ANONYMOUS | (over ? MAP_FIXED : MAP_FIXED_NOREPLACE), -1, 0);
    return ret < 0 ? ret : 0;
}

static int map_segment(const struct elf_file *f, const struct elf_segment *s, uint64_t bias, bool over, struct error *err)
{
    uint64_t at = PAGE_DOWN(s->vaddr + bias), data_end = s->vaddr + bias + s->filesz, end = s->vaddr + bias + s->memsz;
    int fixed = over ? MAP_FIXED : MAP_FIXED_NOREPLACE;
    int64_t ret = 0;

    if (!s->memsz)
        return 0;
    if (!s->filesz) {
        ret = user_mmap(at, PAGE_UP(end) - at, prot_of(s->flags), MAP_PRIVATE | MAP_ANONYMOUS | fixed, -1, 0);
        return ret < 0 ? cannot_map(f, at, ret, err) : 0;
    }
    ret = user_mmap(at, PAGE_UP(data_end) - at, prot_of(s->flags), MAP_PRIVATE | fixed, f->fd, (int64_t)PAGE_DOWN(s->offset));
    if (ret >= 0 && end > data_end)
        ret = map_zeros(data_end, end, prot_of(s->flags), over);
    return ret < 0 ? cannot_map(f, at, ret, err) : 0;
}

static void span_of(const struct elf_file *f, uint64_t *low, uint64_t *high)
{
    *low = UINT64_MAX;
    *high = 0;
    for (unsigned i = 0; i < f->nseg; i++)
        if (f->seg[i].type == PT_LOAD) {
            *low = MIN(*low, PAGE_DOWN(f->seg[i].vaddr));
            *high = MAX(*high, f->seg[i].vaddr + f->seg[i].memsz);
        }
}

static int read_interp(const struct elf_file *f, const struct elf_segment *s, struct image *im, struct error *err)
{
    if (s->filesz < 2 || s->filesz >= sizeof im->interp ||
        pread(f->fd, im->interp, s->filesz, (off_t)s->offset) != (ssize_t)s->filesz || im->interp[s->filesz - 1])
        return error_set(err, ENOEXEC, "'%s' has a damaged PT_INTERP", f->path);
    return 0;
}

/* AArch64: the property that says that every target of a branch is marked, of what the kernel maps and starts: a static program
 * or the dynamic linker, which sees to the rest. Linux, arch/arm64/kernel/process.c, arch_parse_elf_property. */
static bool is_marked(const struct elf_file *f)
{
    enum { PROPERTY = 0x6474e553, NOTE_HEAD = 16, FEATURE_1_AND = (int)0xc0000000, BTI = 1 };
    uint32_t note[64];
    ssize_t n = 0;

    for (unsigned i = 0; i < f->nseg; i++)
        if (f->seg[i].type == PT_INTERP)
            return false;
    for (unsigned i = 0; i < f->nseg && f->machine == EM_AARCH64; i++)
        if (f->seg[i].type == PROPERTY)
            n = pread(f->fd, note, MIN(f->seg[i].filesz, sizeof note), (off_t)f->seg[i].offset);
    for (ssize_t k = NOTE_HEAD / 4; 4 * (k + 3) <= n && note[k + 1] <= sizeof note; k += 2 + (ssize_t)(note[k + 1] + 7) / 8 * 2)
        if (note[k] == (uint32_t)FEATURE_1_AND)
            return note[k + 2] & BTI;
    return false;
}

/* Maps a program or its dynamic linker; @hint is where position-independent code goes (0: anywhere). */
static int map_image(const struct elf_file *f, uint64_t hint, struct image *im, struct error *err)
{
    uint64_t low, high;
    bool dyn = f->type == ET_DYN, marked;
    int ret;

    memset(im, 0, offsetof(struct image, interp));
    im->interp[0] = 0;
    im->exec_stack = false;
    span_of(f, &low, &high);
    if (low >= high)
        return error_set(err, ENOEXEC, "'%s' has nothing to load", f->path);
    if (!user_range(low, high - low) || high > user_limit - PAGE)
        return error_set(err, ENOEXEC, "'%s' wants addresses up to 0x%llx, beyond the guest's address space", f->path,
                         (unsigned long long)high);
    if (dyn) {
        int64_t at = user_mmap(hint, PAGE_UP(high) - low, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        if (at < 0)
            return cannot_map(f, hint, at, err);
        im->bias = (uint64_t)at - low;
    }
    marked = is_marked(f);
    for (unsigned i = 0; i < f->nseg; i++) {
        const struct elf_segment *s = &f->seg[i];
        struct elf_segment guarded = *s;

        ret = 0;
        if (marked)
            guarded.flags |= PF_GUARDED;
        if (s->type == PT_LOAD)
            ret = map_segment(f, &guarded, im->bias, dyn, err);
        else if (s->type == PT_INTERP)
            ret = read_interp(f, s, im, err);
        else if (s->type == PT_GNU_STACK)
            im->exec_stack = s->flags & PF_X;
        if (ret < 0)
            return ret;
        if (s->type == PT_LOAD && f->phoff >= s->offset && f->phoff < s->offset + s->filesz)
            im->phdr = f->phoff - s->offset + s->vaddr + im->bias;
    }
    im->phnum = f->nseg;
    im->entry = f->entry + im->bias;
    im->end = high + im->bias;
    im->low = low + im->bias;
    return 0;
}

/* --- finding the program ------------------------------------------------------------------------------------------- */

/* What is started: scripts have been followed to their interpreter. */
struct program {
    struct elf_file elf;
    char path[PATH_MAX];
    char **argv;
    int argc;
};

/* @fd: the file as the kernel opened it, -1: by its path. */
static int open_file(const char *guest_path, int fd, char *path, uint8_t *head, size_t *n, struct error *err)
{
    char buf[PATH_MAX];
    struct stat st;
    ssize_t got;

    if (strlen(guest_path) >= sizeof buf)
        return error_set(err, ENAMETOOLONG, "cannot open program: its path is too long");
    strcpy(path, fd >= 0 ? guest_path : user_path(guest_path, buf, sizeof buf));
    if (fd < 0)
        fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, "cannot open program '%s'", path);
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return error_set(err, EACCES, "cannot run '%s': it is not a file", path);
    }
    got = pread(fd, head, ELF_HEAD_BYTES, 0);
    if (got < 0) {
        int ret = error_errno(err, "cannot read program '%s'", path);

        close(fd);
        return ret;
    }
    *n = (size_t)got;
    return fd;
}

/* "#! interpreter argument": the new argument list is interpreter, argument, path, and the rest of the old one. */
static int follow_script(struct program *p, const char *path, uint8_t *head, size_t n, struct error *err)
{
    char *line = (char *)head + 2, *end, *interp, *arg, **argv;
    int k = 0;

    head[MIN(n, (size_t)ELF_HEAD_BYTES - 1)] = 0;
    end = strchr(line, '\n');
    if (end)
        *end = 0;
    interp = line + strspn(line, " \t");
    arg = interp + strcspn(interp, " \t\r");
    if (*arg)
        *arg++ = 0;
    arg += strspn(arg, " \t");
    for (size_t len = strlen(arg); len && strchr(" \t\r", arg[len - 1]); )
        arg[--len] = 0;
    if (!*interp)
        return error_set(err, ENOEXEC, "script '%s' names no interpreter in its first line", path);
    argv = NEW_ARRAY(char *, (size_t)p->argc + 4);
    argv[k++] = xstrdup(interp);
    if (*arg)
        argv[k++] = xstrdup(arg);
    argv[k++] = xstrdup(path);
    for (int i = 1; i < p->argc; i++)
        argv[k++] = p->argv[i];
    p->argv = argv;
    p->argc = k;
    return 0;
}

static int find_program(struct program *p, const char *path, struct error *err)
{
    uint8_t head[ELF_HEAD_BYTES];
    size_t n;

    for (unsigned depth = 0; ; depth++) {
        int fd = open_file(path, depth ? -1 : user_proc.options->exec_fd, p->path, head, &n, err), ret;

        if (fd < 0)
            return fd;
        if (n < 2 || head[0] != '#' || head[1] != '!') {
            p->elf.path = p->path;
            p->elf.fd = fd;
            ret = elf_read(&p->elf, head, n, user_proc.target, err);
            if (ret < 0) {
                close(fd);
                if (depth)
                    error_append(err, "; it is the interpreter of a script, which can be run directly");
            }
            return ret;
        }
        close(fd);
        if (depth == SCRIPTS_MAX)
            return error_set(err, ELOOP, "script '%s' has an interpreter that is a script, and so on", path);
        ret = follow_script(p, path, head, n, err);
        if (ret < 0)
            return ret;
        path = p->argv[0];
    }
}

static int map_interp(const char *name, struct image *im, struct error *err)
{
    struct elf_file *f = NEW(struct elf_file);
    uint8_t head[ELF_HEAD_BYTES];
    char path[PATH_MAX];
    size_t n;
    int ret;

    f->fd = open_file(name, -1, path, head, &n, NULL);
    if (f->fd < 0) {
        ret = error_set(err, -f->fd, "cannot open '%s', the program's dynamic linker: %s; -L DIR says where the guest's "
                        "libraries are%s%s", name, strerror(-f->fd), user_proc.sysroot ? ", it is now " : "",
                        user_proc.sysroot ? user_proc.sysroot : "");
        free(f);
        return ret;
    }
    f->path = path;
    ret = elf_read(f, head, n, user_proc.target, err);
    if (!ret)
        ret = map_image(f, 0, im, err);
    close(f->fd);
    free(f);
    return ret;
}

/* --- the first stack ----------------------------------------------------------------------------------------------- */

struct aux { uint64_t key, value; };

/* Grows down. Our own fresh mapping: written directly. */
static uint64_t push(uint64_t *sp, const void *data, size_t n)
{
    *sp -= n;
    memcpy(user_host(*sp), data, n);
    return *sp;
}

static void put_word(uint64_t *at, uint64_t v)
{
    if (user_proc.target->bits == 64) {
        memcpy(user_host(*at), &v, 8);
        *at += 8;
    } else {
        uint32_t w = (uint32_t)v;

        memcpy(user_host(*at), &w, 4);
        *at += 4;
    }
}

static size_t strings_bytes(char **list, int *count)
{
    size_t n = 0;

    for (*count = 0; list[*count]; ++*count)
        n += strlen(list[*count]) + 1;
    return n;
}

static int map_stack(bool exec, size_t strings, struct error *err)
{
    uint64_t bytes = user_proc.options->stack_bytes;
    int64_t ret;

    if (!bytes) {
        bytes = user_limits_stack();
        bytes = bytes == UINT64_MAX ? (uint64_t)STACK_DEFAULT : MIN(bytes, UINT64_C(1) << 30);
    }
    if (user_proc.target->bits == 32)
        bytes = MIN(bytes, (uint64_t)STACK_MAX32);
    bytes = PAGE_UP(MAX(bytes, (uint64_t)STACK_MIN) + strings);
    ret = user_mmap(user_proc.places.stack_top - bytes, bytes, PROT_READ | PROT_WRITE | (exec ? PROT_EXEC : 0),
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (ret < 0)
        return error_set(err, (int)-ret, "cannot map the guest's stack of %llu KiB: %s", (unsigned long long)bytes >> 10,
                         ret == -EEXIST ? "the address is taken; -B moves the guest" : strerror((int)-ret));
    user_proc.stack_low = (uint64_t)ret;
    user_proc.stack_top = (uint64_t)ret + bytes;
    user_map_mark((uint64_t)ret, bytes, USER_MAP_STACK);
    return 0;
}

static unsigned fill_auxv(struct aux *v, const struct image *im, const struct image *interp, uint64_t random,
                          uint64_t execfn, uint64_t platform)
{
    uint64_t hwcap2 = 0, hwcap = user_proc.abi->hwcap(user_proc.model, &hwcap2);
    unsigned n = 0;

    if (user_proc.vdso)
        v[n++] = (struct aux){ AT_SYSINFO_EHDR, user_proc.vdso };
    v[n++] = (struct aux){ AT_HWCAP, hwcap };
    v[n++] = (struct aux){ AT_PAGESZ, PAGE };
    v[n++] = (struct aux){ AT_CLKTCK, (uint64_t)sysconf(_SC_CLK_TCK) };
    v[n++] = (struct aux){ AT_PHDR, im->phdr };
    v[n++] = (struct aux){ AT_PHENT, user_proc.target->bits == 64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr) };
    v[n++] = (struct aux){ AT_PHNUM, im->phnum };
    v[n++] = (struct aux){ AT_BASE, interp ? interp->bias : 0 };
    v[n++] = (struct aux){ AT_FLAGS, 0 };
    v[n++] = (struct aux){ AT_ENTRY, im->entry };
    v[n++] = (struct aux){ AT_UID, getuid() };
    v[n++] = (struct aux){ AT_EUID, geteuid() };
    v[n++] = (struct aux){ AT_GID, getgid() };
    v[n++] = (struct aux){ AT_EGID, getegid() };
    v[n++] = (struct aux){ AT_SECURE, getauxval(AT_SECURE) };
    v[n++] = (struct aux){ AT_RANDOM, random };
    if (hwcap2)
        v[n++] = (struct aux){ AT_HWCAP2, hwcap2 };
    v[n++] = (struct aux){ AT_EXECFN, execfn };
    if (platform)
        v[n++] = (struct aux){ AT_PLATFORM, platform };
    if (user_proc.abi->minsigstksz)
        v[n++] = (struct aux){ AT_MINSIGSTKSZ, user_proc.abi->minsigstksz };
    v[n++] = (struct aux){ AT_NULL, 0 };
    return n;
}

/* Pointers to @count strings that lie one after the other from @at; returns the address behind them. */
static uint64_t put_pointers(uint64_t *to, char **list, int count, uint64_t at)
{
    for (int i = 0; i < count; i++) {
        size_t n = strlen(list[i]) + 1;

        memcpy(user_host(at), list[i], n);
        put_word(to, at);
        at += n;
    }
    put_word(to, 0);
    return at;
}

/* @execfn_path: the file as it was named to execve: a script's own path, and nothing of the sysroot. */
static int build_stack(const struct program *p, const char *execfn_path, char **envp, const struct image *im,
                       const struct image *interp, uint64_t *out_sp, struct error *err)
{
    struct aux aux[AUX_MAX];
    unsigned naux, word = user_proc.target->bits / 8u;
    uint64_t sp, random, execfn, platform = 0, at;
    int argc, envc, ret;
    size_t strings = strings_bytes(p->argv, &argc), env_strings = strings_bytes(envp, &envc);

    ret = map_stack(im->exec_stack, strings + env_strings + ((size_t)argc + (size_t)envc) * word, err);
    if (ret < 0)
        return ret;
    sp = user_proc.stack_top - word;
    execfn = push(&sp, execfn_path, strlen(execfn_path) + 1);
    sp -= strings + env_strings;
    user_proc.arg_start = sp;
    user_proc.arg_end = sp + strings;
    user_proc.env_end = sp + strings + env_strings;
    if (user_proc.abi->platform)
        platform = push(&sp, user_proc.abi->platform, strlen(user_proc.abi->platform) + 1);
    sp = (sp - user_proc.places.stack_gap) & ~UINT64_C(15);
    random = push(&sp, user_proc.places.random, sizeof user_proc.places.random);
    naux = fill_auxv(aux, im, interp, random, execfn, platform);
    sp = (sp - (uint64_t)word * (1 + (unsigned)argc + 1 + (unsigned)envc + 1 + 2 * naux)) & ~UINT64_C(15);
    *out_sp = user_proc.sp_start = at = sp;
    put_word(&at, (uint64_t)argc);
    put_pointers(&at, p->argv, argc, user_proc.arg_start);
    put_pointers(&at, envp, envc, user_proc.arg_end);
    user_proc.auxv_bytes = (size_t)naux * 2 * word;
    for (unsigned i = 0; i < naux; i++) {
        put_word(&at, aux[i].key);
        put_word(&at, aux[i].value);
    }
    user_proc.auxv = xmemdup(user_host(at - user_proc.auxv_bytes), user_proc.auxv_bytes);
    return 0;
}

/* The vDSO; without one, a page with the code that a signal handler returns to. */
static int map_vdso(struct error *err)
{
    const struct target_user *abi = user_proc.abi;
    const struct target_vdso *v = abi->vdso && (!abi->vdso_ok || abi->vdso_ok(user_proc.model)) ? abi->vdso : NULL;
    size_t bytes = PAGE_UP(v ? v->length : sizeof abi->sigreturn_code);
    int64_t at = user_mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (at < 0)
        return error_set(err, (int)-at, "cannot map the guest's vDSO: %s", strerror((int)-at));
    if (v)
        memcpy(user_host((uint64_t)at), v->bytes, v->length);
    else
        memcpy(user_host((uint64_t)at), abi->sigreturn_code, sizeof abi->sigreturn_code);
    user_mprotect((uint64_t)at, bytes, PROT_READ | PROT_EXEC);
    user_map_mark((uint64_t)at, bytes, USER_MAP_VDSO);
    user_proc.vdso = v ? (uint64_t)at : 0;
    user_proc.sigreturn = (uint64_t)at + (v ? v->sigreturn : 0);
    return 0;
}

/* Code at an address that programs know (ARM's kernel helpers). */
static int map_fixed_page(struct error *err)
{
    const struct target_user *abi = user_proc.abi;
    int64_t at;

    if (!abi->fixed_page)
        return 0;
    at = user_mmap(abi->fixed_page, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (at < 0)
        return error_set(err, (int)-at, "cannot map the page of kernel helpers at 0x%x: %s", abi->fixed_page,
                         strerror((int)-at));
    /* at the page's end: the helpers' addresses count down from there */
    memcpy(user_host((uint64_t)at + PAGE - abi->fixed_bytes), abi->fixed_code, abi->fixed_bytes);
    user_mprotect((uint64_t)at, PAGE, PROT_READ | PROT_EXEC);
    user_map_mark((uint64_t)at, PAGE, USER_MAP_VECTORS);
    return 0;
}

int user_load(int argc, char **argv, char **envp, const char *path, struct user_start *out, struct error *err)
{
    struct program *p = NEW(struct program);
    struct image *im = NEW(struct image), *interp = NULL;
    char real[PATH_MAX];
    int ret;

    p->argv = argv;
    p->argc = argc;
    ret = find_program(p, path, err);
    if (!ret && user_proc.abi->elf_ok && !user_proc.abi->elf_ok(p->elf.flags, user_proc.model, err))
        ret = -ENOEXEC;
    if (!ret)
        ret = map_image(&p->elf, user_proc.places.pie, im, err);
    if (!ret && im->interp[0]) {
        interp = NEW(struct image);
        ret = map_interp(im->interp, interp, err);
    }
    if (!ret)
        ret = map_vdso(err);
    if (!ret)
        ret = map_fixed_page(err);
    if (!ret)
        ret = build_stack(p, path, envp, im, interp, &out->sp, err);
    if (!ret) {
        out->entry = interp ? interp->entry : im->entry;
        user_brk_init(PAGE_UP(im->end) + user_proc.places.heap_gap);
        user_proc.code_start = im->low;
        user_proc.code_end = im->end;
        user_proc.exe = xstrdup(realpath(p->path, real) ? real : p->path);
        close(p->elf.fd);
        if (log_on(LOG_PAGE))
            log_printf("program %s: entry 0x%llx, brk 0x%llx, sp 0x%llx\n", p->path, (unsigned long long)out->entry,
                       (unsigned long long)im->end, (unsigned long long)out->sp);
    }
    free(interp);
    free(im);
    free(p);
    return ret;
}
