/* The quick walk over an event's names, 64 bytes at a time. The bytes in strings are masked out as
 * the cutter does it; what is left to visit are brackets and colons. The name of a colon is what
 * stands between the two quotes before it, most often in the same block. */
#include "intake/avx2_block.h"
#include "intake/members_internal.h"

#ifdef __x86_64__

struct members_walk {
	struct members_open open;
	struct avx2_strings strings;
	const char *quote[2]; /* the last two quotes before the block, the later one second */
};

TARGET static always_inline bool take_name(struct members_walk *w, const char *base,
					   uint64_t quotes, unsigned colon)
{
	const char *end = w->quote[1], *start = w->quote[0];
	uint64_t before = _bzhi_u64(quotes, colon), rest;

	if (__builtin_expect(before != 0, 1)) {
		unsigned last = 63 - (unsigned)__builtin_clzll(before);

		rest = before & ~((uint64_t)1 << last);
		start = rest ? base + 63 - __builtin_clzll(rest) : end;
		end = base + last;
	}
	start++;
	/* an escape somewhere before: rare enough to look for it in every name */
	if (unlikely(w->strings.slashed) && memchr(start, '\\', (size_t)(end - start)))
		return false;
	return members_add(&w->open, members_hash(start, (size_t)(end - start)));
}

TARGET static always_inline void keep_quotes(struct members_walk *w, const char *base,
					     uint64_t quotes)
{
	if (!quotes)
		return;
	unsigned last = 63 - (unsigned)__builtin_clzll(quotes);
	uint64_t rest = quotes & ~((uint64_t)1 << last);

	w->quote[0] = rest ? base + 63 - __builtin_clzll(rest) : w->quote[1];
	w->quote[1] = base + last;
}

TARGET bool members_fine_avx2(struct slice object)
{
	const char *const end = object.p + object.n;
	struct members_walk w;

	members_begin(&w.open);
	w.strings = (struct avx2_strings){ 0 };
	w.quote[0] = w.quote[1] = object.p;
	for (const char *p = object.p; p < end; p += AVX2_BLOCK) {
		struct avx2_block b = avx2_block_at(p), lower = avx2_block_lower(b);
		uint64_t all = end - p < AVX2_BLOCK ? ((uint64_t)1 << (end - p)) - 1 : UINT64_MAX;
		uint64_t quotes, in = avx2_in_strings(&w.strings, b, &quotes), colons, opens, marks;

		colons = avx2_marks(b, ':') & ~in;
		opens = avx2_marks(lower, '{') & ~in;
		marks = (colons | opens | (avx2_marks(lower, '}') & ~in)) & all;
		for (; marks; marks = _blsr_u64(marks)) {
			unsigned i = (unsigned)_tzcnt_u64(marks);

			if (colons >> i & 1) {
				if (!take_name(&w, p, quotes, i))
					return false;
			} else if (!(opens >> i & 1)) {
				members_pop(&w.open);
			} else if (!members_push(&w.open)) {
				return false;
			}
		}
		keep_quotes(&w, p, quotes & all);
	}
	return true;
}

#endif
