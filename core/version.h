/* core/version.h - who we are, and whose command line we speak. */
#pragma once

#define RHEA_VERSION "0.1"
/* Tools compare this with what they can drive; the options and QMP commands we take are those of this version. */
#define RHEA_QEMU_VERSION "7.2.0"
#define RHEA_COPYRIGHT "Rhea, an emulator that speaks QEMU's command line"
