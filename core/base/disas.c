#include "core/base/disas.h"

#include <stdbool.h>
#include <stdio.h>

#include "config.h"

#ifdef CONFIG_CAPSTONE
#include <capstone/capstone.h>
#include <dlfcn.h>
#include <pthread.h>

#define TEXT(x) TEXT_(x)
#define TEXT_(x) #x

static struct {
    pthread_mutex_t lock;
    bool tried, usable;
    cs_err (*open)(cs_arch, cs_mode, csh *);
    size_t (*disasm)(csh, const uint8_t *, size_t, uint64_t, size_t, cs_insn **);
    void (*free)(cs_insn *, size_t);
    csh handle[DISAS_ARCHS];                   /* 0: not opened yet */
    bool refused[DISAS_ARCHS];
} cs = { .lock = PTHREAD_MUTEX_INITIALIZER };

static bool load(void)
{
    void *lib;

    if (cs.tried)
        return cs.usable;
    cs.tried = true;
    lib = dlopen("libcapstone.so." TEXT(CS_API_MAJOR), RTLD_NOW | RTLD_LOCAL);
    if (!lib)
        return false;
    *(void **)&cs.open = dlsym(lib, "cs_open");
    *(void **)&cs.disasm = dlsym(lib, "cs_disasm");
    *(void **)&cs.free = dlsym(lib, "cs_free");
    cs.usable = cs.open && cs.disasm && cs.free;
    return cs.usable;
}

static bool open_arch(enum disas_arch arch)
{
    static const struct { int arch, mode; } map[DISAS_ARCHS] = {
        [DISAS_X86_64] = { CS_ARCH_X86, CS_MODE_64 }, [DISAS_I386] = { CS_ARCH_X86, CS_MODE_32 },
        [DISAS_I8086] = { CS_ARCH_X86, CS_MODE_16 }, [DISAS_ARM64] = { CS_ARCH_ARM64, CS_MODE_LITTLE_ENDIAN },
        [DISAS_ARM] = { CS_ARCH_ARM, CS_MODE_ARM }, [DISAS_THUMB] = { CS_ARCH_ARM, CS_MODE_THUMB },
#if CS_API_MAJOR >= 5
        [DISAS_RISCV64] = { CS_ARCH_RISCV, CS_MODE_RISCV64 | CS_MODE_RISCVC },
        [DISAS_RISCV32] = { CS_ARCH_RISCV, CS_MODE_RISCV32 | CS_MODE_RISCVC },
#else
        [DISAS_RISCV64] = { -1, 0 }, [DISAS_RISCV32] = { -1, 0 },
#endif
    };

    if (cs.handle[arch])
        return true;
    if (cs.refused[arch])
        return false;
    cs.refused[arch] = map[arch].arch < 0 || cs.open((cs_arch)map[arch].arch, (cs_mode)map[arch].mode, &cs.handle[arch]);
    return !cs.refused[arch];
}

int disas_one(enum disas_arch arch, uint64_t pc, const uint8_t *bytes, size_t n, char *out, size_t room)
{
    cs_insn *insn;
    int used = 0;

    pthread_mutex_lock(&cs.lock);
    if (load() && open_arch(arch) && cs.disasm(cs.handle[arch], bytes, n, pc, 1, &insn) == 1) {
        used = insn->size;
        snprintf(out, room, "%-11s %s", insn->mnemonic, insn->op_str);
        cs.free(insn, 1);
    }
    pthread_mutex_unlock(&cs.lock);
    return used;
}

#else

int disas_one(enum disas_arch arch, uint64_t pc, const uint8_t *bytes, size_t n, char *out, size_t room)
{
    (void)arch, (void)pc, (void)bytes, (void)n, (void)out, (void)room;
    return 0;
}

#endif
