/* The key of a group: its window and the values of its metric's dimensions, packed, so that two
 * records belong to one group if and only if their keys are the same bytes.
 *
 *   u64   id of the window (agg/window_kind.h) in the low 48 bits, the key's length in units of
 *         KEY_UNIT in the high 16
 *   then for each dimension, in the metric's order: u16 with the tag's number in the high 3 bits
 *   and the value's length, value; then zeros up to a
 *   multiple of KEY_UNIT
 *
 * Values are normalised as row/dims.h has them: strings decoded, numbers dec_canonical text. No
 * value has a NUL.
 *
 * What a store cannot hold has no key, whatever sinks a pipeline has: so a line counts in every
 * store or in none. A store writes numbers out: jsonb ends at 131,072 digits before the point and
 * 16,383 behind it, and gives 1e100000 back as 100,001 digits. One bound for strings and numbers,
 * KEY_VALUE_MAX, is far inside of that and beyond what people have.
 *
 * Native byte order: a key never leaves the process. */
#ifndef AGG_KEY_H
#define AGG_KEY_H

#include "agg/intern.h"
#include "row/dims.h"
#include "scan/scan.h"

enum {
	KEY_UNIT = 16,
	KEY_VALUE_MAX = 4096, /* bytes of a string, decoded; characters of a number that is
	                              * written without exponent and sign */
	/* writable bytes that must stand behind a key's room: fixed-size copies run over */
	KEY_SLACK = 64,
	/* a canonical number is at most that much longer than it was written */
	KEY_NUMBER_MAX = 40,
};
#define KEY_WINDOW_MASK ((1ULL << 48) - 1)

enum key_result {
	KEY_OK,
	KEY_STRUCTURE, /* an array or object */
	KEY_SURROGATE, /* a lone surrogate escape */
	KEY_NUL,       /* \u0000 */
	KEY_LONG,      /* a string beyond KEY_VALUE_MAX */
	KEY_NUMBER,    /* a number beyond it */
};

/* What is kept from call to call: {0} at first. */
struct key_scratch {
	struct buf text;
	struct intern intern;
};
void key_scratch_fini(struct key_scratch *s);

/* Bytes that the keys of lines of `bytes` in all need at most, KEY_SLACK included. */
static inline size_t key_room(size_t lines, size_t bytes, size_t dims)
{
	return bytes +
	       lines * (sizeof(uint64_t) + KEY_UNIT + KEY_SLACK + dims * (2 + KEY_NUMBER_MAX));
}

/* Writes the key of window `window` and fields[index[0..n)] to out; its length is key_bytes(out)
 * then. At least SCAN_PAD readable bytes stand behind each field's text. On another result *at
 * is the dimension at fault. */
enum key_result key_build(const struct field *fields, const uint8_t *index, size_t n,
			  uint64_t window, struct key_scratch *s, char *out, size_t *at);

/* The same for the lines of the set `live` (bit i: line i, its fields at fields + i * width, its
 * window window[i]): key[i] becomes the key, which stands in out. Returns the lines that have
 * one. */
uint64_t key_build_lines(const struct field *fields, size_t width, uint64_t live,
			 const uint8_t *index, size_t n, const uint64_t *window,
			 struct key_scratch *s, char *out, const char **key);

/* The normalised text of one string, number or boolean field, as in a key: for uniques. Points
 * into the field or scratch. KEY_STRUCTURE for other types. */
enum key_result key_text(const struct field *f, struct key_scratch *s, struct slice *out);

static inline uint64_t key_head(const char *key)
{
	uint64_t v;
	memcpy(&v, key, sizeof(v));
	return v;
}
static inline uint64_t key_window(const char *key)
{
	return key_head(key) & KEY_WINDOW_MASK;
}
static inline uint32_t key_bytes(const char *key)
{
	return (uint32_t)(key_head(key) >> 48) * KEY_UNIT;
}

/* The n dimensions of a key; names are the caller's. Slices point into the key. */
void key_dims(const char *key, size_t n, struct dim *out);

/* Overwrites out with the key of n dimensions in the same window, of which those in the set `which`
 * (bit i) are the string `text`. */
void key_replace(const char *key, size_t n, uint32_t which, struct slice text, struct buf *out);

/* Order of rows inside a window, dimension by dimension: missing, null, false, true, numbers by
 * size, strings by their bytes. n: dimensions. */
int key_cmp(const char *a, const char *b, size_t n);

/* One dimension (from 0 on) of keys that have it. */

/* The first bytes of its order as a number: key_prefix(a) < key_prefix(b) implies that a comes
 * before b, where dimensions before are the same. skip: bytes at the start of strings that are
 * left out, because all that are compared have them in common. */
uint64_t key_prefix(const char *key, size_t dim, size_t skip);
bool key_is_string(const char *key, size_t dim);
/* How many bytes two strings have in common. */
size_t key_common(const char *a, const char *b, size_t dim);
bool key_same(const char *a, const char *b, size_t dim);

#endif
