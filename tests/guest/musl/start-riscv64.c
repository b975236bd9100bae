/* What crt1.o does. musl's own has relocations and extensions that the ld of Debian 12 does not know. */
int __libc_start_main(int (*main)(), int argc, char **argv, void (*init)(), void (*fini)(), void (*dummy)());
int main();

__asm__(".globl _start\n_start:\n mv a0, sp\n andi sp, sp, -16\n tail begin\n");

void begin(long *stack) { __libc_start_main(main, (int)stack[0], (char **)(stack + 1), 0, 0, 0); }
