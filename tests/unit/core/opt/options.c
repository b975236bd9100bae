/* Command lines of a machine and of a program, right and wrong. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/opt/options.h"

enum { WORDS_MAX = 40 };

/* Splits at blanks; the words live until the next call. */
static int words(const char *line, char **argv)
{
    static char buf[1024];
    char *rest = buf, *word;
    int argc = 1;

    strncpy(buf, line, sizeof buf - 1);
    argv[0] = (char *)"rhea";
    while ((word = strsep(&rest, " ")))
        if (*word)
            argv[argc++] = word;
    argv[argc] = NULL;
    return argc;
}

static struct sys_options sys(const char *line)
{
    char *argv[WORDS_MAX];
    struct sys_options o;
    struct error err = ERROR_INIT;

    if (sys_options_parse(&o, words(line, argv), argv, "riscv64", &err) != 0)
        fail_msg("%s", err.text);
    return o;
}

static void refused(const char *line, const char *sentence)
{
    char *argv[WORDS_MAX];
    struct sys_options o;
    struct error err = ERROR_INIT;

    assert_true(sys_options_parse(&o, words(line, argv), argv, "riscv64", &err) < 0);
    assert_string_equal(err.text, sentence);
    sys_options_free(&o);
}

static void a_machine_is_read(void **state)
{
    struct sys_options o = sys("-M virt,aclint=on -cpu rv64,+zbb,-zfh,sstc=off,pmp -smp 4 -m 1.5G --kernel k -append a,b"
                               " -device tick,id=x -device tock -nographic -no-reboot -s -S disk.img -machine dumpdtb=f");

    (void)state;
    assert_string_equal(optlist_get(o.machine, "type"), "virt");
    assert_string_equal(optlist_get(o.machine, "aclint"), "on");
    assert_string_equal(optlist_get(o.machine, "dumpdtb"), "f");
    assert_string_equal(optlist_get(o.cpu, "model"), "rv64");
    assert_string_equal(optlist_get(o.cpu, "zbb"), "on");
    assert_string_equal(optlist_get(o.cpu, "zfh"), "off");
    assert_string_equal(optlist_get(o.cpu, "sstc"), "off");
    assert_string_equal(optlist_get(o.cpu, "pmp"), "on");
    assert_int_equal(o.smp.cpus, 4);
    assert_int_equal(o.smp.maxcpus, 4);
    assert_int_equal(o.ram_bytes, UINT64_C(1536) << 20);
    assert_string_equal(o.kernel, "k");
    assert_string_equal(o.append, "a,b");
    assert_int_equal(o.devices.count, 2);
    assert_string_equal(optlist_get(o.devices.at[1], "driver"), "tock");
    assert_true(o.nographic && o.no_reboot && o.stopped);
    assert_string_equal(o.gdb, "tcp::1234");
    assert_int_equal(o.drives.count, 1);
    assert_string_equal(optlist_get(o.drives.at[0], "file"), "disk.img");
    sys_options_free(&o);
}

static void accelerators_keep_their_order(void **state)
{
    struct sys_options o = sys("-machine virt,accel=kvm:tcg -accel tcg,thread=single -enable-kvm");

    (void)state;
    assert_int_equal(o.accels.count, 4);
    assert_string_equal(optlist_get(o.accels.at[0], "accel"), "kvm");
    assert_string_equal(optlist_get(o.accels.at[1], "accel"), "tcg");
    assert_string_equal(optlist_get(o.accels.at[2], "thread"), "single");
    assert_string_equal(optlist_get(o.accels.at[3], "accel"), "kvm");
    assert_false(optlist_has(o.machine, "accel"));
    sys_options_free(&o);
}

static void topologies(void **state)
{
    struct sys_options o = sys("-smp sockets=2,cores=2,threads=1");

    (void)state;
    assert_int_equal(o.smp.cpus, 4);
    sys_options_free(&o);
    o = sys("-smp 2,maxcpus=8");
    assert_int_equal(o.smp.cpus, 2);
    assert_int_equal(o.smp.maxcpus, 8);
    sys_options_free(&o);
    o = sys("-smp 3,sockets=2,cores=2,threads=1,maxcpus=4");
    assert_int_equal(o.smp.cpus, 3);
    assert_int_equal(o.smp.maxcpus, 4);
    sys_options_free(&o);
    refused("-smp 8,maxcpus=2", "-smp 8,maxcpus=2: cpus=8 is more than maxcpus=2");
    refused("-smp 4,sockets=1,cores=2,threads=1", "-smp 4,sockets=1,cores=2,threads=1: the topology has 2 CPUs, maxcpus is 4");
    refused("-smp 0", "-smp 0: cpus=0 is out of range: 1 to 4096");
    refused("-smp 2,coers=2", "-smp 2,coers=2: 'coers' is not known here; did you mean 'cores'?");
}

static void short_spellings_become_drives(void **state)
{
    struct sys_options o = sys("-hda a -cdrom b -pflash c -drive file=d,if=none,id=x");

    (void)state;
    assert_int_equal(o.drives.count, 4);
    assert_string_equal(optlist_get(o.drives.at[1], "media"), "cdrom");
    assert_string_equal(optlist_get(o.drives.at[2], "if"), "pflash");
    assert_string_equal(optlist_get(o.drives.at[3], "id"), "x");
    sys_options_free(&o);
}

static void globals_have_three_parts(void **state)
{
    struct sys_options o = sys("-global virtio-blk.serial=a.b=c -global driver=x,property=y,value=z");

    (void)state;
    assert_string_equal(optlist_get(o.globals.at[0], "driver"), "virtio-blk");
    assert_string_equal(optlist_get(o.globals.at[0], "property"), "serial");
    assert_string_equal(optlist_get(o.globals.at[0], "value"), "a.b=c");
    assert_string_equal(optlist_get(o.globals.at[1], "value"), "z");
    sys_options_free(&o);
    refused("-global foo", "-global foo: driver= is missing");
}

static void mistakes_get_a_sentence(void **state)
{
    (void)state;
    refused("-kernl x", "-kernl: no such option; did you mean '-kernel'?");
    refused("--xyzzyx", "--xyzzyx: no such option; -help lists what there is");
    refused("-kernel", "-kernel: an argument is missing: -kernel file");
    refused("-m 12Q", "-m 12Q: size=12Q is not a size such as 4096, 512M or 2G");
    refused("-m 0", "-m 0: a machine needs some memory");
    refused("-spice port=1", "-spice port=1: SPICE is not built in; use -nographic");
    refused("-d in_ams", "-d in_ams: no such log category; did you mean 'in_asm'? (-d help lists them)");
    refused("-dfilter 0x100", "-dfilter 0x100: expected START+LEN, START-LEN or START..END");
}

static void logs_are_switched_on(void **state)
{
    struct sys_options o = sys("-d in_asm,guest_errors,-in_asm,int -dfilter 0x80000000+0x1000,5..6,0x20-0x10");

    (void)state;
    assert_true(log_on(LOG_GUEST_ERRORS));
    assert_true(log_on(LOG_INT));
    assert_false(log_on(LOG_IN_ASM));
    assert_true(log_wants(0x80000fff));
    assert_false(log_wants(0x80001000));
    assert_true(log_wants(0x11));
    assert_false(log_wants(0x10));
    log_set_mask(0);
    sys_options_free(&o);
}

static const char *env_of(const struct user_options *o, const char *name)
{
    size_t n = strlen(name);

    for (char **e = o->envp; *e; e++)
        if (strncmp(*e, name, n) == 0 && (*e)[n] == '=')
            return *e + n + 1;
    return NULL;
}

static void a_program_is_read(void **state)
{
    char *argv[WORDS_MAX];
    struct user_options o;
    struct error err = ERROR_INIT;
    int argc;

    (void)state;
    setenv("QEMU_LD_PREFIX", "/sysroot", 1);
    setenv("QEMU_SET_ENV", "A=1,B=2", 1);
    setenv("GONE", "here", 1);
    argc = words("-cpu rv64,zbb=off -E C=x,y=z -U GONE -s 1M -B 0x10000000 -0 me prog -x --y", argv);
    assert_int_equal(user_options_parse(&o, argc, argv, "riscv64", &err), 0);
    assert_string_equal(o.program, "prog");
    assert_int_equal(o.argc, 3);
    assert_string_equal(o.argv[0], "me");
    assert_string_equal(o.argv[2], "--y");
    assert_null(o.argv[3]);
    assert_string_equal(o.sysroot, "/sysroot");
    assert_string_equal(env_of(&o, "A"), "1");
    assert_string_equal(env_of(&o, "B"), "2");
    assert_string_equal(env_of(&o, "C"), "x,y=z");
    assert_null(env_of(&o, "GONE"));
    assert_non_null(env_of(&o, "QEMU_SET_ENV"));
    assert_string_equal(optlist_get(o.cpu, "zbb"), "off");
    assert_int_equal(o.stack_bytes, 1 << 20);
    assert_true(o.has_base && o.base == 0x10000000);
    user_options_free(&o);
    unsetenv("QEMU_SET_ENV");
    unsetenv("QEMU_LD_PREFIX");
}

static void a_program_must_be_named(void **state)
{
    char *argv[WORDS_MAX];
    struct user_options o;
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(user_options_parse(&o, words("-L /x", argv), argv, "riscv64", &err), -EINVAL);
    assert_non_null(strstr(err.text, "no program given"));
    error_clear(&err);
    assert_int_equal(user_options_parse(&o, words("-E novalue prog", argv), argv, "riscv64", &err), -EINVAL);
    assert_string_equal(err.text, "-E novalue: expected VARIABLE=VALUE");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_machine_is_read),
        cmocka_unit_test(accelerators_keep_their_order),
        cmocka_unit_test(topologies),
        cmocka_unit_test(short_spellings_become_drives),
        cmocka_unit_test(globals_have_three_parts),
        cmocka_unit_test(mistakes_get_a_sentence),
        cmocka_unit_test(logs_are_switched_on),
        cmocka_unit_test(a_program_is_read),
        cmocka_unit_test(a_program_must_be_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
