/* core/base/port_owner.h - who has a port of this host, for messages. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/** port_owner - " by NAME (pid N)" for the process that listens at a port, or "" if that cannot be found out. Returns @buf. */
const char *port_owner(unsigned port, bool udp, char *buf, size_t room);
