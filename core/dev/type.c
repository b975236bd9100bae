/* core/dev/type.c - the list of types. */
#include <string.h>
#include "core/base/str.h"
#include "core/dev/device.h"

const struct device_type *device_type_find(const char *name)
{
    for (const struct device_type *const *t = all_device_types; *t; t++)
        if (str_eq((*t)->name, name))
            return *t;
    return NULL;
}

const char *bus_kind_name(enum bus_kind kind)
{
    static const char *const names[] = {
        [BUS_NONE] = "none", [BUS_SYSTEM] = "System", [BUS_PCI] = "PCI", [BUS_VIRTIO] = "virtio-bus", [BUS_I2C] = "i2c-bus",
        [BUS_USB] = "usb-bus", [BUS_ISA] = "ISA", [BUS_VIRTIO_SERIAL] = "virtio-serial-bus",
    };

    return names[kind];
}

void device_type_list(FILE *to)
{
    for (int kind = BUS_NONE; kind <= BUS_VIRTIO_SERIAL; kind++) {
        bool any = false;

        for (const struct device_type *const *t = all_device_types; *t; t++) {
            if ((int)(*t)->bus != kind || (*t)->wired)
                continue;
            if (!any)
                fprintf(to, "%s devices:\n", bus_kind_name(kind));
            any = true;
            fprintf(to, "name \"%s\", bus %s, desc \"%s\"\n", (*t)->name, bus_kind_name(kind), (*t)->help);
        }
        if (any)
            fputc('\n', to);
    }
}

void device_type_help(const struct device_type *t, FILE *to)
{
    fprintf(to, "%s options:\n", t->name);
    for (; t; t = t->inner)
        for (const struct prop *p = t->props; p && p->name; p++)
            prop_help(p, to);
}
