/* Unsigned integers of 320 bits, for quotients of exact sums: enough for the square of a decimal
 * sum (254 bits) and for a count times a sum of squares (221). Slow and small: a few per row. */
#ifndef BASE_WIDE_H
#define BASE_WIDE_H

#include <stdbool.h>
#include <stdint.h>

enum { WIDE_WORDS = 5 };

struct wide {
	uint64_t word[WIDE_WORDS];
}; /* least significant first */

__extension__ typedef unsigned __int128 wide_u128;

struct wide wide_of(wide_u128 v);
/* The product; what does not fit is cut off, which no caller's bounds allow. */
struct wide wide_mul(struct wide a, uint64_t b);
struct wide wide_square(wide_u128 v);
/* a - b, where a >= b. */
struct wide wide_sub(struct wide a, struct wide b);
int wide_cmp(struct wide a, struct wide b);

/* a / b as a double, rounded once, to nearest, ties to even. b is not 0; b and a have at most
 * 255 bits. */
double wide_ratio(struct wide a, struct wide b);

#endif
