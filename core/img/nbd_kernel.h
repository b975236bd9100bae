/* core/img/nbd_kernel.h - /dev/nbdN: the kernel as a client of ours. */
#ifndef CORE_IMG_NBD_KERNEL_H
#define CORE_IMG_NBD_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

struct error;
struct nbd_device;

/**
 * nbd_device_attach - make a device show an export.
 * @path:  /dev/nbdN
 * @bytes: size of the export, @writable: whether the kernel may write to it
 * @sock:  out: our end of the connection, for nbd_serve_kernel()
 * @gone:  called with @arg on another thread when the kernel has let go
 *
 * Returns the device, or NULL and a sentence.
 */
struct nbd_device *nbd_device_attach(const char *path, uint64_t bytes, bool writable, int *sock, void (*gone)(void *arg), void *arg,
                                     struct error *err);
/** nbd_device_detach - let go and wait until the kernel has; frees @d. Blocks while our end still answers requests. */
void nbd_device_detach(struct nbd_device *d);
/** nbd_device_disconnect - -d: end a connection that some process holds. 0 or -errno. */
int  nbd_device_disconnect(const char *path, struct error *err);

#endif
