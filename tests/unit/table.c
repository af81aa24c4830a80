/* The group table against a plain list: any batches, any order, growth, merging, windows that
 * close. */
#include "agg/table.h"

#include <stdlib.h>

#include "agg/key.h"
#include "base/hash.h"
#include "sketch/hashset.h"
#include "sketch/held.h"
#include "sketch/logbucket.h"
#include "tap.h"

enum { NANO = 1000000000, COLUMNS = 9, CANDIDATE = 80 };

/* A key of window and number, of `units` x 16 bytes. */
static void make_key(char *out, uint64_t window, uint32_t number, unsigned units)
{
	uint64_t head = window | (uint64_t)units << 48;
	memset(out, 0, units * KEY_UNIT);
	memcpy(out, &head, sizeof(head));
	memcpy(out + units * KEY_UNIT - sizeof(number), &number, sizeof(number));
}

struct batch {
	char key[TABLE_BATCH][64];
	const char *keys[TABLE_BATCH];
	dec value[TABLE_BATCH];
	uint64_t uniq[TABLE_BATCH];
	uint8_t line[TABLE_BATCH];
	struct table_batch b;
	uint64_t contributes[COLUMNS];
	struct table_contribution contribution[COLUMNS];
	uint64_t place[TABLE_BATCH], item[TABLE_BATCH];
	struct slice candidate[TABLE_BATCH];
	char text[TABLE_BATCH][CANDIDATE]; /* of the candidates */
};

/* One column of each rule, to which every value contributes, or every unique: then they are what
 * the group counts of its values and uniques. */
static const enum column_rule rules[] = { COLUMN_COUNT, COLUMN_SUM,       COLUMN_MIN,
					  COLUMN_MAX,   COLUMN_QUANTILES, COLUMN_HLL,
					  COLUMN_SET,   COLUMN_LOWEST,    COLUMN_HIGHEST };

static bool is_of_uniques(enum column_rule rule)
{
	return rule == COLUMN_HLL || rule == COLUMN_SET;
}

static void begin(struct batch *x)
{
	x->b = (struct table_batch){ .line = x->line,
				     .key = x->keys,
				     .value = x->value,
				     .uniq = x->uniq,
				     .contributes = x->contributes,
				     .contribution = x->contribution };
	for (int i = 0; i < COLUMNS; i++) {
		x->contributes[i] = 0;
		x->contribution[i] = (struct table_contribution){ 0 };
		if (is_of_uniques(rules[i]))
			x->contribution[i].item = x->uniq;
		else if (rules[i] == COLUMN_QUANTILES)
			x->contribution[i].item = x->place;
		else if (column_is_sketch(rules[i]))
			x->contribution[i].item = x->item;
		else if (rules[i] != COLUMN_COUNT)
			x->contribution[i].value = x->value;
	}
}

/* The value is what is chosen by, so the least and the most of a group are what it holds. */
static struct slice candidate_of(dec value, char text[CANDIDATE])
{
	char number[DEC_TEXT_BYTES];
	struct held_value by = { HELD_NUMBER, slice(number, dec_text(value, number)) },
			  yes = { .type = HELD_TRUE };
	struct buf b = { 0 };
	size_t n;
	held_candidate(by, 0, yes, &b);
	n = b.n;
	memcpy(text, b.p, n);
	buf_fini(&b);
	return slice(text, n);
}

static void put(struct batch *x, uint64_t window, uint32_t number, bool has_value, dec value,
		uint64_t uniq)
{
	unsigned i = x->b.n++;
	make_key(x->key[i], window, number, 1 + number % 4);
	x->keys[i] = x->key[i];
	x->line[i] = (uint8_t)i;
	x->value[i] = value;
	x->uniq[i] = uniq;
	x->place[i] = logbucket_place(value);
	x->candidate[i] = candidate_of(value, x->text[i]);
	x->item[i] = (uint64_t)(uintptr_t)&x->candidate[i];
	x->b.has_value |= (uint64_t)has_value << i;
	x->b.has_uniq |= (uint64_t)(uniq != 0) << i;
	for (int c = 0; c < COLUMNS; c++)
		x->contributes[c] = is_of_uniques(rules[c]) ? x->b.has_uniq : x->b.has_value;
}

enum { GROUPS = 5000 };
struct sum {
	uint64_t count, values;
	dec sum, min, max;
	struct hll *uniq;
	struct logbucket *bucket;
	struct hashset *set;
};

static uint32_t number_of(const char *key)
{
	uint32_t v;
	memcpy(&v, key + key_bytes(key) - sizeof(v), sizeof(v));
	return v;
}

static void expect(struct sum *s, bool has_value, dec v, uint64_t uniq)
{
	s->count++;
	if (has_value) {
		s->min = s->values == 0 || v < s->min ? v : s->min;
		s->max = s->values == 0 || v > s->max ? v : s->max;
		s->sum += v;
		s->values++;
		if (!s->bucket)
			s->bucket = logbucket_new();
		logbucket_add(s->bucket, v);
	}
	if (uniq) {
		if (!s->uniq) {
			s->uniq = hll_new();
			s->set = hashset_new();
		}
		hll_add(s->uniq, uniq);
		hashset_add(s->set, uniq);
	}
}

static bool same_uniq(const struct hll *a, const struct hll *b)
{
	uint8_t x[HLL_REGISTERS] = { 0 }, y[HLL_REGISTERS] = { 0 };
	if (a)
		hll_registers(a, x);
	if (b)
		hll_registers(b, y);
	return memcmp(x, y, sizeof(x)) == 0;
}

static bool same_sketch(enum column_rule rule, const struct cell *c, const void *want)
{
	struct buf b = { 0 };
	bool same;
	if (want)
		column_sketch(rule)->encode(want, &b);
	same = want ? !c->empty && slice_eq(c->sketch, buf_slice(&b)) : c->empty;
	buf_fini(&b);
	return same;
}

static bool same_sketches(const struct cell *c, const struct sum *s)
{
	return same_sketch(COLUMN_QUANTILES, &c[4], s->bucket) &&
	       same_sketch(COLUMN_HLL, &c[5], s->uniq) && same_sketch(COLUMN_SET, &c[6], s->set);
}

static bool same_held(const struct cell *c, const struct sum *s)
{
	char low[CANDIDATE], high[CANDIDATE];
	if (s->values == 0)
		return c[7].empty && c[8].empty;
	return slice_eq(c[7].sketch, candidate_of(s->min, low)) &&
	       slice_eq(c[8].sketch, candidate_of(s->max, high));
}

static bool same_numbers(const struct cell *c, const struct sum *s)
{
	if (c[0].count != s->values || c[1].value != s->sum || c[2].empty != (s->values == 0) ||
	    c[3].empty != (s->values == 0))
		return false;
	return s->values == 0 || (c[2].value == s->min && c[3].value == s->max);
}

static bool same_columns(const struct table *t, const struct group *g, const struct sum *s)
{
	struct cell c[COLUMNS];
	struct buf sketches = { 0 };
	bool same;
	table_cells(t, g, c, &sketches);
	same = same_numbers(c, s) && same_sketches(c, s) && same_held(c, s);
	buf_fini(&sketches);
	return same;
}

static int wrong_groups(const struct table *t, const struct sum *want, bool columns)
{
	int wrong = 0;
	size_t n = 0;
	for (struct group *g = table_first(t); g; g = table_next(t, g), n++) {
		const struct sum *s = &want[number_of(table_key(t, g))];
		struct group_counts c = table_counts(t, g);
		bool same = c.count == s->count && c.value_count == s->values &&
			    same_uniq(c.uniq, s->uniq);
		if (s->values)
			same = same && c.sum == s->sum && c.min == s->min && c.max == s->max;
		if (columns)
			same = same && same_columns(t, g, s);
		wrong += !same;
	}
	return wrong + (n != table_groups(t));
}

/* A table of all groups of another, each added alone: equal, and the other is as it was. */
static int wrong_copy(const struct table *from, struct table_shape shape, const struct sum *want)
{
	struct table *t = table_new(shape);
	struct err err = ERR_INIT;
	int wrong = 0;

	for (const struct group *g = table_first(from); g; g = table_next(from, g))
		wrong += table_add_group(t, table_key(from, g), from, g, &err) != 0;
	wrong += wrong_groups(t, want, shape.columns) + wrong_groups(from, want, shape.columns);
	table_free(t);
	return wrong;
}

/* Random records in random batches, some of one key or nearly so, over `tables` tables, merged;
 * against the plain list. Twice, to see that clear forgets all. */
static void test_sums(size_t tables, struct table_shape shape, const char *name)
{
	struct table *t[3];
	struct err err = ERR_INIT;
	for (size_t i = 0; i < tables; i++)
		t[i] = table_new(shape);
	for (int round = 0; round < 2; round++) {
		struct sum *want = calloc(GROUPS, sizeof(*want));
		int groups = 0, failed = 0;
		for (int i = 0; i < 2000; i++) {
			struct batch x;
			bool alike = rand() % 3 == 0;
			uint32_t one = (uint32_t)(rand() % GROUPS);
			begin(&x);
			for (int n = rand() % (TABLE_BATCH + 1); n > 0; n--) {
				uint32_t number = alike && rand() % 100
							  ? one
							  : (uint32_t)(rand() %
								       (rand() % 4
										? 20
										: GROUPS / (round +
											    1)));
				bool has = rand() % 5;
				dec v = ((dec)rand() - RAND_MAX / 2) * (rand() % 2 ? 1 : NANO) *
					(i > 500 && rand() % 1000 == 0 ? NANO : 1);
				uint64_t uniq = rand() % 3 ? hash_murmur64a(&v, sizeof(v)) : 0;
				put(&x, number % 7, number, has && shape.value, v,
				    shape.uniq ? uniq : 0);
				groups += want[number].count == 0;
				expect(&want[number], has && shape.value, v, shape.uniq ? uniq : 0);
			}
			failed += table_add(t[(size_t)i % tables], &x.b, &err) != 0;
		}
		for (size_t i = 1; i < tables; i++)
			failed += table_merge(t[0], t[i], &err) != 0;
		is_int(failed, 0, name);
		is_int(table_groups(t[0]), groups, "number of groups");
		is_int(wrong_groups(t[0], want, shape.columns), 0, "groups as in the list");
		is_int(wrong_copy(t[0], shape, want), 0, "and copied one by one");
		for (int i = 0; i < GROUPS; i++)
			hll_free(want[i].uniq), logbucket_free(want[i].bucket),
				hashset_free(want[i].set);
		free(want);
		for (size_t i = 0; i < tables; i++)
			table_clear(t[i]);
		ok(table_groups(t[0]) == 0 && !table_first(t[0]), "nothing is left after clear");
	}
	for (size_t i = 0; i < tables; i++)
		table_free(t[i]);
}

/* Windows close one by one while others go on: what is dropped is what was added to it, and
 * memory does not grow with what is gone. */
static void test_windows(void)
{
	struct table *t = table_new(
		(struct table_shape){ .value = true, .uniq = true, .windows = true });
	struct err err = ERR_INIT;
	uint64_t added[1000] = { 0 }, dropped[1000] = { 0 }, window, last = 0;
	int wrong_order = 0;
	size_t memory = 0;
	for (uint64_t now = 0; now < 900; now++) {
		for (int i = 0; i < 30; i++) {
			struct batch x;
			begin(&x);
			for (int n = 0; n < TABLE_BATCH; n++) {
				uint64_t w = now + (uint64_t)(rand() % 5);
				put(&x, w, (uint32_t)(rand() % 300), true, NANO,
				    (uint64_t)rand() + 1);
				added[w]++;
			}
			if (table_add(t, &x.b, &err))
				ok(false, "%s", err.msg);
		}
		if (now % 7 == 3 && table_nth_window(t, 2, &window)) {
			for (struct group *g = table_nth_window(t, 2, &window); g;
			     g = table_window_next(t, g))
				added[window] -= table_counts(t, g).count;
			table_drop_nth(t, 2);
		}
		while (table_earliest(t, &window) && window <= now) {
			uint64_t count = 0;
			size_t n = 0;
			for (struct group *g = table_window_first(t); g;
			     g = table_window_next(t, g), n++) {
				struct group_counts c = table_counts(t, g);
				count += c.count;
				wrong_order += key_window(table_key(t, g)) != window ||
					       c.sum != (dec)c.count * NANO;
			}
			wrong_order += n != table_window_groups(t) || window < last;
			last = window;
			dropped[window] = count;
			table_drop_earliest(t);
		}
		if (now == 100)
			memory = table_memory(t);
	}
	is_int(wrong_order, 0, "windows come in order, with their groups");
	is_int(memcmp(added, dropped, 900 * sizeof(*added)), 0,
	       "all that was added to a window is dropped with it");
	ok(table_memory(t) < memory * 2, "memory stays: %zu then %zu bytes", memory,
	   table_memory(t));
	for (; table_earliest(t, &window); table_drop_earliest(t))
		;
	is_int(table_groups(t), 0, "nothing is left after the last window");
	table_free(t);
}

/* Values beyond 64 bits among new groups, old ones and ones whose window is gone; and between
 * two tables, either way round. */
static void test_wide(void)
{
	const dec edge = (dec)INT64_MAX, big[] = { edge, edge + 1, -edge - 1, -edge - 2 };
	struct table_shape shape = { .value = true, .windows = true };
	struct err err = ERR_INIT;
	for (int i = 0; i < 4; i++) {
		struct table *t = table_new(shape), *other = table_new(shape);
		struct batch x;
		begin(&x);
		for (uint32_t n = 0; n < 40; n++)
			put(&x, n % 2, n, n % 3, -(dec)n, 0);
		is_int(table_add(t, &x.b, &err), 0, "small values");
		table_drop_earliest(t);
		begin(&x);
		for (uint32_t n = 0; n < 60; n++)
			put(&x, 1, n < 20 ? 2 * n + 1 : 100 + n, true, n % 10 == 7 ? big[i] : 5, 0);
		is_int(table_add(t, &x.b, &err), 0, "and large ones");
		is_int(table_groups(t), 60, "of old groups and new ones");
		begin(&x);
		put(&x, 1, 1, true, -6, 0);
		put(&x, 1, 15, true, 1, 0);
		is_int(table_add(other, &x.b, &err), 0, "another table");
		is_int(table_merge(i % 2 ? t : other, i % 2 ? other : t, &err), 0, "merged");
		int wrong = 0;
		size_t n = 0;
		const struct table *all = i % 2 ? t : other;
		for (const struct group *g = table_window_first(all); g;
		     g = table_window_next(all, g), n++) {
			struct group_counts c = table_counts(all, g);
			uint32_t number = number_of(table_key(all, g));
			/* had a value before */
			bool first = number < 100 && number % 3 != 0;
			uint32_t nth = number < 100 ? number / 2 : number - 100;
			dec v = nth % 10 == 7 ? big[i] : 5, more = number == 1    ? -6
								   : number == 15 ? 1
										  : 0;
			dec least = v, most = v;
			if (first)
				least = -(dec)number < least ? -(dec)number : least,
				most = -(dec)number > most ? -(dec)number : most;
			if (more)
				least = more < least ? more : least,
				most = more > most ? more : most;
			wrong += c.sum != v + more - (first ? (dec)number : 0) || c.min != least ||
				 c.max != most;
			wrong += c.count != 1 + (uint64_t)(number < 100) + (more != 0) ||
				 c.value_count != 1 + (uint64_t)first + (more != 0);
		}
		is_int(n, 60, "all are there");
		is_int(wrong, 0, "with their sums, least and most");
		table_free(t);
		table_free(other);
	}
}

static void test_overflow(void)
{
	struct table *t = table_new((struct table_shape){ .value = true });
	struct err err = ERR_INIT;
	struct batch x;
	dec most = (dec)(~(unsigned __int128)0 >> 1);
	begin(&x);
	put(&x, 0, 0, true, most, 0);
	is_int(table_add(t, &x.b, &err), 0, "the largest sum");
	begin(&x);
	put(&x, 0, 0, true, 1, 0);
	is_int(table_add(t, &x.b, &err), -1, "one more");
	is_int(err.code, EX_DATAERR, "is bad data, never a wrong sum");
	table_free(t);
}

static void test_memory(void)
{
	struct table *t = table_new((struct table_shape){ .value = true });
	struct err err = ERR_INIT;
	enum { N = 200000 };
	for (uint32_t i = 0; i < N;) {
		struct batch x;
		begin(&x);
		for (int n = 0; n < TABLE_BATCH && i < N; n++, i++) {
			put(&x, 0, i, true, NANO, 0);
			make_key(x.key[n], 0, i, 2);
		}
		table_add(t, &x.b, &err);
	}
	is_int(table_groups(t), N, "200,000 groups");
	ok(table_memory(t) / N <= 128, "%zu bytes a group, at most 128", table_memory(t) / N);
	table_free(t);
}

int main(void)
{
	srand(1);
	test_sums(1, (struct table_shape){ .value = true, .uniq = true }, "one table");
	test_sums(3, (struct table_shape){ .value = true, .uniq = true }, "three tables merged");
	test_sums(2, (struct table_shape){ .value = false, .uniq = false }, "counts only");
	test_sums(2, (struct table_shape){ .value = false, .uniq = true }, "counts and uniques");
	test_sums(1, (struct table_shape){ .value = true, .uniq = true, .windows = true },
		  "a table with windows");
	test_sums(1, (struct table_shape){ .value = true, .columns = COLUMNS, .rule = rules },
		  "columns");
	test_sums(3,
		  (struct table_shape){ .value = true,
					.uniq = true,
					.windows = true,
					.columns = COLUMNS,
					.rule = rules },
		  "columns, merged");
	test_windows();
	test_wide();
	test_overflow();
	test_memory();
	return done();
}
