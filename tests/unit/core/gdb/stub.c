/* The gdb server against a made-up guest: frames, refusals, registers, memory, points, running. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/gdb/packet.h"
#include "core/gdb/stub.h"
#include "core/vm/vcpu.h"
#include "targets/target.h"

enum { MEM = 64, REGS = 3 };

struct toy {
    struct vcpu v[2];
    struct { struct cpu_env env; uint64_t reg[REGS]; } cpu[2];
    uint8_t mem[MEM];
    char sent[65536]; size_t nsent;
    bool running, stepping, stopped_by_client, killed;
    const struct debug_points *points;
};

static int toy_read(struct cpu_env *env, unsigned r, uint8_t *buf, size_t room)
{
    if (r >= REGS || room < 8)
        return 0;
    memcpy(buf, (uint64_t *)(env + 1) + r, 8);
    return 8;
}

static int toy_write(struct cpu_env *env, unsigned r, const uint8_t *buf, size_t n)
{
    if (r >= REGS || n != 8)
        return 0;
    memcpy((uint64_t *)(env + 1) + r, buf, 8);
    return 8;
}

static const char *toy_xml(const struct cpu_env *env, const char *annex)
{
    (void)env;
    return strcmp(annex, "target.xml") ? NULL : "<target><architecture>toy</architecture></target>";
}

static const struct target toy_target = { .name = "toy", .gdb_core_regs = REGS, .gdb_read = toy_read,
                                          .gdb_write = toy_write, .gdb_xml = toy_xml };

static unsigned threads(void *o) { (void)o; return 2; }
static struct vcpu *thread(void *o, unsigned i) { return i < 2 ? &((struct toy *)o)->v[i] : NULL; }

static int mem_read_toy(void *o, struct vcpu *v, uint64_t addr, void *buf, size_t n)
{
    (void)v;
    if (addr > MEM || n > MEM - addr)
        return -14;
    memcpy(buf, ((struct toy *)o)->mem + addr, n);
    return 0;
}

static int mem_write_toy(void *o, struct vcpu *v, uint64_t addr, const void *buf, size_t n)
{
    (void)v;
    if (addr > MEM || n > MEM - addr)
        return -14;
    memcpy(((struct toy *)o)->mem + addr, buf, n);
    return 0;
}

static void resume(void *o, struct vcpu *step)
{
    ((struct toy *)o)->running = true;
    ((struct toy *)o)->stepping = step != NULL;
}

static void stop(void *o) { ((struct toy *)o)->stopped_by_client = true; }
static void points(void *o, const struct debug_points *p) { ((struct toy *)o)->points = p; }
static void kill_toy(void *o) { ((struct toy *)o)->killed = true; }
static void gone(void *o) { (void)o; }

static void send_toy(void *o, const char *bytes, size_t n)
{
    struct toy *t = o;

    assert_true(t->nsent + n < sizeof t->sent);
    memcpy(t->sent + t->nsent, bytes, n);
    t->nsent += n;
    t->sent[t->nsent] = 0;
}

static const struct gdb_calls calls = { .threads = threads, .thread = thread, .read = mem_read_toy, .write = mem_write_toy,
                                        .resume = resume, .stop = stop, .points = points, .kill = kill_toy,
                                        .send = send_toy, .gone = gone };

static struct toy *toy_new(struct gdb_stub **s)
{
    struct toy *t = calloc(1, sizeof *t);

    for (unsigned i = 0; i < 2; i++) {
        t->v[i].index = i;
        t->v[i].target = &toy_target;
        t->v[i].env = &t->cpu[i].env;
    }
    *s = gdb_stub_new(&calls, t);
    return t;
}

/* Sends a packet and returns the reply's data. */
static const char *ask(struct toy *t, struct gdb_stub *s, const char *data)
{
    static char reply[65536];
    char frame[8192];
    uint8_t sum = 0;
    char *from, *hash;

    for (const char *p = data; *p; p++)
        sum += (uint8_t)*p;
    snprintf(frame, sizeof frame, "$%s#%02x", data, sum);
    t->nsent = 0;
    t->sent[0] = 0;
    gdb_stub_feed(s, frame, strlen(frame));
    from = strchr(t->sent, '$');
    if (!from)
        return NULL;
    hash = strrchr(t->sent, '#');
    snprintf(reply, sizeof reply, "%.*s", (int)(hash - from - 1), from + 1);
    return reply;
}

static void registers_and_memory(void **state)
{
    struct gdb_stub *s;
    struct toy *t = toy_new(&s);

    (void)state;
    t->cpu[0].reg[0] = 0x1122334455667788;
    assert_string_equal(ask(t, s, "g"), "887766554433221100000000000000000000000000000000");
    assert_string_equal(ask(t, s, "P1=0102030405060708"), "OK");
    assert_int_equal(t->cpu[0].reg[1], 0x0807060504030201);
    assert_string_equal(ask(t, s, "P1=01"), "E01");
    assert_string_equal(ask(t, s, "p9"), "E01");
    assert_string_equal(ask(t, s, "M10,3:a1b2c3"), "OK");
    assert_string_equal(ask(t, s, "m0f,5"), "00a1b2c300");
    assert_string_equal(ask(t, s, "m3f,2"), "E14");
    assert_string_equal(ask(t, s, "M10,3:a1"), "E01");
    assert_string_equal(ask(t, s, "Hg2"), "OK");
    assert_string_equal(ask(t, s, "p1"), "0000000000000000");
    assert_string_equal(ask(t, s, "Hg3"), "E22");
    gdb_stub_free(s);
    free(t);
}

static void points_and_running(void **state)
{
    struct gdb_stub *s;
    struct toy *t = toy_new(&s);

    (void)state;
    assert_string_equal(ask(t, s, "Z0,1000,4"), "OK");
    assert_string_equal(ask(t, s, "Z2,20,8"), "OK");
    assert_int_equal(t->points->nbreak, 1);
    assert_true(t->points->watch[0].write && !t->points->watch[0].read);
    assert_string_equal(ask(t, s, "z0,1000,4"), "OK");
    assert_int_equal(t->points->nbreak, 0);
    assert_string_equal(ask(t, s, "Z9,1000,4"), "");
    assert_null(ask(t, s, "vCont;s:1;c"));
    assert_true(t->running && t->stepping);
    assert_null(ask(t, s, "g"));               /* the guest runs */
    gdb_stub_feed(s, "\3", 1);
    assert_true(t->stopped_by_client);
    t->nsent = 0;
    gdb_stub_stopped(s, &t->v[1], GDB_STOP_WATCH, 0x20);
    assert_non_null(strstr(t->sent, "$T05thread:2;watch:20;#"));
    assert_string_equal(ask(t, s, "?"), "T05thread:2;watch:20;");
    gdb_stub_free(s);
    assert_null(t->points);
    free(t);
}

static void documents_come_in_slices(void **state)
{
    struct gdb_stub *s;
    struct toy *t = toy_new(&s);

    (void)state;
    assert_string_equal(ask(t, s, "qXfer:features:read:target.xml:0,8"), "m<target>");
    assert_string_equal(ask(t, s, "qXfer:features:read:target.xml:28,100"), "l</target>");
    assert_string_equal(ask(t, s, "qXfer:features:read:nothing.xml:0,8"), "E00");
    assert_string_equal(ask(t, s, "qXfer:features:read:target.xml:ffffff,8"), "E00");
    gdb_stub_free(s);
    free(t);
}

static void bad_frames_are_refused(void **state)
{
    struct gdb_stub *s;
    struct toy *t = toy_new(&s);
    char *large = malloc(40000);

    (void)state;
    gdb_stub_feed(s, "$g#00", 5);
    assert_string_equal(t->sent, "-");
    t->nsent = 0;
    memset(large, 'a', 40000);
    large[0] = '$';
    gdb_stub_feed(s, large, 40000);
    gdb_stub_feed(s, "#61", 3);
    assert_string_equal(t->sent, "-");
    assert_string_equal(ask(t, s, "m1"), "E01");
    assert_string_equal(ask(t, s, "Z0"), "E01");
    assert_string_equal(ask(t, s, "M0,fffffffffffffffff:00"), "E01");
    assert_string_equal(ask(t, s, "qXfer:features:read:target.xml:"), "E00");
    assert_string_equal(ask(t, s, "nonsense"), "");
    gdb_stub_free(s);
    free(large);
    free(t);
}

/* Any bytes: nothing but replies may come of it. The seed is printed. */
static void noise(void **state)
{
    struct gdb_stub *s;
    struct toy *t = toy_new(&s);
    unsigned seed = 20261120;

    (void)state;
    print_message("seed %u\n", seed);
    srand(seed);
    for (unsigned i = 0; i < 20000; i++) {
        static const char letters[] = "?gGpPmMXZzHTqcsvDQ0123456789abcdef,;:=#$}*-+\3";
        char data[40];
        unsigned n = (unsigned)rand() % 30;

        for (unsigned k = 0; k < n; k++)
            data[k] = letters[(unsigned)rand() % (sizeof letters - 1)];
        for (unsigned k = 0; k < n; k++)
            if (data[k] == '$' || data[k] == '#' || data[k] == '}' || data[k] == 3)
                data[k] = '0';
        data[n] = 0;
        ask(t, s, data);
        gdb_stub_stopped(s, NULL, GDB_STOP_STEP, 0);
    }
    gdb_stub_free(s);
    free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registers_and_memory), cmocka_unit_test(points_and_running),
        cmocka_unit_test(documents_come_in_slices), cmocka_unit_test(bad_frames_are_refused), cmocka_unit_test(noise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
