/* targets/riscv/gdb.c - registers as gdb numbers them: x0..x31, pc, then f0..f31, then CSRs at 65 + number (the features
 * org.gnu.gdb.riscv.cpu, .fpu, .csr), the mode behind them (.virtual), and as people read them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/bytes.h"
#include "core/base/str.h"
#include "targets/riscv/csr.h"
#include "targets/riscv/state.h"
#include "targets/riscv/target.h"

enum { REG_PC = 32, REG_F0 = 33, REG_CSR0 = 65, REG_PRIV = REG_CSR0 + RV_CSRS };

static const char *const x_names[32] = {
    "zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "fp", "s1", "a0", "a1", "a2", "a3", "a4", "a5",
    "a6", "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
};

static const char *const f_names[32] = {
    "ft0", "ft1", "ft2", "ft3", "ft4", "ft5", "ft6", "ft7", "fs0", "fs1", "fa0", "fa1", "fa2", "fa3", "fa4", "fa5",
    "fa6", "fa7", "fs2", "fs3", "fs4", "fs5", "fs6", "fs7", "fs8", "fs9", "fs10", "fs11", "ft8", "ft9", "ft10", "ft11",
};

static const char head[] = "<?xml version=\"1.0\"?><!DOCTYPE feature SYSTEM \"gdb-target.dtd\">";

static char *cpu_xml(const struct riscv_model *m)
{
    struct str s = STR_INIT;

    str_addf(&s, "%s<feature name=\"org.gnu.gdb.riscv.cpu\">", head);
    for (unsigned i = 0; i < 32; i++)
        str_addf(&s, "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\" regnum=\"%u\"/>", x_names[i], m->xlen,
                 i == 1 ? "code_ptr" : i == 2 ? "data_ptr" : "int", i);
    str_addf(&s, "<reg name=\"pc\" bitsize=\"%u\" type=\"code_ptr\" regnum=\"%u\"/></feature>", m->xlen, REG_PC);
    return str_take(&s);
}

static char *fpu_xml(const struct riscv_model *m)
{
    struct str s = STR_INIT;
    unsigned bits = m->has[RV_F_d] ? 64 : 32;

    str_addf(&s, "%s<feature name=\"org.gnu.gdb.riscv.fpu\">", head);
    if (bits == 64)
        str_add(&s, "<union id=\"riscv_double\"><field name=\"float\" type=\"ieee_single\"/>"
                    "<field name=\"double\" type=\"ieee_double\"/></union>");
    for (unsigned i = 0; i < 32; i++)
        str_addf(&s, "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\" regnum=\"%u\" group=\"float\"/>", f_names[i], bits,
                 bits == 64 ? "riscv_double" : "ieee_single", REG_F0 + i);
    for (unsigned n = 1; n <= 3; n++)
        str_addf(&s, "<reg name=\"%s\" bitsize=\"%u\" type=\"int\" regnum=\"%u\" group=\"float\"/>",
                 n == 1 ? "fflags" : n == 2 ? "frm" : "fcsr", m->xlen, REG_CSR0 + n);
    str_add(&s, "</feature>");
    return str_take(&s);
}

static char *csr_xml(const struct riscv_model *m)
{
    struct str s = STR_INIT;

    str_addf(&s, "%s<feature name=\"org.gnu.gdb.riscv.csr\">", head);
    for (unsigned n = 4; n < RV_CSRS; n++) {
        const struct riscv_csr *c = riscv_csr_find(m, n);

        if (!c)
            continue;
        if (c->count)
            str_addf(&s, "<reg name=\"%s%u%s\"", c->name, c->base + n - c->number, c->suffix);
        else
            str_addf(&s, "<reg name=\"%s\"", c->name);
        str_addf(&s, " bitsize=\"%u\" type=\"int\" regnum=\"%u\" save-restore=\"no\"/>", m->xlen, REG_CSR0 + n);
    }
    str_add(&s, "</feature>");
    return str_take(&s);
}

/* The privilege mode, as $priv: no register of the architecture, but gdb's scripts for this machine know it by that name. */
static char *virtual_xml(const struct riscv_model *m)
{
    (void)m;
    return xasprintf("%s<feature name=\"org.gnu.gdb.riscv.virtual\"><reg name=\"priv\" bitsize=\"%u\" type=\"int\" regnum=\"%u\" "
                     "save-restore=\"no\"/></feature>", head, m->xlen, REG_PRIV);
}

static char *target_xml(const struct riscv_model *m)
{
    return xasprintf("<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target><architecture>riscv:rv%u"
                     "</architecture><xi:include href=\"riscv-cpu.xml\"/>%s<xi:include href=\"riscv-csr.xml\"/><xi:include href=\"riscv-virtual.xml\"/></target>",
                     m->xlen, m->has[RV_F_f] ? "<xi:include href=\"riscv-fpu.xml\"/>" : "");
}

const char *riscv_gdb_xml(const struct cpu_env *c, const char *annex)
{
    static const struct { const char *name; char *(*make)(const struct riscv_model *m); } parts[] = {
        { "target.xml", target_xml }, { "riscv-cpu.xml", cpu_xml }, { "riscv-fpu.xml", fpu_xml }, { "riscv-csr.xml", csr_xml },
        { "riscv-virtual.xml", virtual_xml },
    };
    static __thread char *made[ARRAY_LEN(parts)];
    const struct riscv_env *env = riscv_env(c);

    for (unsigned i = 0; i < ARRAY_LEN(parts); i++)
        if (str_eq(annex, parts[i].name)) {
            free(made[i]);
            return made[i] = parts[i].make(env->model);
        }
    return NULL;
}

int riscv_gdb_read(struct cpu_env *c, unsigned reg, uint8_t *buf, size_t room)
{
    struct riscv_env *env = riscv_env(c);
    unsigned bytes = env->model->xlen / 8;
    uint64_t v;

    if (reg < 32)
        v = riscv_x(env, reg);
    else if (reg == REG_PC)
        v = c->pc;
    else if (reg < REG_CSR0 && env->model->has[RV_F_f]) {
        v = env->f[reg - REG_F0];
        bytes = env->model->has[RV_F_d] ? 8 : 4;
    } else if (reg == REG_PRIV) {
        v = env->priv;
    } else if (reg < REG_CSR0 || !riscv_csr_get(env, reg - REG_CSR0, &v))
        return 0;
    if (room < bytes)
        return 0;
    store_le(buf, bytes, v);
    return (int)bytes;
}

int riscv_gdb_write(struct cpu_env *c, unsigned reg, const uint8_t *buf, size_t n)
{
    struct riscv_env *env = riscv_env(c);
    unsigned bytes = env->model->xlen / 8;
    uint64_t v;

    if (reg >= REG_F0 && reg < REG_CSR0)
        bytes = env->model->has[RV_F_d] ? 8 : 4;
    if (n < bytes)
        return 0;
    v = load_le(buf, bytes);
    if (reg < 32)
        riscv_set_x(env, reg, v);
    else if (reg == REG_PC)
        c->pc = v;
    else if (reg < REG_CSR0 && env->model->has[RV_F_f])
        env->f[reg - REG_F0] = bytes == 4 ? v | ~(uint64_t)UINT32_MAX : v;
    else if (reg == REG_PRIV) {
        if (!env->system || v > RV_M || v == 2 || (v == RV_S && !env->model->has[RV_F_s]) || (v == RV_U && !env->model->has[RV_F_u]))
            return 0;
        env->priv = (uint8_t)v;
    } else if (reg < REG_CSR0 || !riscv_csr_set(env, reg - REG_CSR0, v))
        return 0;
    return (int)bytes;
}

void riscv_dump(const struct cpu_env *c, void *FILE_to)
{
    static const uint16_t csrs[] = { 0x300, 0x304, 0x344, 0x302, 0x303, 0x305, 0x341, 0x342, 0x343, 0x105, 0x141, 0x142, 0x143, 0x180 };
    struct riscv_env *env = riscv_env(c);
    int digits = env->model->xlen / 4;
    FILE *to = FILE_to;
    uint64_t v;

    fprintf(to, " pc       %0*llx  %s\n", digits, (unsigned long long)c->pc,
            env->priv == RV_M ? "M" : env->priv == RV_S ? "S" : "U");
    for (unsigned i = 0; env->system && i < sizeof csrs / sizeof csrs[0]; i++)
        if (riscv_csr_get(env, csrs[i], &v))
            fprintf(to, " %-8s %0*llx%s", riscv_csr_find(env->model, csrs[i])->name, digits, (unsigned long long)v,
                    i % 4 == 3 ? "\n" : "");
    if (env->system)
        fputc('\n', to);
    for (unsigned i = 0; i < 32; i++)
        fprintf(to, " x%u/%-*s %0*llx%s", i, i < 10 ? 5 : 4, x_names[i], digits, (unsigned long long)riscv_x(env, i),
                i % 4 == 3 ? "\n" : "");
}

void riscv_dump_fp(const struct cpu_env *c, void *FILE_to)
{
    struct riscv_env *env = riscv_env(c);
    FILE *to = FILE_to;

    for (unsigned i = 0; i < 32 && env->model->has[RV_F_f]; i++)
        fprintf(to, " f%u/%-*s %016llx%s", i, i < 10 ? 5 : 4, f_names[i], (unsigned long long)env->f[i], i % 4 == 3 ? "\n" : "");
}
