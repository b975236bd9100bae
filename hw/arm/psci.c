/* hw/arm/psci.c - the calls of the Power State Coordination Interface, version 1.0.
 *
 * Source: Arm Power State Coordination Interface, DEN 0022D, chapter 5. */
#include "hw/arm/psci.h"
#include <unistd.h>
#include "core/vm/fdt.h"
#include "core/vm/lock.h"
#include "core/vm/machine.h"
#include "core/vm/vcpu.h"
#include "core/vm/vcpu_life.h"

enum {
    FN_VERSION = 0, FN_CPU_SUSPEND = 1, FN_CPU_OFF = 2, FN_CPU_ON = 3, FN_AFFINITY_INFO = 4, FN_MIGRATE_INFO_TYPE = 6,
    FN_SYSTEM_OFF = 8, FN_SYSTEM_RESET = 9, FN_FEATURES = 10,
};

/* SMC Calling Convention, DEN 0028C, chapter 7: what the calls themselves are. */
enum { SMCCC_VERSION = 0x80000000, SMCCC_ARCH_FEATURES = 0x80000001, SMCCC_1_1 = 0x10001 };

#define BASE_32 UINT32_C(0x84000000)
#define BASE_64 UINT32_C(0xc4000000)
#define SUCCESS UINT64_C(0)
#define NOT_SUPPORTED ((uint64_t)-1)
#define INVALID ((uint64_t)-2)
#define ALREADY_ON ((uint64_t)-4)
#define ON_PENDING ((uint64_t)-5)

/* Affinity: Aff0 counts eight CPUs of a cluster, Aff1 the clusters. */
static struct vcpu *cpu_of(uint64_t mpidr)
{
    uint64_t index = (mpidr & 0xff) + (mpidr >> 8 & 0xff) * 8;

    return mpidr >> 16 & 0xff00ff ? NULL : vcpu_get((unsigned)index);
}

/* A CPU that is off may not have come to rest yet, when the host is busy: no firmware would make the guest wait for that. The
 * machine lock, which it may need on its way, is let go of. */
static bool comes_to_rest(const struct vcpu *v)
{
    enum { TRIES = 20000, A_TRY_US = 500 };

    for (unsigned i = 0; i < TRIES && !atomic_load(&v->stopped) && atomic_load(&v->off); i++) {
        machine_unlock();
        usleep(A_TRY_US);
        machine_lock();
    }
    return atomic_load(&v->stopped);
}

static uint64_t cpu_on(const uint64_t arg[4])
{
    struct vcpu *v = cpu_of(arg[1]);

    if (!v)
        return INVALID;
    if (!atomic_load(&v->off))
        return ALREADY_ON;
    if (!comes_to_rest(v))
        return atomic_load(&v->off) ? ON_PENDING : ALREADY_ON;
    vcpu_boot(v, arg[2], arg[3]);
    vcpu_power(v, true);
    return SUCCESS;
}

static uint64_t affinity_info(uint64_t mpidr)
{
    const struct vcpu *v = cpu_of(mpidr);

    if (!v)
        return INVALID;
    return atomic_load(&v->off) && atomic_load(&v->stopped);
}

static uint64_t features(uint64_t fn)
{
    switch (fn & ~(uint64_t)(BASE_64 ^ BASE_32)) {
    case BASE_32 + FN_VERSION:
    case BASE_32 + FN_CPU_SUSPEND:
    case BASE_32 + FN_CPU_OFF:
    case BASE_32 + FN_CPU_ON:
    case BASE_32 + FN_AFFINITY_INFO:
    case BASE_32 + FN_MIGRATE_INFO_TYPE:
    case BASE_32 + FN_SYSTEM_OFF:
    case BASE_32 + FN_SYSTEM_RESET:
    case BASE_32 + FN_FEATURES:
    case SMCCC_VERSION:
        return SUCCESS;
    }
    return NOT_SUPPORTED;
}

static uint64_t answer(struct machine *m, struct vcpu *v, const uint64_t arg[4])
{
    switch ((uint32_t)arg[0]) {
    case SMCCC_VERSION:
        return SMCCC_1_1;
    case SMCCC_ARCH_FEATURES:
        return arg[1] == SMCCC_VERSION || arg[1] == SMCCC_ARCH_FEATURES ? SUCCESS : NOT_SUPPORTED;
    case BASE_32 + FN_VERSION:
        return 0x10000;
    case BASE_32 + FN_CPU_SUSPEND: /* a wait that ends at once is allowed */
    case BASE_64 + FN_CPU_SUSPEND:
        return SUCCESS;
    case BASE_32 + FN_CPU_OFF:
        vcpu_power(v, false);
        return SUCCESS;
    case BASE_32 + FN_CPU_ON:
    case BASE_64 + FN_CPU_ON:
        return cpu_on(arg);
    case BASE_32 + FN_AFFINITY_INFO:
    case BASE_64 + FN_AFFINITY_INFO:
        return affinity_info(arg[1]);
    case BASE_32 + FN_MIGRATE_INFO_TYPE:
        return 2; /* no trusted system that would have to move */
    case BASE_32 + FN_SYSTEM_OFF:
        machine_request(m, BOARD_POWER_OFF, 0);
        return SUCCESS;
    case BASE_32 + FN_SYSTEM_RESET:
        machine_request(m, BOARD_RESET, 0);
        return SUCCESS;
    case BASE_32 + FN_FEATURES:
        return features(arg[1]);
    }
    return NOT_SUPPORTED;
}

static void on_call(void *opaque, struct vcpu *v, uint64_t arg[4])
{
    bool locked = machine_lock_if_needed();

    arg[0] = answer(opaque, v, arg);
    if (locked)
        machine_unlock();
}

void psci_start(struct machine *m)
{
    for (unsigned i = 0; i < m->cpus; i++) {
        vcpu_get(i)->firmware_call = on_call;
        vcpu_get(i)->firmware_opaque = m;
    }
}

void psci_fdt(struct fdt *f, const char *method)
{
    fdt_strs(f, "/psci", "compatible", "arm,psci-1.0", "arm,psci-0.2", "arm,psci", NULL);
    fdt_str(f, "/psci", "method", method);
    fdt_u32(f, "/psci", "cpu_suspend", BASE_64 + FN_CPU_SUSPEND);
    fdt_u32(f, "/psci", "cpu_off", BASE_32 + FN_CPU_OFF);
    fdt_u32(f, "/psci", "cpu_on", BASE_64 + FN_CPU_ON);
}
