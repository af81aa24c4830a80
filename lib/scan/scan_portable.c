/* The portable engine: eight bytes at a time in a 64-bit word.
 *
 * A byte of x is zero where (x - 01..01) & ~x has its top bit set; x below 20 where (x - 20..20)
 * & ~x has. A borrow can only light false marks above a true one, and only the lowest mark is
 * used. */
#include "scan/scan_internal.h"

#define ENGINE(name) portable_##name
#define TARGET

static const uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;

static always_inline const char *plain_end(const char *p)
{
	for (;; p += 8) {
		uint64_t v = scan_load(p), quote = v ^ ones * '"', backslash = v ^ ones * '\\';
		uint64_t marks = (((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) |
				  (v - ones * 0x20) | v) &
				 tops;
		if (marks)
			return p + (__builtin_ctzll(marks) >> 3);
	}
}

struct portable_constants {
	char none;
};

static always_inline struct portable_constants portable_constants(void)
{
	return (struct portable_constants){ 0 };
}

static always_inline const char *portable_plain(const struct portable_constants *k, const char *p)
{
	(void)k;
	return plain_end(p);
}

static always_inline const char *portable_long_plain(const struct portable_constants *k,
						     const char *p)
{
	return portable_plain(k, p);
}

static always_inline struct scan_string portable_string_rest(const char *at)
{
	return scan_string_rest(at);
}

static always_inline const char *portable_number(const struct portable_constants *k, const char *p)
{
	(void)k;
	return scan_number(p);
}

static always_inline const char *portable_plain_number(const struct portable_constants *k,
						       const char *p)
{
	(void)k;
	return scan_number(p);
}

struct portable_diff {
	uint64_t bits;
};

static always_inline struct portable_diff portable_differ(struct portable_diff diff, const char *p,
							  const struct scan_piece *piece)
{
	for (int i = 0; i < SCAN_PIECE; i += 8) {
		uint64_t v, text, mask;
		memcpy(&v, p + i, 8);
		memcpy(&text, piece->text + i, 8);
		memcpy(&mask, piece->mask + i, 8);
		diff.bits |= (v ^ text) & mask;
	}
	return diff;
}

static always_inline bool portable_differs(struct portable_diff diff,
					   const struct scan_piece *piece)
{
	(void)piece;
	return diff.bits != 0;
}

enum { portable_GUESSES = false };

static always_inline void portable_guess(const char *p, const char *end, const char **guess)
{
	(void)p, (void)end, (void)guess;
}

static always_inline const struct scan_key *portable_guessed_name(
	const struct portable_constants *k, const struct scan_node *node, const char *p,
	const char *end)
{
	(void)k, (void)node, (void)p, (void)end;
	return NULL;
}

#include "scan/scan_walk.h"
#include "scan/scan_lanes.h"

static unsigned portable_cut(const char *p, size_t n, unsigned max, const char **start,
			     uint32_t *length)
{
	const char *const end = p + n;
	unsigned lines = 0;
	while (lines < max && p < end) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		if (!stop)
			break;
		start[lines] = p;
		length[lines++] = (uint32_t)(stop - p);
		p = stop + 1;
	}
	return lines;
}

const struct scan_ops scan_portable = { portable_walk_line, portable_cut, portable_run };
