/* targets/arm/gdb.c - registers as gdb numbers them, in the order of its target descriptions.
 *
 * AArch64: x0..x30, sp, pc, cpsr (org.gnu.gdb.aarch64.core), v0..v31, fpsr, fpcr (.fpu).
 * AArch32: r0..r12, sp, lr, pc, cpsr (org.gnu.gdb.arm.core), d0..d31, fpscr (.vfp). */
#include <stdlib.h>
#include <string.h>

#include "core/base/bits.h"
#include "core/base/bytes.h"
#include "core/base/str.h"
#include "targets/arm/state.h"
#include "targets/arm/target.h"

#define HEAD "<?xml version=\"1.0\"?><!DOCTYPE feature SYSTEM \"gdb-target.dtd\">"
#define TARGET(arch, core, fp) \
    "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target><architecture>" arch "</architecture>" \
    "<xi:include href=\"" core "\"/><xi:include href=\"" fp "\"/></target>"

static void reg(struct str *s, const char *name, int n, unsigned bits, const char *type)
{
    str_addf(s, "<reg name=\"%s", name);
    if (n >= 0)
        str_addf(s, "%d", n);
    str_addf(s, "\" bitsize=\"%u\" type=\"%s\"/>", bits, type);
}

/* --- AArch64 ------------------------------------------------------------------------------------------------------------- */

enum { A64_SP = 31, A64_PC, A64_CPSR, A64_V0, A64_FPSR = A64_V0 + 32, A64_FPCR, A64_REGS };

static char *a64_core(void)
{
    struct str s = STR_INIT;

    str_add(&s, HEAD "<feature name=\"org.gnu.gdb.aarch64.core\">");
    for (int i = 0; i < 31; i++)
        reg(&s, "x", i, 64, "int");
    reg(&s, "sp", -1, 64, "data_ptr");
    reg(&s, "pc", -1, 64, "code_ptr");
    reg(&s, "cpsr", -1, 32, "int");
    str_add(&s, "</feature>");
    return str_take(&s);
}

static char *a64_fpu(void)
{
    struct str s = STR_INIT;

    str_add(&s, HEAD "<feature name=\"org.gnu.gdb.aarch64.fpu\">"
                "<vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/><vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/>"
                "<vector id=\"v2u\" type=\"uint64\" count=\"2\"/><vector id=\"v4u\" type=\"uint32\" count=\"4\"/>"
                "<vector id=\"v8u\" type=\"uint16\" count=\"8\"/><vector id=\"v16u\" type=\"uint8\" count=\"16\"/>"
                "<union id=\"aarch64v\"><field name=\"df\" type=\"v2d\"/><field name=\"f\" type=\"v4f\"/>"
                "<field name=\"d\" type=\"v2u\"/><field name=\"s\" type=\"v4u\"/><field name=\"h\" type=\"v8u\"/>"
                "<field name=\"b\" type=\"v16u\"/><field name=\"q\" type=\"uint128\"/></union>");
    for (int i = 0; i < 32; i++)
        reg(&s, "v", i, 128, "aarch64v");
    reg(&s, "fpsr", -1, 32, "int");
    reg(&s, "fpcr", -1, 32, "int");
    str_add(&s, "</feature>");
    return str_take(&s);
}

/* One description lives until the process ends. */
static const char *find(const char *annex, const char *target, const char *core_name, char *(*core)(void), const char *fp_name,
                        char *(*fp)(void), char *made[2])
{
    if (str_eq(annex, "target.xml"))
        return target;
    if (str_eq(annex, core_name))
        return made[0] = made[0] ? made[0] : core();
    if (str_eq(annex, fp_name))
        return made[1] = made[1] ? made[1] : fp();
    return NULL;
}

const char *arm64_gdb_xml(const struct cpu_env *c, const char *annex)
{
    static __thread char *made[2];

    (void)c;
    return find(annex, TARGET("aarch64", "aarch64-core.xml", "aarch64-fpu.xml"), "aarch64-core.xml", a64_core,
                "aarch64-fpu.xml", a64_fpu, made);
}

static uint32_t a64_pstate(const struct arm_env *env) { return arm_flags(env) | env->pstate; }

int arm64_gdb_read(struct cpu_env *c, unsigned r, uint8_t *buf, size_t room)
{
    struct arm_env *env = arm_env(c);
    unsigned bytes = r < A64_CPSR ? 8 : r >= A64_V0 && r < A64_FPSR ? 16 : 4;

    if (r >= A64_REGS || room < bytes)
        return 0;
    if (r >= A64_V0 && r < A64_FPSR)
        memcpy(buf, env->v[r - A64_V0], 16);
    else
        store_le(buf, bytes, r < A64_SP ? env->x[r] : r == A64_SP ? env->sp : r == A64_PC ? c->pc : r == A64_CPSR ? a64_pstate(env) :
                             r == A64_FPSR ? arm_fpsr(env) : env->fpcr);
    return (int)bytes;
}

int arm64_gdb_write(struct cpu_env *c, unsigned r, const uint8_t *buf, size_t n)
{
    struct arm_env *env = arm_env(c);
    unsigned bytes = r < A64_CPSR ? 8 : r >= A64_V0 && r < A64_FPSR ? 16 : 4;
    uint64_t v;

    if (r >= A64_REGS || n < bytes)
        return 0;
    v = load_le(buf, bytes < 8 ? bytes : 8);
    if (r < A64_SP)
        env->x[r] = v;
    else if (r == A64_SP)
        env->sp = v;
    else if (r == A64_PC)
        c->pc = v;
    else if (r == A64_CPSR)
        arm_set_flags(env, (uint32_t)v);       /* the level stays as it is */
    else if (r < A64_FPSR)
        memcpy(env->v[r - A64_V0], buf, 16);
    else if (r == A64_FPSR)
        arm_set_fpsr(env, (uint32_t)v);
    else
        arm_set_fpcr(env, (uint32_t)v);
    return (int)bytes;
}

/* --- AArch32 ------------------------------------------------------------------------------------------------------------- */

enum { A32_PC = 15, A32_CPSR, A32_D0, A32_FPSCR = A32_D0 + 32, A32_REGS };

static char *a32_core(void)
{
    struct str s = STR_INIT;

    str_add(&s, HEAD "<feature name=\"org.gnu.gdb.arm.core\">");
    for (int i = 0; i < 13; i++)
        reg(&s, "r", i, 32, "uint32");
    reg(&s, "sp", -1, 32, "data_ptr");
    reg(&s, "lr", -1, 32, "int");
    reg(&s, "pc", -1, 32, "code_ptr");
    reg(&s, "cpsr", -1, 32, "int");
    str_add(&s, "</feature>");
    return str_take(&s);
}

static char *a32_vfp(void)
{
    struct str s = STR_INIT;

    str_add(&s, HEAD "<feature name=\"org.gnu.gdb.arm.vfp\">");
    for (int i = 0; i < 32; i++)
        reg(&s, "d", i, 64, "ieee_double");
    reg(&s, "fpscr", -1, 32, "int");
    str_add(&s, "</feature>");
    return str_take(&s);
}

const char *arm32_gdb_xml(const struct cpu_env *c, const char *annex)
{
    static __thread char *made[2];

    (void)c;
    return find(annex, TARGET("arm", "arm-core.xml", "arm-vfp.xml"), "arm-core.xml", a32_core, "arm-vfp.xml", a32_vfp, made);
}

int arm32_gdb_read(struct cpu_env *c, unsigned r, uint8_t *buf, size_t room)
{
    struct arm_env *env = arm_env(c);
    unsigned bytes = r >= A32_D0 && r < A32_FPSCR ? 8 : 4;

    if (r >= A32_REGS || room < bytes)
        return 0;
    if (r >= A32_D0 && r < A32_FPSCR)
        memcpy(buf, (const uint8_t *)env->v + 8 * (r - A32_D0), 8);
    else
        store_le(buf, bytes, r < A32_PC ? (uint32_t)env->x[r] : r == A32_PC ? (uint32_t)c->pc & ~1u : r == A32_CPSR ? arm_cpsr(env) :
                             (arm_fpsr(env) & 0x0fffffff) | env->fpcr);
    return (int)bytes;
}

int arm32_gdb_write(struct cpu_env *c, unsigned r, const uint8_t *buf, size_t n)
{
    struct arm_env *env = arm_env(c);
    unsigned bytes = r >= A32_D0 && r < A32_FPSCR ? 8 : 4;
    uint64_t v;

    if (r >= A32_REGS || n < bytes)
        return 0;
    v = load_le(buf, bytes);
    if (r < A32_PC)
        env->x[r] = v;
    else if (r == A32_PC)
        c->pc = (v & ~UINT64_C(1)) | (c->pc & 1);
    else if (r == A32_CPSR)
        arm_set_cpsr(env, (uint32_t)v, CPSR_USER | CPSR_T | CPSR_IT);
    else if (r < A32_FPSCR)
        memcpy((uint8_t *)env->v + 8 * (r - A32_D0), buf, 8);
    else {
        arm_set_fpcr(env, (uint32_t)v);
        arm_set_fpsr(env, (uint32_t)v);
    }
    return (int)bytes;
}
