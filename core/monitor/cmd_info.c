/* `info`: what the machine is and does. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "accel/accel.h"
#include "core/base/str.h"
#include "core/char/chr.h"
#include "core/mem/region.h"
#include "core/monitor/hmp.h"
#include "core/version.h"
#include "core/vm/debug.h"
#include "core/vm/machine.h"
#include "targets/target.h"

void hmp_info_cpus(struct hmp *h, const char *args)
{
    bool halted = debug_halt(h->machine);

    (void)args;
    for (unsigned i = 0; i < vcpu_count(); i++) {
        const struct cpu_env *env = vcpu_get(i)->env;

        fprintf(h->out, "%c CPU #%u: pc=0x%016" PRIx64 "%s\n", i == h->cpu ? '*' : ' ', i, env->pc,
                env->halted ? " (halted)" : "");
    }
    debug_go_on(h->machine, halted);
}

void hmp_info_jit(struct hmp *h, const char *args)
{
    (void)args;
    if (h->machine->accel->info)
        h->machine->accel->info(h->out);
    else
        fprintf(h->out, "%s does not translate\n", h->machine->accel->name);
}

static void print_row(void *to, const struct mem_row *row)
{
    fprintf(to, "  %016" PRIx64 "-%016" PRIx64 " (%s%s): %s", row->start, row->start + (row->len - 1),
            row->host ? "ram" : "i/o", row->host && row->readonly ? ", read only" : "", region_name(row->mr));
    if (row->off)
        fprintf(to, " @%016" PRIx64, row->off);
    fputc('\n', to);
}

void hmp_info_mtree(struct hmp *h, const char *args)
{
    (void)args;
    fprintf(h->out, "address-space: %s\n", addr_space_name(h->machine->board->as));
    mem_each(h->machine->board->as, print_row, h->out);
}

void hmp_info_name(struct hmp *h, const char *args)
{
    (void)args;
    if (h->machine->opts->name)
        fprintf(h->out, "%s\n", h->machine->opts->name);
}

void hmp_info_pci(struct hmp *h, const char *args)
{
    (void)args;
    board_list(h->machine->board, BUS_PCI, h->out);
}

void hmp_info_qtree(struct hmp *h, const char *args)
{
    (void)args;
    board_qtree(h->machine->board, h->out);
}

static void print_registers(struct hmp *h, struct vcpu *v)
{
    fprintf(h->out, "\nCPU#%u\n", v->index);
    v->target->dump(v->env, h->out);
    if (v->target->dump_fp)
        v->target->dump_fp(v->env, h->out);
}

void hmp_info_registers(struct hmp *h, const char *args)
{
    bool halted = debug_halt(h->machine);

    if (str_eq(args, "-a"))
        for (unsigned i = 0; i < vcpu_count(); i++)
            print_registers(h, vcpu_get(i));
    else
        print_registers(h, hmp_cpu(h));
    debug_go_on(h->machine, halted);
}

void hmp_info_status(struct hmp *h, const char *args)
{
    enum run_state s = h->machine->state;

    (void)args;
    if (s == RUN_RUNNING || s == RUN_PAUSED)
        fprintf(h->out, "VM status: %s\n", run_state_name(s));
    else
        fprintf(h->out, "VM status: paused (%s)\n", run_state_name(s));
}

void hmp_info_uuid(struct hmp *h, const char *args)
{
    (void)args;
    fprintf(h->out, "%s\n", h->machine->opts->uuid ? h->machine->opts->uuid : "00000000-0000-0000-0000-000000000000");
}

void hmp_info_version(struct hmp *h, const char *args)
{
    (void)args;
    fprintf(h->out, "%s (Rhea %s)\n", RHEA_QEMU_VERSION, RHEA_VERSION);
}
