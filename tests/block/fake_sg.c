/* tests/block/fake_sg.c - preloaded into rhea-pr-helper: a SCSI disk with one registered key, for PERSISTENT RESERVE.
 *
 * The file that is open as the "device" keeps the key: REGISTER writes it there, READ KEYS gives it back. */
#include <dlfcn.h>
#include <scsi/sg.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

int ioctl(int fd, unsigned long request, ...)
{
    static int (*real)(int, unsigned long, void *);
    va_list ap;
    void   *arg;

    va_start(ap, request);
    arg = va_arg(ap, void *);
    va_end(ap);
    if (real == NULL)
        real = (int (*)(int, unsigned long, void *))dlsym(RTLD_NEXT, "ioctl");
    if (request != SG_IO)
        return real(fd, request, arg);
    struct sg_io_hdr *h = arg;
    unsigned char    *cdb = h->cmdp, *data = h->dxferp, key[8] = { 0 };

    h->status = h->host_status = h->driver_status = 0;
    h->resid  = 0;
    if (cdb[0] == 0x5e && (cdb[1] & 31) == 0) {          /* READ KEYS: generation, length, keys */
        unsigned char all[16] = { 0, 0, 0, 1, 0, 0, 0, 8 };

        if (pread(fd, key, 8, 0) == 8)
            memcpy(all + 8, key, 8);
        h->resid = h->dxfer_len > 16 ? (int)h->dxfer_len - 16 : 0;
        memcpy(data, all, h->dxfer_len < 16 ? h->dxfer_len : 16);
    } else if (cdb[0] == 0x5f && (cdb[1] & 31) == 0 && h->dxfer_len == 24) {   /* REGISTER: the new key is at 8 */
        if (pwrite(fd, data + 8, 8, 0) != 8)
            h->host_status = 1;
    } else {                                             /* anything else: INVALID FIELD IN CDB */
        static const unsigned char sense[18] = { 0x70, 0, 5, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x24 };

        h->status = 2;
        memcpy(h->sbp, sense, sizeof sense);
    }
    return 0;
}
