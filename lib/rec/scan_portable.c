/* The portable engine: eight bytes at a time in a 64-bit word.
 *
 * A byte of x is zero where (x - 01..01) & ~x has its top bit set; x below 20 where (x - 20..20) & ~x has. A borrow can only light false
 * marks above a true one, and only the lowest mark is used. */
#include "rec/scan_internal.h"

#define ENGINE(name) portable_##name
#define TARGET

static const uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;

static always_inline const char *portable_plain(const char *p)
{
	for (;; p += 8) {
		uint64_t v = scan_load(p), quote = v ^ ones * '"', backslash = v ^ ones * '\\';
		uint64_t marks = (((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) | (v - ones * 0x20) | v) & tops;
		if (marks)
			return p + (__builtin_ctzll(marks) >> 3);
	}
}

static const char *portable_string_rest(const char *p, uint32_t *type)
{
	return scan_string_rest(p, type);
}

static always_inline const char *portable_string(const char *p, uint32_t *type)
{
	p = portable_plain(p);
	return likely(*p == '"') ? p : portable_string_rest(p, type);
}

static always_inline const char *portable_number(const char *p)
{
	return scan_number(p);
}

#include "rec/scan_walk.h"

static unsigned portable_cut(const char *p, size_t n, unsigned max, const char **start, uint32_t *length)
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

const struct scan_ops scan_portable = { portable_walk_line, portable_cut };
