/* A drive under a device: requests from another thread, errors that stop, resume, drain. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/error.h"
#include "core/block/backend.h"

static char name[] = "/tmp/rhea-backend-XXXXXX";

static int setup(void **state)
{
    int fd = mkstemp(name);

    (void)state;
    if (fd < 0 || ftruncate(fd, 1 << 20) < 0)
        return -1;
    close(fd);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    blk_close_all();
    unlink(name);
    return 0;
}

static struct blk_backend *drive(const char *options)
{
    char                text[256];
    struct error        err = ERROR_INIT;
    struct blk_backend *b;

    snprintf(text, sizeof text, "file=%s,format=raw,if=none%s", name, options);
    b = blk_drive_add(text, &err);
    if (b == NULL)
        print_message("%s\n", err.text);
    return b;
}

static void what_is_written_is_read(void **state)
{
    struct blk_backend *b = drive(",id=d0");
    char                in[5000], out[5000];

    (void)state;
    assert_non_null(b);
    assert_int_equal(blk_backend_bytes(b), 1 << 20);
    memset(in, 'a', sizeof in);
    assert_int_equal(blk_sync_write(b, 1234, in, sizeof in), 0);
    assert_int_equal(blk_sync_flush(b), 0);
    assert_int_equal(blk_sync_read(b, 1234, out, sizeof out), 0);
    assert_memory_equal(in, out, sizeof in);
    assert_int_equal(blk_sync_read(b, (1 << 20) - 100, out, 200), -EIO);
    assert_ptr_equal(blk_backend_get("d0", NULL), b);
    assert_null(blk_backend_get("d1", NULL));
    assert_int_equal(blk_backend_attach(b, NULL, NULL, "dev", true, NULL), 0);
    assert_int_equal(blk_backend_attach(b, NULL, NULL, "other", true, NULL), -EBUSY);
    blk_backend_detach(b);
    assert_int_equal(blk_backend_remove(b, NULL), 0);
}

static void a_second_writer_is_refused(void **state)
{
    struct blk_backend *b = drive(",id=d0");
    struct error        err = ERROR_INIT;
    char                text[256], pid[32];

    (void)state;
    snprintf(text, sizeof text, "file=%s,format=raw,if=none,id=d1", name);
    assert_null(blk_drive_add(text, &err));
    snprintf(pid, sizeof pid, "pid %d", (int)getpid());
    assert_non_null(strstr(err.text, pid));
    assert_int_equal(blk_backend_remove(b, NULL), 0);
}

static _Atomic int paused, finished;

static void on_pause(struct blk_backend *b, bool write, int error, bool stopped)
{
    (void)b;
    assert_true(write);
    assert_int_equal(error, ENOSPC);
    assert_true(stopped);
    paused++;
}

static void on_done(void *opaque, int ret)
{
    (void)opaque;
    assert_int_equal(ret, 0);
    finished++;
}

static void no_space_pauses_and_goes_on(void **state)
{
    char                text[400], in[512] = "kept", out[512];
    struct error        err = ERROR_INIT;
    struct blk_backend *b;
    struct iovec        v = { in, sizeof in };

    (void)state;
    snprintf(text, sizeof text, "driver=raw,file.driver=blkdebug,file.inject-error.0.iotype=write,file.inject-error.0.errno=%d,"
             "file.inject-error.0.once=on,file.file.driver=file,file.file.filename=%s,if=none,id=d2,werror=stop", ENOSPC, name);
    b = blk_drive_add(text, &err);
    if (b == NULL)
        print_message("%s\n", err.text);
    assert_non_null(b);
    blk_set_pause_hook(on_pause);
    blk_submit_write(b, 4096, &v, 1, on_done, NULL);
    blk_backend_drain(b);
    assert_int_equal(paused, 1);
    assert_int_equal(finished, 0);
    blk_resume_all();
    blk_backend_drain(b);
    assert_int_equal(finished, 1);
    assert_int_equal(blk_sync_read(b, 4096, out, sizeof out), 0);
    assert_memory_equal(in, out, sizeof in);
    blk_set_pause_hook(NULL);
    assert_int_equal(blk_backend_remove(b, NULL), 0);
}

static void named_nodes_make_drives(void **state)
{
    char                text[300];
    struct error        err = ERROR_INIT;
    struct blk_backend *b;

    (void)state;
    snprintf(text, sizeof text, "{\"driver\":\"raw\",\"node-name\":\"n0\",\"file\":{\"driver\":\"file\",\"filename\":\"%s\"}}", name);
    assert_int_equal(blk_blockdev_add(text, &err), 0);
    assert_true(blk_blockdev_add(text, &err) < 0);
    b = blk_backend_get("n0", NULL);
    assert_non_null(b);
    assert_string_equal(blk_backend_node(b), "n0");
    assert_int_equal(blk_backend_remove(b, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read), cmocka_unit_test(a_second_writer_is_refused), cmocka_unit_test(no_space_pauses_and_goes_on),
        cmocka_unit_test(named_nodes_make_drives),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
