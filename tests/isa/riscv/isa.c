/* tests/isa/riscv/isa.c - every instruction of the tables, three ways, against each other and against a record.
 *
 *   isa-riscv [-m rv32] [-v] [-i NAME] [-n CASES] [-s SEED] [-r STREAMS]      run
 *   isa-riscv --record QEMU DIR    write DIR/NAME.txt from what QEMU (qemu-riscv64 -cpu max) says
 *   isa-riscv --show NAME K        print a case
 *
 * The interpreter, cold blocks and hot regions run in a process each, on the same cases: single instructions, then the
 * same in a loop until it is a region, then streams of random ones. All end states must be equal; single instructions
 * must also end as the record says. Coverage: every line of the tables, instructions and CSRs, has run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "targets/riscv/csr.h"
#include "targets/riscv/model.h"
#include "targets/riscv/target.h"
#include "tests/isa/riscv/gen.h"
#include "tests/isa/riscv/run.h"

enum { LOOPS = 40, STREAM_INSNS = 12 };

enum kind {
    SINGLE,                                    /* one instruction, compared with the record too */
    LOOP,                                      /* the same until it is a region */
    STREAM,                                    /* random ones in a loop */
    INTERRUPTED,                               /* the same under a storm of interrupts */
    REWRITE,                                   /* a loop that changes its own code */
    ANY,                                       /* any bits, in user mode */
    OFF,                                       /* with its feature off: illegal, and mtval has its bits */
    SYSTEM,                                    /* privileged ones, in each mode */
    CSR,                                       /* each CSR written and read, in each mode */
};
struct item { enum kind kind; const struct insn_desc *d; unsigned k; uint64_t seed; const struct riscv_model *m; };

static const char *const ways[] = { "tcg,backend=interp", "tcg,tier=cold", "tcg,tier=hot" };
enum { WAYS = 3 };

static struct { bool verbose; const char *only; unsigned cases, streams; uint64_t seed; } opt = { .cases = 24, .streams = 200 };
static const struct riscv_model *model;
static const void *(*parse)(const char *spec, bool system, struct error *err) = riscv64_parse_cpu;

static void make_case(const struct item *it, struct isa_case *c, struct isa_setup *how)
{
    *how = (struct isa_setup){ .model = it->m };
    switch (it->kind) {
    case STREAM:
        gen_stream(model, it->seed, STREAM_INSNS, LOOPS, false, c);
        break;
    case INTERRUPTED:
        how->interrupted = true;
        gen_stream(model, it->seed, STREAM_INSNS, 50 * LOOPS, true, c);
        break;
    case ANY:
        how->priv = 3;
        gen_any(it->seed, c);
        break;
    case REWRITE:
        how->rewrites = true;
        gen_rewrite(model, it->seed, LOOPS, c);
        break;
    case CSR:
        how->priv = it->k % 3 + (it->k % 3 == 2);  /* M, S, U */
        gen_csr((unsigned)it->seed, it->k, c);
        break;
    case SYSTEM:
        how->priv = it->k % 3 + (it->k % 3 == 2);
        how->returns_to = 8;
        gen_case(it->d, it->k, 0, c);
        break;
    default:
        gen_case(it->d, it->k, it->kind == LOOP ? LOOPS : 0, c);
    }
}

/* --- the list of cases ---------------------------------------------------------------------------------------------------------- */

static struct item *items;
static unsigned nitems;

static void add_item(struct item it)
{
    items = xreallocarray(items, nitems + 1, sizeof *items);
    items[nitems++] = it;
}

static bool can_loop(const struct insn_desc *d)
{
    return gen_recordable(d) && !strstr("jal jalr beq bne blt bge bltu bgeu c_j c_jal c_jr c_jalr c_beqz c_bnez", d->name);
}

/* The model without some feature that the instruction needs, or NULL. */
static const struct riscv_model *without(const struct insn_desc *d)
{
    static struct { const char *name; const struct riscv_model *m; } made[RV_NFEATURES] = {
#define FEATURE(name, on, isa, help) { #name, NULL },
#include "targets/riscv/features.def"
#undef FEATURE
    };

    for (unsigned f = 2; f < RV_NFEATURES; f++) {
        if (f == RV_F_s || f == RV_F_u || f == RV_F_pmp || f == RV_F_zicsr)   /* the handler needs them */
            continue;
        if (!made[f].m) {
            char *spec = xasprintf("max,%s=off", made[f].name);

            made[f].m = parse(spec, true, NULL);
            free(spec);
        }
        if (!gen_has(made[f].m, d))
            return made[f].m;
    }
    return NULL;
}

/* Case 0 of it is another instruction there (zext.h without Zbb is packw). */
static bool stands_for_another(const struct insn_desc *d, const struct riscv_model *m)
{
    struct isa_case c;
    uint64_t raw = 0;

    gen_case(d, 0, 0, &c);
    memcpy(&raw, c.code, d->bits / 8);
    for (unsigned i = 0; i < rv_ninsns; i++)
        if (rv_insns[i].bits == d->bits && (raw & rv_insns[i].mask) == rv_insns[i].value && gen_has(m, &rv_insns[i]))
            return true;
    return false;
}

static void list_insn(const struct insn_desc *d)
{
    const struct riscv_model *off = without(d);

    if (!gen_recordable(d)) {
        for (unsigned k = 0; k < 9; k++)
            add_item((struct item){ SYSTEM, d, k, 0, model });
    } else {
        for (unsigned k = 0; k < opt.cases; k++) {
            add_item((struct item){ SINGLE, d, k, 0, model });
            if (can_loop(d) && k < opt.cases / 2)
                add_item((struct item){ LOOP, d, k, 0, model });
        }
    }
    if (off && !stands_for_another(d, off))
        add_item((struct item){ OFF, d, 0, 0, off });
}

static void list_items(void)
{
    for (unsigned i = 0; i < rv_ninsns; i++)
        if ((!opt.only || !strcmp(opt.only, rv_insns[i].name)) && gen_has(model, &rv_insns[i]))
            list_insn(&rv_insns[i]);
    if (opt.only)
        return;
    for (unsigned n = 0; n < RV_CSRS; n++)
        for (unsigned k = 0; k < 12 && riscv_csr_find(model, n); k++)
            add_item((struct item){ CSR, NULL, k, n, model });
    for (unsigned i = 0; i < opt.streams; i++) {
        add_item((struct item){ STREAM, NULL, i, opt.seed + i, model });
        for (unsigned k = 0; k < 16; k++)
            add_item((struct item){ ANY, NULL, k, (opt.seed + i) * 16 + k, model });
        if (i % 4 == 0)
            add_item((struct item){ INTERRUPTED, NULL, i, opt.seed + i, model });
        if (i % 4 == 1)
            add_item((struct item){ REWRITE, NULL, i, opt.seed + i, model });
    }
}

/* --- the record -------------------------------------------------------------------------------------------------------------------- */

/* A line: k, the instruction's bytes, then what changed: xN=, fN=, fcsr=, pc=, @OFFSET=BYTES. */
static void format_change(struct str *s, const struct isa_state *in, const struct isa_state *out, unsigned straight)
{
    for (unsigned i = 1; i < 30; i++)
        if (in->x[i] != out->x[i])
            str_addf(s, " x%u=%llx", i, (unsigned long long)out->x[i]);
    for (unsigned i = 0; i < 32; i++)
        if (in->f[i] != out->f[i])
            str_addf(s, " f%u=%llx", i, (unsigned long long)out->f[i]);
    if (in->fcsr != out->fcsr)
        str_addf(s, " fcsr=%llx", (unsigned long long)out->fcsr);
    if (out->pc != straight)
        str_addf(s, " pc=%lld", (long long)(int64_t)out->pc);
    for (unsigned i = 0; i < DATA_BYTES; i++)
        if (in->data[i] != out->data[i]) {
            str_addf(s, " @%u=", i);
            for (unsigned end = i + 1; i < end; i++) {
                str_addf(s, "%02x", out->data[i]);
                if (i + 1 < DATA_BYTES && in->data[i + 1] != out->data[i + 1])
                    end++;
            }
        }
}

static char *record_line(const struct isa_case *c, unsigned k, const struct isa_state *out)
{
    struct str s = STR_INIT;

    str_addf(&s, "%u ", k);
    for (unsigned i = 0; i < c->code_bytes; i++)
        str_addf(&s, "%02x", c->code[i]);
    format_change(&s, &c->in, out, c->code_bytes);
    return str_take(&s);
}

static char *record_path(const char *dir, const struct insn_desc *d)
{
    return xasprintf("%s/%s.txt", dir, d->name);
}

static int record(const char *qemu, const char *dir)
{
    for (unsigned i = 0; i < rv_ninsns; i++) {
        const struct insn_desc *d = &rv_insns[i];
        char *path = record_path(dir, d), *raw = xasprintf("%s/.out", dir);
        char *cmd = xasprintf("timeout 10 %s > %s", qemu, raw);
        struct isa_state out;
        struct isa_case c;
        FILE *p, *f;

        if (!gen_has(model, d) || !gen_recordable(d) || (opt.only && strcmp(opt.only, d->name)))
            continue;
        p = popen(cmd, "w");
        for (unsigned k = 0; p && k < opt.cases; k++) {
            gen_case(d, k, 0, &c);
            if (fwrite(&c, sizeof c, 1, p) != 1)
                break;
        }
        if (!p || pclose(p) != 0)
            printf("%s: the emulator does not know it\n", d->name);
        p = fopen(raw, "r");
        f = fopen(path, "w");
        if (!p || !f) {
            perror(path);
            return 1;
        }
        for (unsigned k = 0; k < opt.cases && fread(&out, sizeof out, 1, p) == 1; k++) {
            gen_case(d, k, 0, &c);
            fprintf(f, "%s\n", record_line(&c, k, &out));
        }
        fclose(p);
        if (!ftell(f))
            unlink(path);
        fclose(f);
        unlink(raw);
        free(path);
        free(raw);
        free(cmd);
    }
    return 0;
}

/* --- running and comparing ----------------------------------------------------------------------------------------------------------- */

static struct isa_result *run_all(unsigned way)
{
    struct isa_result *r = mmap(NULL, (nitems + 1) * sizeof *r, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid;

    if (r == MAP_FAILED) {
        perror("mmap");
        exit(2);
    }
    fflush(NULL);
    pid = fork();
    if (!pid) {
        struct isa_setup how;
        struct isa_case c;

        run_start(model, ways[way]);
        for (unsigned i = 0; i < nitems; i++) {
            make_case(&items[i], &c, &how);
            alarm(10);                         /* a case that never ends is named by finish() */
            run_case(&c, &how, &r[i]);
        }
        _exit(0);
    }
    r[nitems].ran = (uint32_t)pid;
    return r;
}

static const char *item_name(const struct item *it)
{
    static char buf[64];

    static const char *const random[] = { [STREAM] = "stream", [INTERRUPTED] = "interrupted stream",
                                          [REWRITE] = "rewritten loop", [ANY] = "any bits" };

    if (it->kind == STREAM || it->kind == INTERRUPTED || it->kind == REWRITE || it->kind == ANY)
        snprintf(buf, sizeof buf, "%s seed %llu", random[it->kind], (unsigned long long)it->seed);
    else if (it->kind == CSR)
        snprintf(buf, sizeof buf, "csr %#x (%s) case %u", (unsigned)it->seed, riscv_csr_find(it->m, (unsigned)it->seed)->name, it->k);
    else
        snprintf(buf, sizeof buf, "%s case %u%s", it->d->name, it->k, it->kind == LOOP ? " in a loop" : it->kind == OFF ?
                 " with its feature off" : "");
    return buf;
}

static void show_code(const struct isa_case *c)
{
    char text[128];
    int n;

    for (unsigned i = 0; i < c->code_bytes; i += (unsigned)n) {
        n = riscv_disas(model, 0, CODE_AT + i, c->code + i, c->code_bytes - i, text, sizeof text);
        if (n <= 0)
            break;
        printf("      %s\n", text);
    }
}

static void show_inputs(const struct isa_case *c)
{
    for (unsigned i = 1; i < 30; i++)
        printf("%s x%-2u=%016llx", (i - 1) % 5 ? "" : "\n     ", i, (unsigned long long)c->in.x[i]);
    for (unsigned i = 0; i < 32; i++)
        printf("%s f%-2u=%016llx", i % 5 ? "" : "\n     ", i, (unsigned long long)c->in.f[i]);
    printf("\n      fcsr=%llx\n", (unsigned long long)c->in.fcsr);
}

static void show_difference(const struct item *it, const char *a_name, const struct isa_state *a, const char *b_name,
                            const struct isa_state *b)
{
    struct str s = STR_INIT, t = STR_INIT;
    struct isa_setup how;
    struct isa_case c;

    make_case(it, &c, &how);
    printf("  %s\n", item_name(it));
    show_code(&c);
    format_change(&s, &c.in, a, c.code_bytes);
    format_change(&t, &c.in, b, c.code_bytes);
    printf("    %-8s%s\n    %-8s%s\n", a_name, s.text ? s.text : " no change", b_name, t.text ? t.text : " no change");
    if (opt.verbose)
        show_inputs(&c);
    str_free(&s);
    str_free(&t);
}

/* Lines of the record that name this case; NULL if there is no record. */
static char *recorded(const char *dir, const struct insn_desc *d, unsigned k)
{
    char *path = record_path(dir, d), *line = NULL;
    FILE *f = fopen(path, "r");
    size_t room = 0;
    unsigned n = 0;

    free(path);
    while (f && getline(&line, &room, f) > 0)
        if (n++ == k) {
            line[strcspn(line, "\n")] = 0;
            fclose(f);
            return line;
        }
    if (f)
        fclose(f);
    free(line);
    return NULL;
}

static unsigned against_record(const char *dir, const struct isa_result *r, unsigned *no_record)
{
    unsigned failed = 0;

    for (unsigned i = 0; i < nitems; i++) {
        char *want, *have;
        struct isa_setup how;
        struct isa_case c;

        if (items[i].kind != SINGLE || !r[i].ran)
            continue;
        want = recorded(dir, items[i].d, items[i].k);
        if (!want) {
            if (items[i].k == 0)
                printf("  %s: no record; tests/isa/riscv/golden makes it\n", items[i].d->name);
            *no_record += items[i].k == 0;
            continue;
        }
        make_case(&items[i], &c, &how);
        have = record_line(&c, items[i].k, &r[i].s);
        if (strcmp(want, have)) {
            if (failed++ < 40 || opt.only) {
                printf("  %s\n", item_name(&items[i]));
                show_code(&c);
                printf("    recorded %s\n    here     %s  (cause %u)\n", want, have, r[i].cause);
                if (opt.verbose)
                    show_inputs(&c);
            }
        }
        free(want);
        free(have);
    }
    return failed;
}

/* What is switched off is illegal, and mtval says what it was. */
static unsigned switched_off(const struct isa_result *r)
{
    unsigned failed = 0;

    for (unsigned i = 0; i < nitems; i++) {
        struct isa_setup how;
        struct isa_case c;
        uint64_t raw = 0;

        if (items[i].kind != OFF)
            continue;
        make_case(&items[i], &c, &how);
        memcpy(&raw, c.code, items[i].d->bits / 8);
        if (r[i].cause == 2 && r[i].tval == raw && r[i].s.pc == 0)
            continue;
        printf("  %s: cause %u, mtval %#llx instead of an illegal instruction with %#llx\n", item_name(&items[i]), r[i].cause,
               (unsigned long long)r[i].tval, (unsigned long long)raw);
        failed++;
    }
    return failed;
}

static unsigned against_each_other(struct isa_result *const r[WAYS])
{
    static const char *const names[WAYS] = { "interp", "cold", "hot" };
    unsigned failed = 0;

    for (unsigned i = 0; i < nitems; i++)
        for (unsigned w = 1; w < WAYS; w++) {
            if (!memcmp(&r[0][i], &r[w][i], sizeof r[0][i]))
                continue;
            if (failed++ < 40 || opt.only) {
                if (!r[w][i].ran || !r[0][i].ran)
                    printf("  %s: did not run (%s)\n", item_name(&items[i]), r[0][i].ran ? names[w] : names[0]);
                else
                    show_difference(&items[i], names[0], &r[0][i].s, names[w], &r[w][i].s);
                if (r[0][i].cause != r[w][i].cause)
                    printf("    causes %u, %u\n", r[0][i].cause, r[w][i].cause);
            }
            break;
        }
    return failed;
}

static unsigned finish(struct isa_result *r, unsigned way)
{
    struct isa_setup how;
    struct isa_case c;
    int status;

    waitpid((pid_t)r[nitems].ran, &status, 0);
    if (WIFEXITED(status) && !WEXITSTATUS(status))
        return 0;
    for (unsigned i = 0; i < nitems; i++)
        if (!r[i].ran) {
            printf("  %s: %s died of %s %d at %s\n", "isa-riscv", ways[way], WIFSIGNALED(status) ? "signal" : "status",
                   WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), item_name(&items[i]));
            make_case(&items[i], &c, &how);
            show_code(&c);
            break;
        }
    return 1;
}

/* Lines of the tables that no model has would never run. */
static unsigned uncovered(void)
{
    static const struct { const char *name; unsigned number, count; } csrs[] = {
#define STORAGE(number, name, ...) { #name, number, 1 },
#define WORD(number, name, ...) { #name, number, 1 },
#define CSR(number, name, ...) { #name, number, 1 },
#define RANGE(number, count, name, ...) { #name, number, count },
#include "targets/riscv/csr.def"
#undef STORAGE
#undef WORD
#undef CSR
#undef RANGE
    };
    const struct riscv_model *m32 = riscv32_parse_cpu("max", true, NULL), *m64 = riscv64_parse_cpu("max", true, NULL);
    unsigned n = 0;

    for (unsigned i = 0; i < sizeof csrs / sizeof csrs[0]; i++)
        for (unsigned k = csrs[i].number; k < csrs[i].number + csrs[i].count; k++)
            if (!riscv_csr_find(m32, k) && !riscv_csr_find(m64, k)) {
                printf("  CSR %#x (%s): no model has it, so no test runs it\n", k, csrs[i].name);
                n++;
            }

    for (unsigned i = 0; i < rv_ninsns; i++)
        if (!gen_has(m32, &rv_insns[i]) && !gen_has(m64, &rv_insns[i])) {
            printf("  %s: no model has it, so no test runs it\n", rv_insns[i].name);
            n++;
        }
    return n;
}

static void report(const char *outcome)
{
    unsigned insns = 0, csrs = 0;

    for (unsigned i = 0; i < rv_ninsns; i++)
        insns += gen_has(model, &rv_insns[i]);
    for (unsigned n = 0; n < RV_CSRS; n++)
        csrs += riscv_csr_find(model, n) != NULL;
    printf("rv%u: %u cases, all of %u instructions and %u CSRs, streams from seed %llu: %s\n", model->xlen, nitems, insns, csrs,
           (unsigned long long)opt.seed, outcome);
}

static int run(const char *dir)
{
    struct isa_result *r[WAYS];
    unsigned failed = 0, differ, wrong, off, no_record = 0;

    list_items();
    if (!nitems) {
        printf("no instruction is called '%s'\n", opt.only ? opt.only : "");
        return 1;
    }
    for (unsigned w = 0; w < WAYS; w++) {
        r[w] = run_all(w);
        failed += finish(r[w], w);
    }
    differ = against_each_other(r);
    wrong = against_record(dir, r[0], &no_record);
    off = switched_off(r[0]);
    if (!opt.only) {
        failed += uncovered();
        report(failed || differ || wrong || off || no_record ? "FAILED" : "as they should be");
    }
    printf("%u differ between interpreter, cold and hot; %u differ from the record; %u instructions have no record; "
           "%u run though switched off\n", differ, wrong, no_record, off);
    return failed || differ || wrong || off || no_record;
}

static int show(const char *name, unsigned k)
{
    struct isa_case c;

    for (unsigned i = 0; i < rv_ninsns; i++)
        if (!strcmp(rv_insns[i].name, name)) {
            gen_case(&rv_insns[i], k, 0, &c);
            show_code(&c);
            show_inputs(&c);
            return 0;
        }
    return 1;
}

int main(int argc, char **argv)
{
    const char *dir = getenv("ISA_RECORD");
    struct error err = ERROR_INIT;
    int ch;

    error_set_program("isa-riscv");
    if (argc > 2 && !strcmp(argv[1], "-m")) {
        if (strcmp(argv[2], "rv32") && strcmp(argv[2], "rv64"))
            return fprintf(stderr, "isa-riscv: -m rv32 or rv64\n"), 2;
        if (!strcmp(argv[2], "rv32"))
            parse = riscv32_parse_cpu, gen_rv32 = true;
    }
    model = parse("max", true, &err);
    if (!model) {
        error_report(&err);
        return 2;
    }
    if (!dir)
        dir = model->xlen == 32 ? "tests/isa/riscv/record32" : "tests/isa/riscv/record";
    if (argc > 2 && !strcmp(argv[1], "-m")) {
        argv += 2;
        argc -= 2;
    }
    if (argc >= 4 && !strcmp(argv[1], "--record")) {
        opt.only = argc > 4 ? argv[4] : NULL;
        return record(argv[2], argv[3]);
    }
    if (argc == 4 && !strcmp(argv[1], "--show"))
        return show(argv[2], (unsigned)atoi(argv[3]));
    opt.seed = (uint64_t)time(NULL);
    while ((ch = getopt(argc, argv, "vi:n:s:r:")) != -1) {
        switch (ch) {
        case 'v': opt.verbose = true; break;
        case 'i': opt.only = optarg; break;
        case 'n': opt.cases = (unsigned)atoi(optarg); break;
        case 's': opt.seed = strtoull(optarg, NULL, 0); break;
        case 'r': opt.streams = (unsigned)atoi(optarg); break;
        default: return 2;
        }
    }
    return run(dir);
}
