/* Exact decimals: a 128-bit integer in units of 1e-9 (nano). Addition is exact and independent
 * of order. One value is bounded by +-1e20 (so that 1.7e9 values can be added without overflow);
 * more than nine decimals are rounded half to even, once, by itself. */
#ifndef BASE_DEC_H
#define BASE_DEC_H

#include <stdbool.h>
#include "base/str.h"

/* the one typedef: C has no other name for it that -Wpedantic takes */
__extension__ typedef __int128 dec;

#define DEC_MAX ((dec)(~(unsigned __int128)0 >> 1))

enum { DEC_TEXT_BYTES = 48 }; /* longest canonical text of any dec */

enum dec_result { DEC_OK, DEC_ROUNDED, DEC_RANGE, DEC_SYNTAX };

/* Reads an RFC 8259 number (sign, fraction, exponent) that spans the whole slice. DEC_RANGE
 * beyond +-1e20. */
enum dec_result dec_parse(struct slice text, dec *out);

/* Like dec_parse for stored sums: no bound but the type's (+-1.7e29 whole units), DEC_RANGE
 * beyond it. */
enum dec_result dec_parse_sum(struct slice text, dec *out);

/* Canonical text: no exponent, no leading or trailing zeros, "-0" is "0": 12, -0.5, 100.25.
 * Returns its length; no NUL. */
size_t dec_text(dec v, char out[DEC_TEXT_BYTES]);

/* Canonical text of an RFC 8259 number of any size and precision, for dimensions and unique ids:
 * 1.0 and 1 and 10e-1 are "1", 1e400 is "1e400": digits without leading and trailing zeros,
 * plain up to 40 characters, else d.ddde+-N. Appends to out. */
void dec_canonical(struct slice number, struct buf *out);

/* *sum += v. False, and *sum unchanged, on overflow of the type. */
static inline bool dec_add(dec *sum, dec v)
{
	dec r;
	if (__builtin_add_overflow(*sum, v, &r))
		return false;
	*sum = r;
	return true;
}

#endif
