/* core/dev/internal.h - shared by the files of this folder. */
#pragma once

#include "core/dev/device.h"

struct bus *bus_make(enum bus_kind kind, const char *name, struct device *parent);
void bus_free(struct bus *bus);
int bus_plug(struct bus *bus, struct device *dev, struct error *err);
void bus_unplug(struct device *dev);
