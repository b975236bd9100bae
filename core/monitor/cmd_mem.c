/* Memory, registers and expressions: x, xp, print, gva2gpa, memsave, pmemsave, cpu. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/bytes.h"
#include "core/monitor/expr.h"
#include "core/monitor/hmp.h"
#include "core/vm/debug.h"
#include "core/vm/machine.h"
#include "targets/target.h"

enum { COUNT_MAX = 1 << 16, INSN_BYTES_MAX = 16 };

struct format {
    unsigned count, size;
    char kind;               /* x d u o c i s */
};

static bool reg(void *opaque, const char *name, uint64_t *value)
{
    return debug_register(opaque, name, value);
}

/* One expression; the CPU is halted. */
static int value_of(struct hmp *h, const char **args, int64_t *v)
{
    if (!**args)
        return error_set(&h->err, EINVAL, "an address is missing");
    return expr_read(args, reg, hmp_cpu(h), v, &h->err);
}

/* One expression without blanks: where a file name follows, whose / is no division. */
static int word_value_of(struct hmp *h, const char **args, int64_t *v)
{
    size_t n = strcspn(*args, " ");
    char *word = xstrndup(*args, n);
    const char *at = word;
    int ret = value_of(h, &at, v);

    if (ret == 0 && *at)
        ret = error_set(&h->err, EINVAL, "'%s' is not a number", word);
    free(word);
    *args += n + strspn(*args + n, " ");
    return ret;
}

static int nothing_left(struct hmp *h, const char *args)
{
    return *args ? error_set(&h->err, EINVAL, "'%s' is too much here", args) : 0;
}

/* `/8xw `: any part may be missing; what is not said stays as the caller set it. */
static int read_format(struct hmp *h, const char **args, struct format *f)
{
    const char *p = *args;

    if (*p != '/')
        return 0;
    p++;
    if (isdigit((unsigned char)*p)) {
        char *end;
        unsigned long n = strtoul(p, &end, 10);

        if (n > COUNT_MAX)
            return error_set(&h->err, ERANGE, "at most %d at a time", COUNT_MAX);
        f->count = n;
        p = end;
    }
    for (; *p && *p != ' '; p++) {
        static const char sizes[] = "bhwg";
        const char *size = strchr(sizes, *p);

        if (size)
            f->size = 1u << (size - sizes);
        else if (strchr("xduocis", *p))
            f->kind = *p;
        else
            return error_set(&h->err, EINVAL, "'%c' is no format (x d u o c i s) and no size (b h w g)", *p);
    }
    *args = p + strspn(p, " ");
    return 0;
}

static void print_value(FILE *to, const struct format *f, uint64_t v)
{
    static const unsigned octal_digits[] = { 0, 3, 6, 0, 11, 0, 0, 0, 22 };
    unsigned bits = f->size * 8;

    switch (f->kind) {
    case 'd': fprintf(to, "%" PRId64, sext64(v, bits)); break;
    case 'u': fprintf(to, "%" PRIu64, v); break;
    case 'o': fprintf(to, "0%0*" PRIo64, (int)octal_digits[f->size], v); break;
    case 'c': fprintf(to, isprint((int)(v & 0xff)) ? "'%c'" : "'\\x%02x'", (int)(v & 0xff)); break;
    default: fprintf(to, "0x%0*" PRIx64, (int)f->size * 2, v); break;
    }
}

static size_t get(struct hmp *h, bool physical, uint64_t addr, void *buf, size_t n)
{
    struct vcpu *v = hmp_cpu(h);

    return physical ? debug_read_physical(v->as, addr, buf, n) : debug_read(v, addr, buf, n);
}

static int cannot(struct hmp *h, bool physical, uint64_t addr)
{
    return error_set(&h->err, EFAULT, "cannot read %s memory at 0x%" PRIx64 ": nothing is mapped there, or a device is",
              physical ? "physical" : "virtual", addr);
}

static void print_insns(struct hmp *h, bool physical, unsigned count, uint64_t addr)
{
    struct vcpu *v = hmp_cpu(h);

    for (; count; count--) {
        uint8_t bytes[INSN_BYTES_MAX];
        size_t n = get(h, physical, addr, bytes, sizeof bytes);
        char text[256];
        int len = n ? v->target->disas(v->model, v->target->mode_key(v->env), addr, bytes, n, text, sizeof text) : 0;

        if (len <= 0) {
            cannot(h, physical, addr);
            return;
        }
        fprintf(h->out, "0x%016" PRIx64 ":  %s\n", addr, text);
        addr += len;
    }
}

static void print_string(struct hmp *h, bool physical, uint64_t addr)
{
    char c;

    fprintf(h->out, "%016" PRIx64 ": \"", addr);
    for (unsigned i = 0; i < COUNT_MAX && get(h, physical, addr + i, &c, 1) == 1 && c; i++)
        fprintf(h->out, isprint((unsigned char)c) && c != '"' && c != '\\' ? "%c" : "\\x%02x", (unsigned char)c);
    fprintf(h->out, "\"\n");
}

/* Rows of 16 bytes, or of 8 characters. */
static void print_cells(struct hmp *h, bool physical, const struct format *f, uint64_t addr)
{
    unsigned per_row = f->kind == 'c' ? 8 : 16 / f->size;

    for (unsigned i = 0; i < f->count; i++, addr += f->size) {
        uint8_t bytes[8];

        if (i % per_row == 0)
            fprintf(h->out, "%s%016" PRIx64 ":", i ? "\n" : "", addr);
        if (get(h, physical, addr, bytes, f->size) < f->size) {
            fputc('\n', h->out);
            cannot(h, physical, addr);
            return;
        }
        fputc(' ', h->out);
        print_value(h->out, f, load_le(bytes, f->size));
    }
    fputc('\n', h->out);
}

static void examine(struct hmp *h, const char *args, bool physical)
{
    struct format f = { 1, 4, 'x' };
    bool halted = debug_halt(h->machine);
    int64_t addr;

    if (read_format(h, &args, &f) == 0 && value_of(h, &args, &addr) == 0 && nothing_left(h, args) == 0) {
        if (f.kind == 'c')
            f.size = 1;
        if (f.kind == 'i')
            print_insns(h, physical, f.count, addr);
        else if (f.kind == 's')
            print_string(h, physical, addr);
        else if (f.count)
            print_cells(h, physical, &f, addr);
    }
    debug_go_on(h->machine, halted);
}

void hmp_x(struct hmp *h, const char *args)
{
    examine(h, args, false);
}

void hmp_xp(struct hmp *h, const char *args)
{
    examine(h, args, true);
}

void hmp_print(struct hmp *h, const char *args)
{
    struct format f = { 1, 8, 'x' };
    bool halted = debug_halt(h->machine);
    int64_t v;

    if (read_format(h, &args, &f) == 0 && value_of(h, &args, &v) == 0 && nothing_left(h, args) == 0) {
        if (f.kind == 'x')
            fprintf(h->out, "0x%" PRIx64, (uint64_t)v);
        else
            print_value(h->out, &f, v);
        fputc('\n', h->out);
    }
    debug_go_on(h->machine, halted);
}

void hmp_gva2gpa(struct hmp *h, const char *args)
{
    bool halted = debug_halt(h->machine);
    int64_t addr;
    gpa at;

    if (value_of(h, &args, &addr) == 0 && nothing_left(h, args) == 0) {
        if (debug_physical(hmp_cpu(h), addr, &at))
            fprintf(h->out, "gpa: 0x%" PRIx64 "\n", at);
        else
            fprintf(h->out, "Unmapped\n");
    }
    debug_go_on(h->machine, halted);
}

static int save(struct hmp *h, bool physical, uint64_t addr, uint64_t size, const char *path)
{
    FILE *f = fopen(path, "we");
    char page[4096];
    int ret = 0;

    if (!f)
        return error_errno(&h->err, "cannot write '%s'", path);
    while (size && !ret) {
        size_t part = MIN(size, (uint64_t)sizeof page);

        if (get(h, physical, addr, page, part) < part)
            ret = cannot(h, physical, addr);
        else if (fwrite(page, 1, part, f) < part)
            ret = error_errno(&h->err, "cannot write '%s'", path);
        addr += part;
        size -= part;
    }
    if (fclose(f) && !ret)
        ret = error_errno(&h->err, "cannot write '%s'", path);
    return ret;
}

static void save_command(struct hmp *h, const char *args, bool physical)
{
    bool halted = debug_halt(h->machine);
    int64_t addr, size;

    if (word_value_of(h, &args, &addr) == 0 && word_value_of(h, &args, &size) == 0) {
        if (!*args)
            error_set(&h->err, EINVAL, "a file name is missing");
        else
            save(h, physical, addr, size, args);
    }
    debug_go_on(h->machine, halted);
}

void hmp_memsave(struct hmp *h, const char *args)
{
    save_command(h, args, false);
}

void hmp_pmemsave(struct hmp *h, const char *args)
{
    save_command(h, args, true);
}

void hmp_choose_cpu(struct hmp *h, const char *args)
{
    int64_t n;

    if (value_of(h, &args, &n) < 0)
        return;
    if (n < 0 || n >= vcpu_count())
        error_set(&h->err, ERANGE, "there are CPUs 0 to %u", vcpu_count() - 1);
    else
        h->cpu = n;
}
