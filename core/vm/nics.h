/* core/vm/nics.h - what -netdev, -nic and -net ask for. */
#pragma once

struct error;
struct machine;

/** nics_add_backends - make what -netdev names, and the back ends within -nic and -net. 0, 1 if help was printed, or -errno. */
int nics_add_backends(struct machine *m, struct error *err);
/** nics_add_cards - add the cards of -nic and -net; after the machine's own devices and -device. 0 or -errno. */
int nics_add_cards(struct machine *m, struct error *err);
