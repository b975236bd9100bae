/* core/vm/disks.h - what -drive and -blockdev ask for. */
#pragma once

struct error;
struct machine;

/** disks_open - open the images, before any device is made. 0 or -errno. */
int disks_open(struct machine *m, struct error *err);
/** disks_add_devices - a device of the machine's own kind for each drive with if=virtio; after -device. 0 or -errno. */
int disks_add_devices(struct machine *m, struct error *err);
/** disks_close - flush and close all; after the devices are gone. */
void disks_close(void);
