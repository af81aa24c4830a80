/* Dimensions: one metric's group-by values of one record, normalised. The hash and its input are
 * stable for ever (hta-protocol(7)).
 *
 * Hash input: for each dimension in order of its name (bytes): u32le length of name, name, one
 * tag, u32le length of value, value.
 *   tag  value
 *   's'  string, decoded UTF-8        'n'  number, dec_canonical text
 *   't' 'f'  true, false, length 0    '0'  null, length 0      '-'  missing, length 0
 * dims_hash = XXH3-128 of it, canonical bytes, 32 hex digits. No dimensions: the hash of
 * nothing. The JSON text is an object in the same order; a missing dimension has no member;
 * numbers stand in canonical form. */
#ifndef ROW_DIMS_H
#define ROW_DIMS_H

#include <stdbool.h>
#include "base/str.h"

enum dim_tag {
	DIM_STRING = 's',
	DIM_NUMBER = 'n',
	DIM_TRUE = 't',
	DIM_FALSE = 'f',
	DIM_NULL = '0',
	DIM_MISSING = '-',
};

struct dim {
	struct slice name;
	enum dim_tag tag;
	struct slice value;
};

/* d: in order of name (bytes), names distinct; value: decoded UTF-8 of a string, dec_canonical
 * text of a number, else not looked at. Names and values are shorter than 4 GiB. scratch is
 * overwritten and holds the hash's input afterwards; dims_json appends to out. */
void dims_hash(const struct dim *d, size_t n, struct buf *scratch, uint8_t out[16]);
void dims_json(const struct dim *d, size_t n, struct buf *out);

/* A canonical number (dec_canonical) taken apart: 0.d1d2... x 10^(top + 1), where d1 is not 0. */
struct dims_number {
	bool negative, zero;
	int64_t top;         /* power of ten of the first digit, cut at +-1e18 */
	struct slice digits; /* of the text; the point may stand among them */
};
struct dims_number dims_number(struct slice canonical);

/* Characters of the number written without an exponent, its sign not counted: 1e3 has 4, as has
 * 0.01. */
uint64_t dims_number_chars(struct slice canonical);

/* Order of two canonical numbers by their size. */
int dims_number_cmp(struct slice a, struct slice b);

#endif
