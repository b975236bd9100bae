/* tests/isa/a64/streams.h - streams of random A64 instructions, for the guest that runs them at EL1 and EL0 of a bare machine
 * (tests/guest/bare-arm/streams.c). The same seed gives the same stream for ever.
 *
 * A stream is a loop with loops inside, ended by BRK. x18 and x22 count, x19 is the data, x16 and x17 are what accesses go
 * by, x21 is for jumps and PAR_EL1, x20, x23 and x24 are for the instruction that the stream exchanges in itself; the rest is random.
 * Nothing in it depends on interrupts: store-exclusives are in loops until they succeed, and no clock is read. */
#include <stdint.h>

/* What instructions are made of; written by templates.py. */
struct template {
    uint32_t value, free;                      /* bits that are fixed; mask of those that are not */
    int nregs, reg[4];                         /* where registers' fields begin */
    int base, index, imm, imm_bits;            /* of what reaches memory, -1: none */
    int nnever;
    struct { int at, bits; uint32_t value; } never[3];
    const char *name;
};
extern const struct template templates[];
extern const unsigned template_count;

/* RW_PAGES of data that may be written, one after the other; one that may not; nothing at NOWHERE. */
enum { PAGE = 4096, RW_PAGES = 6, RO_PAGE = 10, DATA_PAGES = 12, CODE_WORDS = 1024, NOWHERE = 64, END_OF_STREAM = 0x7777 };
enum { ANY_BITS = 1, PRIVILEGED = 2, CALLS = 4 };          /* flags: any bits at all, too; for EL1; SVC asks for changes of the MMU */

uint64_t stream_random(uint64_t *s);
unsigned stream_below(uint64_t *s, unsigned n);        /* 0 to n - 1 */
uint64_t stream_operand(uint64_t *s);                  /* often an edge value */

/* Where a stream goes on after a fault: behind the instruction, and behind the loop of an exclusive one. */
uint64_t skip_fault(uint64_t pc, uint32_t word);

/**
 * stream_make - a stream at @code, of CODE_WORDS at most, and what its registers are to be.
 * @x: out: x0 to x30 but for x19, which is the caller's
 * @loops: how often its outer loop goes round
 */
void stream_make(uint32_t *code, uint64_t seed, unsigned flags, unsigned loops, uint64_t x[31]);
