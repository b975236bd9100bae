/* For tests of what is around a machine: says hello, sends back what it is sent in capitals; r resets, q powers off,
 * f does so with status 7. */
#include <stdint.h>

#define UART ((volatile uint8_t *)0x10000000)

volatile uint64_t watched;

void put(char c)
{
    while (!(UART[5] & 32))
        continue;
    UART[0] = (uint8_t)c;
}

void say(const char *s)
{
    while (*s)
        put(*s++);
}

int main(void)
{
    say("hello\r\n");
    for (;;) {
        uint8_t c;

        while (!(UART[5] & 1))
            continue;
        c = UART[0];
        watched = c;
        if (c == 'r')
            *(volatile uint32_t *)0x100000 = 0x7777;
        if (c == 'q')
            *(volatile uint32_t *)0x100000 = 0x5555;
        if (c == 'f')
            *(volatile uint32_t *)0x100000 = 7 << 16 | 0x3333;
        put(c >= 'a' && c <= 'z' ? (char)(c - 32) : (char)c);
    }
}
