/* Commands that act on the machine, and logging. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "core/base/log.h"
#include "core/base/str.h"
#include "core/monitor/hmp.h"
#include "core/vm/machine.h"
#include "core/vm/savevm.h"

void hmp_cont(struct hmp *h, const char *args)
{
    (void)args;
    if (h->machine->state == RUN_SHUTDOWN || h->machine->state == RUN_PANICKED)
        error_set(&h->err, EPERM, "the guest has ended; system_reset starts it again");
    else
        machine_cont(h->machine);
}

void hmp_stop(struct hmp *h, const char *args)
{
    (void)args;
    if (h->machine->state == RUN_RUNNING)
        machine_stop(h->machine, RUN_PAUSED);
}

void hmp_quit(struct hmp *h, const char *args)
{
    (void)args;
    machine_quit(h->machine);
}

void hmp_powerdown(struct hmp *h, const char *args)
{
    const struct irq_line *button = &h->machine->board->power_button;

    (void)args;
    if (!button->set)
        error_set(&h->err, ENOTSUP, "this machine has no power button; `quit` ends the emulator");
    else
        irq_set(button, true);
}

void hmp_reset(struct hmp *h, const char *args)
{
    (void)args;
    machine_request(h->machine, BOARD_RESET, 0);
}

void hmp_log(struct hmp *h, const char *args)
{
    if (str_eq(args, "help") || !*args)
        log_help(h->out);
    else if (log_enable(args, &h->err) < 0)
        return;
}

void hmp_logfile(struct hmp *h, const char *args)
{
    if (!*args)
        error_set(&h->err, EINVAL, "logfile: a file name is missing");
    else
        log_file(args, &h->err);
}

void hmp_savevm(struct hmp *h, const char *args)
{
    savevm_save(h->machine, *args ? args : NULL, &h->err);
}

void hmp_loadvm(struct hmp *h, const char *args)
{
    if (!*args)
        error_set(&h->err, EINVAL, "loadvm: a snapshot's tag is missing; `info snapshots` lists them");
    else
        savevm_load(h->machine, args, &h->err);
}

void hmp_delvm(struct hmp *h, const char *args)
{
    if (!*args)
        error_set(&h->err, EINVAL, "delvm: a snapshot's tag is missing; `info snapshots` lists them");
    else
        savevm_delete(args, &h->err);
}

void hmp_info_snapshots(struct hmp *h, const char *args)
{
    (void)args;
    savevm_list(h->out, &h->err);
}
