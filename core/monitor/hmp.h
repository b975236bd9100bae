/* core/monitor/hmp.h - what a command gets; for the files of this folder. */
#pragma once

#include <stdio.h>
#include "core/base/error.h"

struct machine;
struct vcpu;

struct hmp {
    struct machine *machine;
    FILE *out;
    unsigned cpu;             /* index of the CPU to look at */
    struct error err;         /* filled: printed as the answer's last line */
};

/** hmp_run - one line. */
void hmp_run(struct hmp *h, const char *line);

/** hmp_complete - words that may follow; see struct line. */
void hmp_complete(const char *before, void (*add)(void *to, const char *word), void *to);

/** hmp_cpu - the CPU to look at; never NULL. */
struct vcpu *hmp_cpu(struct hmp *h);

typedef void hmp_command(struct hmp *h, const char *args);

#define COMMAND(name, short_name, args, help, function) hmp_command hmp_##function;
#define INFO(name, help, function) hmp_command hmp_##function;
#include "core/monitor/commands.def"
#undef COMMAND
#undef INFO
