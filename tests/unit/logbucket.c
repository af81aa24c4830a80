/* Sketches of quantiles: short forms computed by hand from the header; properties against a plain
 * array of counts, and a second encoder. */
#include "logbucket_values.h"

#include <stdlib.h>

#include "base/mem.h"

/* ---- the model: a count for each place, the highest MOST kept, and its encoder ---- */

static void model_limit(uint64_t count[LOGBUCKET_PLACES])
{
	unsigned used = 0;
	for (unsigned place = LOGBUCKET_PLACES; place-- > 0;) {
		if (!count[place] || ++used < LOGBUCKET_MOST)
			continue;
		for (unsigned lower = 0; lower < place; lower++) {
			count[place] += count[lower];
			count[lower] = 0;
		}
	}
}

static void model_varint(unsigned __int128 v, struct buf *out)
{
	do
		buf_addc(out, (char)((v & 127) | (v > 127 ? 128 : 0)));
	while (v >>= 7);
}

static void model_encode(const uint64_t count[LOGBUCKET_PLACES], struct buf *out)
{
	unsigned empty = 0;
	buf_addc(out, 1);
	for (unsigned place = 0; place < LOGBUCKET_PLACES; place++, empty++) {
		if (!count[place])
			continue;
		model_varint((unsigned __int128)count[place] * 2 + (empty > 0), out);
		if (empty)
			model_varint(empty, out);
		empty = (unsigned)-1;
	}
}

static bool is_bytes_of(const struct logbucket *s, struct slice want)
{
	struct buf got = { 0 };
	logbucket_encode(s, &got);
	bool same = slice_eq(buf_slice(&got), want);
	buf_fini(&got);
	return same;
}

/* Reads a heap copy of exactly that size: a read beyond it is seen by the sanitizer. */
static struct logbucket *read_copy(struct slice bytes)
{
	char *copy = mem_alloc(bytes.n);
	if (bytes.n)
		memcpy(copy, bytes.p, bytes.n);
	struct logbucket *s = logbucket_decode(slice(copy, bytes.n));
	free(copy);
	return s;
}

static bool comes_back(const struct logbucket *s, struct slice bytes)
{
	struct logbucket *back = read_copy(bytes);
	bool same = back && is_bytes_of(back, bytes) && logbucket_count(back) == logbucket_count(s);
	logbucket_free(back);
	return same;
}

/* ---- any order, any split, any tree of merges ---- */

/* A few values, a distribution's, both signs and zero, more buckets than are kept. */
static dec random_value(unsigned kind)
{
	switch (kind) {
	case 0:
		return WHOLE * (dec)(next_random() % 5);
	case 1:
		return WHOLE / 10 * (dec)(1 + next_random() % 1000 * (next_random() % 1000));
	case 2:
		return random_dec(40) * (next_random() % 3 ? 1 : -1);
	default:
		return random_dec(97) * (next_random() % 2 ? 1 : -1);
	}
}

/* Adds the values to sketches of their own, and merges neighbours, either into the other, until
 * one is left; some go through their stored form on the way. */
static struct logbucket *merged(const dec *v, size_t n, size_t parts)
{
	struct logbucket *part[64];
	for (size_t i = 0; i < parts; i++) {
		size_t from = n * i / parts, to = n * (i + 1) / parts;
		part[i] = logbucket_new();
		for (size_t k = from; k < to; k++)
			logbucket_add(part[i], v[k]);
	}
	for (; parts > 1; parts--) {
		size_t i = next_random() % (parts - 1), into = i + next_random() % 2,
		       from = 2 * i + 1 - into;
		struct buf stored = { 0 };
		struct logbucket *read;
		logbucket_encode(part[from], &stored);
		read = read_copy(buf_slice(&stored));
		logbucket_merge(part[into], next_random() % 2 ? read : part[from]);
		logbucket_free(read);
		logbucket_free(part[from]);
		buf_fini(&stored);
		part[i] = part[into];
		memmove(&part[i + 1], &part[i + 2], (parts - i - 2) * sizeof(*part));
	}
	return part[0];
}

static void shuffle(dec *v, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t k = next_random() % i;
		dec x = v[i - 1];
		v[i - 1] = v[k];
		v[k] = x;
	}
}

static int compare_dec(const void *a, const void *b)
{
	dec x = *(const dec *)a, y = *(const dec *)b;
	return (x > y) - (x < y);
}

static void histories_of(unsigned kind, size_t n)
{
	static uint64_t count[LOGBUCKET_PLACES];
	struct buf want = { 0 };
	dec *v = mem_array(n, sizeof *v);
	unsigned wrong = 0;
	memset(count, 0, sizeof count);
	for (size_t i = 0; i < n; i++) {
		v[i] = random_value(kind);
		count[logbucket_place(v[i])]++;
	}
	model_limit(count);
	model_encode(count, &want);
	for (unsigned round = 0; round < 12; round++) {
		if (round < 2)
			qsort(v, n, sizeof *v, compare_dec);
		for (size_t i = 0; round == 1 && i < n / 2; i++) {
			dec x = v[i];
			v[i] = v[n - 1 - i];
			v[n - 1 - i] = x;
		}
		struct logbucket *s = merged(v, n, round < 4 ? 1 : 1 + next_random() % 64);
		wrong += !is_bytes_of(s, buf_slice(&want)) || logbucket_count(s) != n ||
			 !comes_back(s, buf_slice(&want));
		logbucket_free(s);
		shuffle(v, n);
	}
	ok(wrong == 0, "%zu values of kind %u: the same bytes whatever their history (%zu)", n,
	   kind, want.n);
	buf_fini(&want);
	free(v);
}

static void histories(void)
{
	static const size_t sizes[] = { 1, 3, 16, 17, 300, 5000, 60000 };
	for (size_t i = 0; i < COUNT(sizes); i++)
		for (unsigned kind = 0; kind < 4; kind++)
			histories_of(kind, sizes[i]);
}

/* One value in each of n places from `first` on, up or down. */
static void fill(struct logbucket *s, unsigned first, unsigned n, bool up)
{
	for (unsigned i = 0; i < n; i++)
		logbucket_put(s, first + (up ? i : n - 1 - i), 1);
}

static void limit(void)
{
	static uint64_t count[LOGBUCKET_PLACES];
	for (unsigned extra = 0; extra < 3; extra++) {
		struct logbucket *up = logbucket_new(), *down = logbucket_new();
		struct buf want = { 0 };
		memset(count, 0, sizeof count);
		for (unsigned i = 0; i < LOGBUCKET_MOST + extra - 1; i++)
			count[6000 + i]++;
		count[7] = 5;
		model_limit(count);
		model_encode(count, &want);
		fill(up, 6000, LOGBUCKET_MOST + extra - 1, true);
		logbucket_put(up, 7, 5);
		logbucket_put(down, 7, 5);
		fill(down, 6000, LOGBUCKET_MOST + extra - 1, false);
		ok(is_bytes_of(up, buf_slice(&want)), "limit + %u from below", extra);
		ok(is_bytes_of(down, buf_slice(&want)), "limit + %u from above", extra);
		is_int(logbucket_count(up), LOGBUCKET_MOST + extra + 4, "nothing is lost");
		ok(comes_back(up, buf_slice(&want)), "and back");
		is_int(count[7], extra ? 0 : 5, "the lowest is merged beyond the limit only");
		logbucket_free(up);
		logbucket_free(down);
		buf_fini(&want);
	}
}

static void all_places(void)
{
	struct logbucket *up = logbucket_new(), *down = logbucket_new();
	struct buf a = { 0 };
	fill(up, 0, LOGBUCKET_PLACES, true);
	fill(down, 0, LOGBUCKET_PLACES, false);
	logbucket_encode(up, &a);
	ok(is_bytes_of(down, buf_slice(&a)) && comes_back(up, buf_slice(&a)),
	   "every place, up and down: %zu bytes", a.n);
	is_int(logbucket_count(down), LOGBUCKET_PLACES, "nothing is lost");
	ok(logbucket_bytes(up) <= 24 + 2 * LOGBUCKET_PLACES, "%zu bytes held", logbucket_bytes(up));
	logbucket_free(up);
	logbucket_free(down);
	buf_fini(&a);
}

static void large_counts(void)
{
	static const uint64_t sizes[] = { 255,
					  256,
					  65535,
					  65536,
					  UINT32_MAX,
					  (uint64_t)UINT32_MAX + 1,
					  LOGBUCKET_COUNT_MAX - 1,
					  LOGBUCKET_COUNT_MAX,
					  UINT64_MAX };
	for (size_t i = 0; i < COUNT(sizes); i++)
		for (unsigned others = 0; others < 30; others += 29) {
			struct logbucket *s = logbucket_new(), *one_by_one = logbucket_new();
			struct buf a = { 0 };
			uint64_t n = sizes[i];
			for (unsigned k = 0; k < others; k++) {
				logbucket_put(s, 9000 + k, 1);
				logbucket_put(one_by_one, 9000 + k, 1);
			}
			logbucket_put(s, 9000, n);
			logbucket_put(s, 9000, 3);
			logbucket_put(one_by_one, 9000, 3);
			logbucket_put(one_by_one, 9000, n - n / 3);
			logbucket_put(one_by_one, 9000, n / 3);
			n = n < LOGBUCKET_COUNT_MAX - 3 - others ? n + 3 + others
								 : LOGBUCKET_COUNT_MAX;
			logbucket_encode(s, &a);
			ok(is_bytes_of(one_by_one, buf_slice(&a)) && logbucket_count(s) == n &&
				   comes_back(s, buf_slice(&a)),
			   "a count of %llu beside %u others", (unsigned long long)n, others);
			logbucket_merge(s, one_by_one);
			n = n < LOGBUCKET_COUNT_MAX - n ? 2 * n : LOGBUCKET_COUNT_MAX;
			ok(logbucket_count(s) == n, "twice as many, merged");
			logbucket_free(s);
			logbucket_free(one_by_one);
			buf_fini(&a);
		}
}

static void quantile_is(const struct logbucket *s, const char *q, dec at, const char *name)
{
	struct buf got = { 0 }, want = { 0 };
	dec exact;
	dec_parse(slice_z(q), &exact);
	ok(logbucket_quantile(s, exact, &got), "there is one");
	logbucket_middle(logbucket_place(at), &want);
	if (!ok(slice_eq(buf_slice(&got), buf_slice(&want)), "%s, quantile %s", name, q))
		printf("#  got %s\n# want %s\n", buf_z(&got), buf_z(&want));
	buf_fini(&got);
	buf_fini(&want);
}

static void quantiles(void)
{
	static const struct {
		const char *q;
		int at;
	} cases[] = { { "0", 1 },     { "0.000000001", 1 },   { "0.01", 1 },
		      { "0.07", 7 },  { "0.070000001", 8 },   { "0.5", 50 },
		      { "0.55", 55 }, { "0.99", 99 },         { "0.990000001", 100 },
		      { "1", 100 },   { "0.999999999", 100 }, { "0.29", 29 } };
	struct logbucket *s = logbucket_new(), *two = logbucket_new();
	struct buf none = { 0 };
	ok(!logbucket_quantile(s, WHOLE / 2, &none) && none.n == 0, "none of nothing");
	for (int i = 100; i > 0; i--)
		logbucket_add(s, i * WHOLE);
	for (size_t i = 0; i < COUNT(cases); i++)
		quantile_is(s, cases[i].q, cases[i].at * WHOLE, "1 to 100");
	logbucket_add(two, -3 * WHOLE);
	logbucket_add(two, 0);
	logbucket_add(two, 0);
	logbucket_put(two, logbucket_place(7), UINT64_MAX);
	logbucket_put(two, logbucket_place(8 * WHOLE), UINT64_MAX);
	quantile_is(two, "0", -3 * WHOLE, "the lowest is negative");
	quantile_is(two, "0.000000001", 7, "of more than 2^63");
	quantile_is(two, "0.5", 7, "of more than 2^63");
	quantile_is(two, "0.500000001", 8 * WHOLE, "of more than 2^63");
	quantile_is(two, "1", 8 * WHOLE, "of more than 2^63");
	logbucket_free(s);
	logbucket_free(two);
	buf_fini(&none);
}

static void short_ones(void)
{
	static const struct {
		const char *values, *hex;
	} cases[] = {
		{ "", "01" },
		{ "0", "0103c13f" },
		{ "1", "0103bb4e" },
		{ "1 1 1", "0107bb4e" },
		{ "1 1.000000001", "0103bb4e02" },
		{ "-1 0 1", "0103c730"
			    "03f90e"
			    "03f90e" },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct logbucket *s = logbucket_new();
		struct buf b = { 0 }, hex = { 0 };
		char text[32], *save = NULL;
		snprintf(text, sizeof text, "%s", cases[i].values);
		for (char *word = strtok_r(text, " ", &save); word;
		     word = strtok_r(NULL, " ", &save)) {
			dec v;
			dec_parse(slice_z(word), &v);
			logbucket_add(s, v);
		}
		logbucket_encode(s, &b);
		buf_hex(&hex, b.p, b.n);
		is_str(buf_z(&hex), cases[i].hex, cases[i].values);
		logbucket_free(s);
		buf_fini(&b);
		buf_fini(&hex);
	}
}

static void memory(void)
{
	struct logbucket *s = logbucket_new();
	is_int(logbucket_bytes(s), 24, "an empty one");
	logbucket_put(s, 0, 0);
	is_int(logbucket_bytes(s), 24, "nothing was added");
	for (int i = 0; i < 300; i++)
		logbucket_add(s, (i % 3 + 1) * WHOLE);
	is_int(logbucket_bytes(s), 56, "three buckets");
	for (int i = 0; i < 1000; i++)
		logbucket_add(s, (i % 100 + 20) * WHOLE);
	ok(logbucket_bytes(s) <= 600, "a hundred: %zu", logbucket_bytes(s));
	logbucket_clear(s);
	ok(logbucket_bytes(s) == 24 && logbucket_count(s) == 0, "cleared");
	logbucket_add_each((void *const[]){ s, s }, (const uint64_t[]){ 3, 3 }, 2);
	is_int(logbucket_count(s), 2, "added to again");
	logbucket_free(s);
	logbucket_free(NULL);
}

static void refuse(struct slice bytes, const char *name)
{
	struct logbucket *s = read_copy(bytes);
	ok(!s, "refused: %s", name);
	logbucket_free(s);
}

static void bad_bytes(void)
{
	refuse(slice("", 0), "nothing");
	refuse(slice("\0", 1), "unknown form");
	refuse(slice("\2", 1), "unknown form");
	refuse(slice("\1\0", 2), "a count of 0");
	refuse(slice("\1\1\1", 3), "a count of 0 behind a gap");
	refuse(slice("\1\3", 2), "no gap");
	refuse(slice("\1\3\0", 3), "a gap of 0");
	refuse(slice("\1\3\x83\x7f", 4), "place 16259");
	refuse(slice("\1\3\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", 12), "a gap of 2^64 - 1");
	refuse(slice("\1\3\x82\x7f\2", 5), "a place behind the last");
	refuse(slice("\1\x82\0", 3), "a longer varint than need be");
	refuse(slice("\1\3\x81\0", 4), "a longer gap than need be");
	refuse(slice("\1\x82", 2), "half a varint");
	refuse(slice("\1\xfe\xff\xff\xff\xff\xff\xff\xff\xff\2", 11), "a count beyond 63 bits");
	refuse(slice("\1\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x81\0", 12), "eleven bytes");
	struct logbucket *s = read_copy(slice("\1\xfe\xff\xff\xff\xff\xff\xff\xff\xff\1", 11));
	ok(s && logbucket_count(s) == LOGBUCKET_COUNT_MAX, "the largest count");
	logbucket_free(s);
	s = read_copy(slice("\1\3\x82\x7f", 4));
	ok(s && logbucket_count(s) == 1, "the last place");
	logbucket_free(s);
}

/* Whatever is cut is refused or is what its bytes say; one bucket too many is refused. */
static void cuts(void)
{
	struct buf b = { 0 };
	unsigned wrong = 0;
	buf_addc(&b, 1);
	for (unsigned i = 0; i < LOGBUCKET_MOST; i++)
		buf_add(&b, i % 2 ? "\3\2" : "\x80\1", 2);
	for (size_t n = 1; n <= b.n; n++) {
		struct logbucket *s = read_copy(slice(b.p, n));
		wrong += (s != NULL) != (n % 2 == 1);
		wrong += s && !is_bytes_of(s, slice(b.p, n));
		logbucket_free(s);
	}
	is_int(wrong, 0, "each cut");
	buf_addc(&b, 2);
	refuse(buf_slice(&b), "4,097 buckets");
	buf_fini(&b);
}

int main(void)
{
	histories();
	limit();
	all_places();
	large_counts();
	quantiles();
	short_ones();
	memory();
	bad_bytes();
	cuts();
	return done();
}
