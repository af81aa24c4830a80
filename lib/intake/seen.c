/* Two tables of open addressing with linear probing.
 *
 *	previous   since t0   full or old: read only
 *	current    since t1   added to; at most `most` of its slots are used
 *
 * The home of a key is its first half times the number of slots, cut to the upper 64 bits, so that
 * the number need not be a power of two. Slots are allocated zeroed, which costs address space
 * only, and never rehashed; huge pages are asked for, as misses would double with those of page
 * tables. Nothing is ever removed but what was added last, in reverse, and that leaves every probe
 * sequence as it was.
 *
 * Tables are beyond the caches: a batch of keys is prefetched first, in both. */
#include "intake/seen.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"

__extension__ typedef unsigned __int128 seen_wide;

enum { HUGE_BYTES = 2 << 20 };

struct generation {
	struct seen_entry *slot;
	size_t used;
	int64_t since_us;
};

struct seen {
	struct generation now, before;
	size_t slots, most; /* of each generation */
	int64_t window_us, latest_us;
	uint64_t forgotten;
	size_t *added; /* slots, in order, since seen_begin */
	size_t n, cap;
};

static size_t table_bytes(const struct seen *s)
{
	return s->slots * sizeof(struct seen_entry);
}

static void generation_new(struct seen *s, struct generation *g, int64_t now_us)
{
	void *p = mem_array(s->slots, sizeof(struct seen_entry));
	uintptr_t from = ((uintptr_t)p + HUGE_BYTES - 1) & ~(uintptr_t)(HUGE_BYTES - 1);
	uintptr_t to = ((uintptr_t)p + table_bytes(s)) & ~(uintptr_t)(HUGE_BYTES - 1);

	if (from < to)
		madvise((void *)from, to - from, MADV_HUGEPAGE);
	*g = (struct generation){ .slot = p, .since_us = now_us };
}

static void generation_free(struct generation *g)
{
	free(g->slot);
	*g = (struct generation){ 0 };
}

struct seen *seen_new(int64_t window_us, size_t ids, size_t least)
{
	struct seen *s = mem_zalloc(sizeof(*s));

	s->most = ids / 2 > least ? ids / 2 : least;
	s->most += s->most == 0;
	s->slots = s->most + s->most / 7 * 3 + 16; /* seven tenths */
	s->window_us = window_us;
	return s;
}

void seen_free(struct seen *s)
{
	if (!s)
		return;
	generation_free(&s->now);
	generation_free(&s->before);
	free(s->added);
	free(s);
}

/* ---- keys */

static struct seen_key key_of(const void *p, size_t n)
{
	struct seen_key key;
	uint8_t canonical[16];

	hash_128(p, n, canonical);
	memcpy(&key, canonical, sizeof(key));
	if (!key.half[0] && !key.half[1])
		key.half[1] = 1;
	return key;
}

struct seen_key seen_key_of(struct slice topic, struct slice event_id)
{
	char text[2048];
	struct buf b = { 0 };
	struct seen_key key;
	size_t n = topic.n + 1 + event_id.n;
	char *p = n <= sizeof(text) ? text : buf_room(&b, n);

	memcpy(p, topic.p, topic.n);
	p[topic.n] = '\0';
	memcpy(p + topic.n + 1, event_id.p, event_id.n);
	key = key_of(p, n);
	buf_fini(&b);
	return key;
}

struct seen_key seen_key_other(struct slice text)
{
	struct seen_key key = key_of(text.p, text.n);

	/* no event's topic begins with a NUL, and this is the hash of none */
	key.half[0] = ~key.half[0];
	key.half[1] ^= 0x9e3779b97f4a7c15;
	return key;
}

/* ---- generations */

static void turn(struct seen *s, int64_t now_us)
{
	generation_free(&s->before);
	s->before = s->now;
	generation_new(s, &s->now, now_us);
}

void seen_begin(struct seen *s, int64_t now_us, size_t n)
{
	s->n = 0;
	if (now_us < s->latest_us)
		now_us = s->latest_us;
	s->latest_us = now_us;
	if (!s->now.slot) {
		generation_new(s, &s->now, now_us);
	} else if (now_us - s->now.since_us >= 2 * s->window_us) {
		turn(s, now_us);
		turn(s, now_us);
	} else if (now_us - s->now.since_us >= s->window_us) {
		/* as if it had turned in time: what it holds goes two windows after its start */
		turn(s, s->now.since_us + s->window_us);
	}
	if (s->now.used + n > s->most) {
		s->forgotten += s->before.used > 0;
		turn(s, now_us);
	}
}

static struct seen_entry *slot_of(const struct seen *s, const struct generation *g,
				  struct seen_key key)
{
	size_t home = (size_t)((seen_wide)key.half[0] * s->slots >> 64);

	for (size_t i = home;; i = i + 1 < s->slots ? i + 1 : 0) {
		struct seen_entry *e = &g->slot[i];

		if ((e->key.half[0] == key.half[0] && e->key.half[1] == key.half[1]) ||
		    !(e->key.half[0] | e->key.half[1]))
			return e;
	}
}

void seen_prefetch(const struct seen *s, struct seen_key key)
{
	size_t home = (size_t)((seen_wide)key.half[0] * s->slots >> 64);

	__builtin_prefetch(&s->now.slot[home], 1);
	if (s->before.slot)
		__builtin_prefetch(&s->before.slot[home]);
}

const struct seen_entry *seen_find(const struct seen *s, struct seen_key key)
{
	const struct seen_entry *e;

	if (!s->now.slot)
		return NULL;
	e = slot_of(s, &s->now, key);
	if (!(e->key.half[0] | e->key.half[1]) && s->before.slot)
		e = slot_of(s, &s->before, key);
	return e->key.half[0] | e->key.half[1] ? e : NULL;
}

void seen_add(struct seen *s, const struct seen_entry *e)
{
	struct seen_entry *to;

	if (s->now.used == s->most)
		BUG("more keys than seen_begin was told of");
	to = slot_of(s, &s->now, e->key);
	*to = *e;
	s->now.used++;
	mem_reserve(&s->added, &s->cap, s->n + 1, sizeof(*s->added));
	s->added[s->n++] = (size_t)(to - s->now.slot);
}

void seen_undo(struct seen *s, size_t n)
{
	for (; n > 0 && s->n > 0; n--) {
		s->now.slot[s->added[--s->n]] = (struct seen_entry){ 0 };
		s->now.used--;
	}
}

struct seen_stats seen_stats(const struct seen *s)
{
	return (struct seen_stats){
		.ids = s->now.used + s->before.used,
		.bytes = table_bytes(s) * (size_t)(!!s->now.slot + !!s->before.slot),
		.since_us = s->before.slot ? s->before.since_us : s->now.since_us,
		.forgotten = s->forgotten,
	};
}
