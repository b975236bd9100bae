/* targets/riscv/model.c - CPU models and `-cpu` (models.def, features.def). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "targets/riscv/csr.h"
#include "targets/riscv/model.h"

static const struct { const char *name; bool on, isa; const char *help; } features[RV_NFEATURES] = {
#define FEATURE(name, on, isa, help) { #name, on, isa, help },
#include "targets/riscv/features.def"
#undef FEATURE
};

static const struct model { const char *name; uint8_t xlen; const char *features; uint8_t pmp; const char *help; } models[] = {
#define MODEL(name, xlen, features, pmp, help) { name, xlen, features, pmp, help },
#include "targets/riscv/models.def"
#undef MODEL
};

static const struct { const char *name, *stands_for; } groups[] = {
    { "g", "m,a,f,d,zicsr,zifencei" },
    { "zkn", "zbkb,zbkc,zbkx,zkne,zknd,zknh" },
    { "zk", "zbkb,zbkc,zbkx,zkne,zknd,zknh" },
    { "b", "zba,zbb,zbs" },
    { "mmu", "sv39" },
    { "counters", "zicntr" },
};

/* What a feature cannot be without. */
static const struct { uint8_t feature, needs; } needs[] = {
    { RV_F_d, RV_F_f }, { RV_F_f, RV_F_zicsr }, { RV_F_zfhmin, RV_F_f }, { RV_F_zfh, RV_F_zfhmin }, { RV_F_zfa, RV_F_f },
    { RV_F_zacas, RV_F_a }, { RV_F_zcb, RV_F_c }, { RV_F_s, RV_F_u }, { RV_F_sstc, RV_F_s }, { RV_F_sv39, RV_F_s },
    { RV_F_sv48, RV_F_sv39 }, { RV_F_sv57, RV_F_sv48 }, { RV_F_svadu, RV_F_s }, { RV_F_svinval, RV_F_s },
    { RV_F_svnapot, RV_F_s }, { RV_F_svpbmt, RV_F_s }, { RV_F_sscofpmf, RV_F_zihpm }, { RV_F_smepmp, RV_F_pmp },
};

/* --- features --------------------------------------------------------------------------------------------------------- */

static bool only_rv64(unsigned f)
{
    return f == RV_F_sv39 || f == RV_F_sv48 || f == RV_F_sv57 || f == RV_F_svnapot || f == RV_F_svpbmt;
}

static bool is_base(unsigned f)
{
    return f == RV_F_rv32 || f == RV_F_rv64;
}

/* Switching a feature on brings what it needs; off takes what needs it. */
static void set_feature(struct riscv_model *m, unsigned f, bool on)
{
    if (on && m->xlen == 32 && only_rv64(f))
        return;
    m->has[f] = on;
    for (unsigned i = 0; i < ARRAY_LEN(needs); i++) {
        if (on && needs[i].feature == f && !m->has[needs[i].needs])
            set_feature(m, needs[i].needs, true);
        if (!on && needs[i].needs == f && m->has[needs[i].feature])
            set_feature(m, needs[i].feature, false);
    }
}

static bool set_by_name(struct riscv_model *m, const char *name, size_t len, bool on)
{
    for (unsigned f = 0; f < RV_NFEATURES; f++)
        if (!is_base(f) && strlen(features[f].name) == len && !strncasecmp(features[f].name, name, len)) {
            set_feature(m, f, on);
            return true;
        }
    for (unsigned i = 0; i < ARRAY_LEN(groups); i++)
        if (strlen(groups[i].name) == len && !strncasecmp(groups[i].name, name, len)) {
            for (const char *s = groups[i].stands_for; *s; s += strspn(s, ",")) {
                set_by_name(m, s, strcspn(s, ","), on);
                s += strcspn(s, ",");
            }
            return true;
        }
    return false;
}

static void set_list(struct riscv_model *m, const char *list)
{
    if (str_eq(list, "default") || str_eq(list, "all")) {
        for (unsigned f = 0; f < RV_NFEATURES; f++)
            if (!is_base(f) && (features[f].on || str_eq(list, "all")) && f != RV_F_svade)
                set_feature(m, f, true);
        return;
    }
    for (const char *s = list; *s; s += strspn(s, ",")) {
        size_t n = strcspn(s, ",");

        set_by_name(m, s, n, true);
        s += n;
    }
}

/* --- parsing ---------------------------------------------------------------------------------------------------------- */

static int unknown_feature(const char *name, struct error *err)
{
    struct nearest n = NEAREST_INIT(name);
    char hint[96];

    for (unsigned f = 0; f < RV_NFEATURES; f++)
        if (!is_base(f))
            nearest_try(&n, features[f].name);
    return error_set(err, EINVAL, "the RISC-V CPU models have no feature '%s'%s; -cpu help lists them", name,
                     nearest_hint(&n, hint, sizeof hint));
}

/* One word behind the model's name: zba=off, +zba, -zba, zba. */
static int parse_word(struct riscv_model *m, char *word, struct error *err)
{
    char *eq = strchr(word, '=');
    bool on = true;
    uint64_t v;

    if (*word == '+' || *word == '-') {
        on = *word == '+';
        word++;
    } else if (eq) {
        *eq++ = 0;
        if (str_eq(word, "pmu-num") || str_eq(word, "cbom_blocksize") || str_eq(word, "cboz_blocksize")) {
            if (str_u64(eq, &v) < 0 || (word[0] == 'c' && v != 64) || (word[0] == 'p' && v > 29))
                return error_set(err, EINVAL, "'%s=%s' is not supported; cache blocks are 64 bytes, counters at most 29", word, eq);
            return 0;
        }
        if (str_bool(eq, &on) < 0)
            return error_set(err, EINVAL, "CPU feature '%s' is on or off, not '%s'", word, eq);
    }
    if (str_eq(word, "v") && !on)
        return 0;                              /* not there anyway */
    return set_by_name(m, word, strlen(word), on) ? 0 : unknown_feature(word, err);
}

static int unknown_model(const char *name, unsigned xlen, struct error *err)
{
    struct nearest n = NEAREST_INIT(name);
    char hint[96];

    for (unsigned i = 0; i < ARRAY_LEN(models); i++)
        if (models[i].xlen == xlen)
            nearest_try(&n, models[i].name);
    return error_set(err, EINVAL, "there is no CPU model '%s' for riscv%u%s; -cpu help lists them", name, xlen,
                     nearest_hint(&n, hint, sizeof hint));
}

static struct riscv_model *made;               /* all, for the life of the process */

static struct riscv_model *make(const char *spec, unsigned xlen, bool system, struct error *err)
{
    char *copy = xstrdup(spec), *save = NULL, *word = strtok_r(copy, ",", &save);
    const struct model *base = NULL;
    struct riscv_model *m = NULL;

    for (unsigned i = 0; i < ARRAY_LEN(models) && word; i++)
        if (models[i].xlen == xlen && str_eq(models[i].name, word))
            base = &models[i];
    if (!base) {
        unknown_model(word ? word : spec, xlen, err);
        free(copy);
        return NULL;
    }
    m = NEW(struct riscv_model);
    m->name = base->name;
    m->xlen = (uint8_t)xlen;
    m->pmp_entries = base->pmp;
    m->cbo_bytes = 64;
    m->has[xlen == 32 ? RV_F_rv32 : RV_F_rv64] = true;
    set_list(m, base->features);
    while ((word = strtok_r(NULL, ",", &save)))
        if (parse_word(m, word, err) < 0) {
            free(copy);
            free(m);
            return NULL;
        }
    if (!m->has[RV_F_pmp])
        m->pmp_entries = 0;
    (void)system;
    riscv_csr_index(m);
    free(copy);
    m->next = made;
    made = m;
    return m;
}

const void *riscv32_parse_cpu(const char *spec, bool system, struct error *err)
{
    return make(spec, 32, system, err);
}

const void *riscv64_parse_cpu(const char *spec, bool system, struct error *err)
{
    return make(spec, 64, system, err);
}

/* --- help ------------------------------------------------------------------------------------------------------------- */

static const char *const *names(unsigned xlen, const char **list)
{
    unsigned n = 0;

    for (unsigned i = 0; i < ARRAY_LEN(models); i++)
        if (models[i].xlen == xlen)
            list[n++] = models[i].name;
    list[n] = NULL;
    return list;
}

const char *const *riscv32_model_names(void)
{
    static const char *list[ARRAY_LEN(models) + 1];

    return names(32, list);
}

const char *const *riscv64_model_names(void)
{
    static const char *list[ARRAY_LEN(models) + 1];

    return names(64, list);
}

static void help(FILE *to, unsigned xlen, const char *model)
{
    const struct riscv_model *m = make(model ? model : xlen == 32 ? "rv32" : "rv64", xlen, true, NULL);

    fprintf(to, "CPU models:\n");
    for (unsigned i = 0; i < ARRAY_LEN(models); i++)
        if (models[i].xlen == xlen)
            fprintf(to, "  %-12s %s\n", models[i].name, models[i].help);
    fprintf(to, "\nFeatures (FEATURE=on|off, marked * when on in %s):\n", m ? m->name : "the model");
    for (unsigned f = 0; f < RV_NFEATURES; f++)
        if (!is_base(f) && !(xlen == 32 && only_rv64(f)))
            fprintf(to, "  %-12s%c %s\n", features[f].name, m && m->has[f] ? '*' : ' ', features[f].help);
}

void riscv32_cpu_help(void *FILE_to, const char *model)
{
    help(FILE_to, 32, model);
}

void riscv64_cpu_help(void *FILE_to, const char *model)
{
    help(FILE_to, 64, model);
}

/* --- the ISA's name ----------------------------------------------------------------------------------------------------- */

void riscv_isa_string(const struct riscv_model *m, struct str *out)
{
    str_addf(out, "rv%ui", m->xlen);
    for (unsigned f = 0; f < RV_NFEATURES; f++)
        if (m->has[f] && features[f].isa && strlen(features[f].name) == 1)
            str_add(out, features[f].name);
    for (unsigned f = 0; f < RV_NFEATURES; f++)
        if (m->has[f] && features[f].isa && strlen(features[f].name) > 1)
            str_addf(out, "_%s", features[f].name);
}

char *riscv_isa_extensions(const struct riscv_model *m, size_t *len)
{
    struct str s = STR_INIT;

    str_addn(&s, "i", 2);
    for (unsigned f = 0; f < RV_NFEATURES; f++)
        if (m->has[f] && features[f].isa)
            str_addn(&s, features[f].name, strlen(features[f].name) + 1);
    *len = s.len;
    return str_take(&s);
}
