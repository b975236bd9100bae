/* targets/arm/sysreg.c - system registers by name, encoding and action (sysreg.def). Those of EL1 that are listed are the ones
 * that Linux lets programs read. */
#include <sys/random.h>
#include <xmmintrin.h>

#include "core/base/bits.h"
#include "core/vm/vcpu.h"
#include "targets/arm/help.h"
#include "targets/arm/state.h"
#include "targets/arm/target.h"

/* --- identification: fields of the ID registers from the model's features ---------------------------------------------------- */

static uint64_t field(const struct arm_model *m, enum arm_feature f, unsigned at, uint64_t v) { return m->has[f] ? v << at : 0; }

static uint64_t arm_id_pfr0(const struct arm_model *m)
{
    uint64_t half = m->has[ARM_F_fp16] ? 1 : 0;

    return 0x11 | half << 16 | half << 20;
}

static uint64_t arm_id_pfr1(const struct arm_model *m) { return field(m, ARM_F_bti, 0, 1) | field(m, ARM_F_ssbs, 4, 2); }

static uint64_t arm_id_isar0(const struct arm_model *m)
{
    return field(m, ARM_F_aes, 4, m->has[ARM_F_pmull] ? 2 : 1) | field(m, ARM_F_sha1, 8, 1) |
           field(m, ARM_F_sha2, 12, m->has[ARM_F_sha512] ? 2 : 1) | field(m, ARM_F_crc32, 16, 1) | field(m, ARM_F_lse, 20, 2) |
           field(m, ARM_F_rdm, 28, 1) | field(m, ARM_F_sha3, 32, 1) | field(m, ARM_F_dotprod, 44, 1) | field(m, ARM_F_fhm, 48, 1) |
           field(m, ARM_F_flagm, 52, m->has[ARM_F_flagm2] ? 2 : 1) | field(m, ARM_F_rng, 60, 1);
}

static uint64_t arm_id_isar1(const struct arm_model *m)
{
    return field(m, ARM_F_dpb, 0, m->has[ARM_F_dpb2] ? 2 : 1) | field(m, ARM_F_jscvt, 12, 1) | field(m, ARM_F_fcma, 16, 1) |
           field(m, ARM_F_lrcpc, 20, m->has[ARM_F_lrcpc2] ? 2 : 1) | field(m, ARM_F_frintts, 32, 1) | field(m, ARM_F_sb, 36, 1) |
           field(m, ARM_F_bf16, 44, 1) | field(m, ARM_F_i8mm, 52, 1);
}

/* --- actions -------------------------------------------------------------------------------------------------------------------- */

/* Helpers run under the guest's MXCSR: it, not the copy in the state, has the flags now. */
static uint32_t get_fpsr(struct arm_env *env)
{
    env->c.mxcsr = _mm_getcsr();
    return arm_fpsr(env);
}

static void set_fpsr(struct arm_env *env, uint32_t v)
{
    env->c.mxcsr = _mm_getcsr();
    arm_set_fpsr(env, v);
    _mm_setcsr(env->c.mxcsr);
}

static void set_fpcr(struct arm_env *env, uint32_t v)
{
    env->c.mxcsr = _mm_getcsr();
    arm_set_fpcr(env, v);
    _mm_setcsr(env->c.mxcsr);
}

static uint64_t counter(struct arm_env *env)
{
    struct vcpu *v = env->c.vcpu;

    return v->read_time ? v->read_time(v->time_opaque) : 0;
}

/* The translator clears NZCV behind it, which says that the number is good: the host's source does not run dry. */
static uint64_t random_bits(struct arm_env *env)
{
    uint64_t v = 0;

    (void)env;
    while (getrandom(&v, sizeof v, 0) != sizeof v)
        continue;
    return v;
}

/* --- the table ---------------------------------------------------------------------------------------------------------------------- */

enum { SYSREG_BITS = 0x1fffe0 };               /* of the instruction: op0 to op2 */

static uint32_t key(unsigned op0, unsigned op1, unsigned crn, unsigned crm, unsigned op2)
{
    return op0 << 19 | op1 << 16 | crn << 12 | crm << 8 | op2 << 5;
}

static void unknown(struct cpu_env *c) __attribute__((noreturn));
static void unknown(struct cpu_env *c) { arm_help_raise(c, ARM_EXC_UNDEF, 0, 0); }

uint64_t arm_help_sysreg_read(struct cpu_env *c, uint32_t insn)
{
    struct arm_env *env = arm_env(c);
    uint32_t k = insn & SYSREG_BITS;

#define SYSREG(name, op0, op1, crn, crm, op2, read, write) \
    if (k == key(op0, op1, crn, crm, op2)) \
        return read;
#define READONLY(name, op0, op1, crn, crm, op2, read) SYSREG(name, op0, op1, crn, crm, op2, read, )
#include "targets/arm/sysreg.def"
#undef READONLY
#undef SYSREG
    if ((k & ~0xfe0u) == key(3, 0, 0, 0, 0))
        return 0;                              /* the rest of the ID space reads as zero */
    unknown(c);
}

void arm_help_sysreg_write(struct cpu_env *c, uint32_t insn, uint64_t v)
{
    struct arm_env *env = arm_env(c);
    uint32_t k = insn & SYSREG_BITS;

#define SYSREG(name, op0, op1, crn, crm, op2, read, write) \
    if (k == key(op0, op1, crn, crm, op2)) { \
        write; \
        return; \
    }
#define READONLY(name, op0, op1, crn, crm, op2, read)
#include "targets/arm/sysreg.def"
#undef READONLY
#undef SYSREG
    unknown(c);
}
