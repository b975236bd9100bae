/* targets/arm/model.c - CPU models and `-cpu` (models.def, features.def). */
#include "targets/arm/model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/error.h"
#include "core/base/str.h"

static const struct { const char *name, *help; } features[ARM_NFEATURES] = {
#define FEATURE(name, help) { #name, help },
#include "targets/arm/features.def"
#undef FEATURE
};

struct caches { uint32_t ctr, clidr, ccsidr[3]; };

static const struct {
    const char *name;
    bool a64;
    uint64_t midr;
    uint32_t mmfr0;
    struct caches caches;
    const char *features, *help;
} models[] = {
#define CACHES(ctr, clidr, ...) { ctr, clidr, { __VA_ARGS__ } }
#define MODEL(name, midr, mmfr0, caches, features, help) { name, true, midr, mmfr0, caches, features, help },
#define MODEL32(name, midr, caches, features, help) { name, false, midr, 0, caches, features, help },
#include "targets/arm/models.def"
#undef MODEL32
#undef MODEL
#undef CACHES
};

static const struct { const char *name, *help; } pauths[] = {          /* as enum arm_pauth */
    { "pauth-impdef", "pointer authentication by a cheap algorithm" }, { "pauth-qarma5", "pointer authentication by QARMA5" },
    { "pauth-qarma3", "pointer authentication by QARMA3" },
};

static bool has_a32(size_t i) { return !strncmp(models[i].features, "a32,", 4); }
static bool fits(size_t i, bool a64) { return a64 ? models[i].a64 : has_a32(i); }

static const char *names[2][ARRAY_LEN(models) + 1];

static const char *const *model_names(bool a64)
{
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(models); i++)
        if (fits(i, a64))
            names[a64][n++] = models[i].name;
    return names[a64];
}

const char *const *arm64_model_names(void) { return model_names(true); }
const char *const *arm32_model_names(void) { return model_names(false); }

static void cpu_help(FILE *to, bool a64, const char *model)
{
    const struct arm_model *m = model ? (a64 ? arm64_parse_cpu : arm32_parse_cpu)(model, true, NULL) : NULL;

    fprintf(to, "Available CPUs:\n");
    for (size_t i = 0; i < ARRAY_LEN(models); i++)
        if (fits(i, a64))
            fprintf(to, "  %-14s %s\n", models[i].name, models[i].help);
    fprintf(to, "\nFeatures (FEATURE=on|off%s%s):\n", m ? ", marked * when on in " : "", m ? model : "");
    for (size_t f = 0; f < ARM_NFEATURES; f++)
        fprintf(to, "  %-14s%c %s\n", features[f].name, m && m->has[f] ? '*' : ' ', features[f].help);
    for (size_t i = 0; i < ARRAY_LEN(pauths); i++)
        fprintf(to, "  %-14s%c %s\n", pauths[i].name, m && m->has[ARM_F_pauth] && m->pauth == i ? '*' : ' ', pauths[i].help);
}

void arm64_cpu_help(void *FILE_to, const char *model) { cpu_help(FILE_to, true, model); }
void arm32_cpu_help(void *FILE_to, const char *model) { cpu_help(FILE_to, false, model); }

static int feature_of(const char *name, size_t len)
{
    for (int f = 0; f < ARM_NFEATURES; f++)
        if (strlen(features[f].name) == len && !strncasecmp(features[f].name, name, len))
            return f;
    return -1;
}

static void set_list(struct arm_model *m, const char *list)
{
    if (str_eq(list, "all"))
        memset(m->has, true, sizeof m->has);
    for (const char *s = list; *s; s += strspn(s, ",")) {
        size_t n = strcspn(s, ",");
        int f = feature_of(s, n);

        if (f >= 0)
            m->has[f] = true;
        s += n;
    }
}

/* One that is taken away leaves the architecture's. */
static bool set_pauth(struct arm_model *m, const char *name, bool on)
{
    for (unsigned i = 0; i < ARRAY_LEN(pauths); i++)
        if (str_eq(name, pauths[i].name)) {
            if (on)
                m->pauth = (enum arm_pauth)i;
            else if (m->pauth == i)
                m->pauth = ARM_PAUTH_QARMA5;
            return true;
        }
    return false;
}

static int unknown_feature(const char *name, struct error *err)
{
    struct nearest n = NEAREST_INIT(name);
    char hint[96];

    for (int f = 0; f < ARM_NFEATURES; f++)
        nearest_try(&n, features[f].name);
    for (size_t i = 0; i < ARRAY_LEN(pauths); i++)
        nearest_try(&n, pauths[i].name);
    return error_set(err, EINVAL, "the Arm CPU models have no feature '%s'%s; -cpu help lists them", name,
                     nearest_hint(&n, hint, sizeof hint));
}

static int parse_word(struct arm_model *m, char *word, struct error *err)
{
    char *eq = strchr(word, '=');
    bool on = true;
    int f;

    if (*word == '+' || *word == '-') {
        on = *word++ == '+';
    } else if (eq) {
        *eq++ = 0;
        if (str_bool(eq, &on) < 0)
            return error_set(err, EINVAL, "CPU feature '%s' is on or off, not '%s'", word, eq);
    }
    if (set_pauth(m, word, on))
        return 0;
    f = feature_of(word, strlen(word));
    if (f < 0)
        return unknown_feature(word, err);
    m->has[f] = on;
    return 0;
}

/* What the registers say of memory. */
static void set_memory(struct arm_model *m, size_t i)
{
    const struct caches *c = &models[i].caches;

    m->mmfr0 = m->has[ARM_F_lpa] ? (models[i].mmfr0 & ~15u) | 6 : models[i].mmfr0;
    m->ctr = c->ctr;
    m->clidr = c->clidr;
    memcpy(m->ccsidr, c->ccsidr, sizeof m->ccsidr);
}

static int parse(struct arm_model *m, char *text, bool a64, struct error *err)
{
    char *save, *word = strtok_r(text, ",", &save);
    struct nearest n = NEAREST_INIT(word ? word : "");
    char hint[96];
    size_t i = 0;

    for (; word && i < ARRAY_LEN(models) && (!fits(i, a64) || strcasecmp(models[i].name, word)); i++)
        if (fits(i, a64))
            nearest_try(&n, models[i].name);
    if (!word || i == ARRAY_LEN(models))
        return error_set(err, EINVAL, "there is no Arm CPU model '%s'%s; -cpu help lists them", word ? word : "",
                         nearest_hint(&n, hint, sizeof hint));
    m->name = models[i].name;
    m->midr = models[i].midr;
    m->pauth = str_eq(m->name, "max") ? ARM_PAUTH_CHEAP : ARM_PAUTH_QARMA5;
    set_list(m, models[i].features);
    while ((word = strtok_r(NULL, ",", &save)))
        if (parse_word(m, word, err) < 0)
            return -EINVAL;
    set_memory(m, i);
    return 0;
}

bool arm_has_feature(const void *model, const char *name)
{
    int f = feature_of(name, strlen(name));

    return f >= 0 && ((const struct arm_model *)model)->has[f];
}

static struct arm_model *made;                 /* all, for the life of the process */

static const void *parse_cpu(const char *spec, bool a64, struct error *err)
{
    struct arm_model *m = NEW(struct arm_model);
    char *text = xstrdup(spec);
    int ret = parse(m, text, a64, err);

    free(text);
    if (ret == 0) {
        m->next = made;
        made = m;
        return m;
    }
    free(m);
    return NULL;
}

const void *arm64_parse_cpu(const char *spec, bool system, struct error *err)
{
    (void)system;
    return parse_cpu(spec, true, err);
}

const void *arm32_parse_cpu(const char *spec, bool system, struct error *err)
{
    (void)system;
    return parse_cpu(spec, false, err);
}
