/* hw/misc/sifive_test.c - one register by which a guest ends, passes, fails or resets; syscon power-off and reboot use it.
 *
 * Source: SiFive test finisher, as sifive,test1 and syscon in the device tree: 0x5555 pass, 0x7777 reset, and
 * 0x3333 | code << 16 fail. */
#include "core/base/log.h"
#include "core/dev/device.h"

enum { FAIL = 0x3333, PASS = 0x5555, RESET = 0x7777 };

static uint64_t test_read(void *opaque, uint64_t off, unsigned size)
{
    (void)opaque;
    (void)off;
    (void)size;
    return 0;
}

static void test_write(void *opaque, uint64_t off, uint64_t val, unsigned size)
{
    struct device *dev = opaque;

    (void)size;
    if (off != 0)
        return;
    switch (val & 0xffff) {
    case FAIL:
        dev_request(dev, BOARD_EXIT, (int)(val >> 16 & 0xffff));
        break;
    case PASS:
        dev_request(dev, BOARD_POWER_OFF, 0);
        break;
    case RESET:
        dev_request(dev, BOARD_RESET, 0);
        break;
    default:
        log_guest("sifive_test: 0x%llx is no command", (unsigned long long)val);
    }
}

static const struct state_field test_state[] = { STATE_END };

const struct device_type sifive_test_type = {
    .name = "riscv.sifive.test", .help = "ends, or resets, the machine", .bus = BUS_SYSTEM, .bytes = sizeof(struct device),
    .state = test_state, .state_version = 1, .wired = true,
    .mmio = { .read = test_read, .write = test_write, .length = 0x1000, .widths = WIDTH_2 | WIDTH_4 },
};
