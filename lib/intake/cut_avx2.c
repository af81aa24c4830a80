/* The cutter, 64 bytes at a time, for arrays of objects.
 *
 * The bytes in strings are masked out (avx2_block.h). What is left to walk are the brackets, four
 * or so an event: an event begins where one opens at depth 1 and ends where depth 1 comes back.
 * Commas are looked at only there, between events. Anything else than one comma and white space
 * there is left to the slow walk, and so is a text with a backslash outside of strings. */
#include <string.h>

#include "intake/avx2_block.h"
#include "intake/cut_internal.h"

#ifdef __x86_64__

/* What goes over from block to block. */
struct avx2_cut {
	struct avx2_strings strings;
	size_t depth, end; /* brackets open; offset behind the last event, 0 before the first */
};

static void mend_newlines(char *text, uint64_t newlines, uint64_t in)
{
	for (; newlines; newlines &= newlines - 1) {
		unsigned i = (unsigned)__builtin_ctzll(newlines);

		text[i] = in >> i & 1 ? 1 : ' ';
	}
}

/* Between two events, or before the first: \n for the comma. False: something else. */
static bool part_slow(char *p, const char *end, bool first)
{
	bool comma = false;

	for (; p < end; p++) {
		if (*p == ',' && !comma && !first) {
			comma = true;
			*p = '\n';
		} else if (*p != ' ' && *p != '\t' && *p != '\r') {
			return false;
		}
	}
	return comma || first;
}

static always_inline bool part_events(const struct cut_walk *w, size_t end, size_t start)
{
	if (likely(start == end + 1 && w->text[end] == ',' && end)) {
		w->text[end] = '\n';
		return true;
	}
	return part_slow(w->text + (end ? end : w->from), w->text + start, !end);
}

/* The bracket at `at` ends the array. */
static bool end_array(struct cut_walk *w, size_t end, size_t at)
{
	w->close = at;
	if (w->text[at] != ']' || !part_slow(w->text + (end ? end : w->from), w->text + at, true))
		return false;
	w->text[at] = '\n';
	return w->pieces <= w->max;
}

enum avx2_found { AVX2_MORE, AVX2_END, AVX2_ODD };

/* The brackets of a block. */
TARGET static always_inline enum avx2_found walk_brackets(struct cut_walk *w, struct avx2_cut *c,
							  size_t base, uint64_t opens,
							  uint64_t closes)
{
	uint64_t all = opens | closes;
	size_t fewer = (size_t)_mm_popcnt_u64(closes);

	if (c->depth > fewer + 1) {
		c->depth += (size_t)_mm_popcnt_u64(opens) - fewer;
		return AVX2_MORE;
	}
	for (; all; all = _blsr_u64(all)) {
		size_t i = _tzcnt_u64(all);

		if (opens >> i & 1) {
			if (c->depth++ == 1) {
				w->pieces++;
				if (!part_events(w, c->end, base + i))
					return AVX2_ODD;
			}
		} else if (--c->depth == 1) {
			c->end = base + i + 1;
		} else if (c->depth == 0) {
			return end_array(w, c->end, base + i) ? AVX2_END : AVX2_ODD;
		}
	}
	return AVX2_MORE;
}

TARGET bool cut_array_avx2(struct cut_walk *w)
{
	struct avx2_cut c = { .depth = 1 };
	enum avx2_found found = AVX2_MORE;
	char tail[AVX2_BLOCK];

	w->pieces = 0;
	for (size_t base = w->from; base < w->n && found == AVX2_MORE; base += AVX2_BLOCK) {
		const char *p = w->body + base;
		char *to = w->text + base;

		if (w->n - base < AVX2_BLOCK) {
			memset(tail, ' ', AVX2_BLOCK);
			p = memcpy(tail, p, w->n - base);
		}
		struct avx2_block b = avx2_block_at(p), lower = avx2_block_lower(b);
		_mm256_storeu_si256((__m256i_u *)(void *)to, b.low);
		_mm256_storeu_si256((__m256i_u *)(void *)(to + 32), b.high);
		uint64_t quotes, in = avx2_in_strings(&c.strings, b, &quotes);
		uint64_t newlines = avx2_marks(b, '\n');
		if (unlikely(newlines))
			mend_newlines(to, newlines, in);
		found = walk_brackets(w, &c, base, avx2_marks(lower, '{') & ~in,
				      avx2_marks(lower, '}') & ~in);
		if (w->pieces > w->max)
			return false;
	}
	return found == AVX2_END && !c.strings.stray;
}

#endif
