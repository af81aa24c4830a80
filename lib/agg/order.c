/* Place by place: the window, then each dimension. All groups that are alike up to a place get a
 * number there, the first bytes of their order, and are sorted by it without a look at their
 * keys; those with the same number go on at the same place, behind what their strings have in
 * common, or at the next. Few are compared as they are. Half as many entries are put aside for
 * merging: with the entries that is 18 bytes a group. */
#include "agg/order.h"

#include <stdlib.h>
#include <string.h>

#include "agg/key.h"
#include "base/mem.h"

enum { FEW = 8, AHEAD = 8 };

struct sorter {
	const struct table *t;
	size_t dims;
	struct order_entry *spare;
};

void order_clear(struct order *o, size_t expected)
{
	o->n = 0;
	mem_reserve(&o->entry, &o->cap, expected, sizeof(*o->entry));
}

void order_add(struct order *o, uint32_t ref)
{
	mem_reserve(&o->entry, &o->cap, o->n + 1, sizeof(*o->entry));
	o->entry[o->n++].ref = ref;
}

void order_fini(struct order *o)
{
	free(o->entry);
	free(o->spare);
}

static inline const char *key_of(const struct sorter *s, const struct order_entry *x)
{
	return table_key(s->t, table_at(s->t, x->ref));
}

/* ---- by numbers */

/* a[0..m) and b[0..n) to `to`, where b may be the end of what is written. */
static void merge_orders(const struct order_entry *a, size_t m, const struct order_entry *b,
			 size_t n, struct order_entry *to)
{
	const struct order_entry *a_end = a + m, *b_end = b + n;

	while (a < a_end && b < b_end) {
		bool right = b->by < a->by;

		*to++ = *(right ? b : a);
		a += !right;
		b += right;
	}
	memcpy(to, a, (size_t)(a_end - a) * sizeof(*a));
}

static void sort(struct order_entry *v, size_t n, struct order_entry *spare)
{
	size_t half = n / 2;

	if (n <= FEW) {
		for (size_t i = 1; i < n; i++) {
			struct order_entry x = v[i];
			size_t k = i;

			for (; k > 0 && x.by < v[k - 1].by; k--)
				v[k] = v[k - 1];
			v[k] = x;
		}
		return;
	}
	sort(v, half, spare);
	sort(v + half, n - half, spare);
	if (v[half - 1].by <= v[half].by)
		return;
	memcpy(spare, v, half * sizeof(*v));
	merge_orders(spare, half, v + half, n - half, v);
}

/* ---- by keys */

static void sort_few(const struct sorter *s, struct order_entry *v, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct order_entry x = v[i];
		size_t k = i;

		for (; k > 0 && key_cmp(key_of(s, &x), key_of(s, &v[k - 1]), s->dims) < 0; k--)
			v[k] = v[k - 1];
		v[k] = x;
	}
}

/* Long numbers that begin alike: merged as they are, without more memory. */
static void sort_keys(const struct sorter *s, struct order_entry *v, size_t n)
{
	size_t half = n / 2, m = half;

	if (n <= FEW) {
		sort_few(s, v, n);
		return;
	}
	sort_keys(s, v, half);
	sort_keys(s, v + half, n - half);
	memcpy(s->spare, v, half * sizeof(*v));
	for (size_t a = 0, to = 0; a < half; to++)
		v[to] = m < n && key_cmp(key_of(s, &v[m]), key_of(s, &s->spare[a]), s->dims) < 0
				? v[m++]
				: s->spare[a++];
}

/* ---- place by place; place 0 is the window, place d + 1 dimension d */

static void sort_at(const struct sorter *s, struct order_entry *v, size_t n, size_t place);

/* Those that got the same number at a place. */
static void sort_alike(const struct sorter *s, struct order_entry *v, size_t n, size_t place)
{
	const char *first = key_of(s, v);
	bool same = true;

	if (n <= FEW) {
		sort_few(s, v, n);
		return;
	}
	for (size_t i = 1; i < n && place && same; i++)
		same = key_same(first, key_of(s, &v[i]), place - 1);
	if (same)
		sort_at(s, v, n, place + 1);
	else if (key_is_string(first, place - 1))
		sort_at(s, v, n, place); /* they have seven bytes more in common */
	else
		sort_keys(s, v, n);
}

static inline void ask_ahead(const struct sorter *s, const struct order_entry *v, size_t i,
			     size_t n)
{
	__builtin_prefetch(key_of(s, &v[i + AHEAD < n ? i + AHEAD : i]));
}

/* What all strings of a place begin with. */
static size_t common_prefix(const struct sorter *s, const struct order_entry *v, size_t n,
			    size_t place)
{
	const char *first = NULL;
	size_t most = KEY_VALUE_MAX;

	for (size_t i = 0; i < n && most; i++) {
		const char *key = key_of(s, &v[i]);
		size_t same;

		ask_ahead(s, v, i, n);
		if (!key_is_string(key, place - 1))
			continue;
		if (!first)
			first = key;
		same = key_common(first, key, place - 1);
		most = same < most ? same : most;
	}
	return most;
}

static void give_numbers(const struct sorter *s, struct order_entry *v, size_t n, size_t place)
{
	size_t skip = place ? common_prefix(s, v, n, place) : 0;

	for (size_t i = 0; i < n; i++) {
		ask_ahead(s, v, i, n);
		v[i].by = place ? key_prefix(key_of(s, &v[i]), place - 1, skip)
				: key_window(key_of(s, &v[i]));
	}
}

static void sort_at(const struct sorter *s, struct order_entry *v, size_t n, size_t place)
{
	if (place > s->dims)
		BUG("%zu groups with one key", n);
	give_numbers(s, v, n, place);
	sort(v, n, s->spare);
	for (size_t from = 0, to; from < n; from = to) {
		for (to = from + 1; to < n && v[to].by == v[from].by; to++)
			;
		sort_alike(s, v + from, to - from, place);
	}
}

void order_sort(struct order *o, const struct table *t, size_t dims)
{
	struct sorter s = { .t = t, .dims = dims };

	if (o->n < 2)
		return;
	mem_reserve(&o->spare, &o->cap_spare, o->n / 2, sizeof(*o->spare));
	s.spare = o->spare;
	sort_at(&s, o->entry, o->n, 0);
}
