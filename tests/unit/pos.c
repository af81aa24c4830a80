#include "proto/pos.h"
#include "tap.h"

#include <time.h>

static void test_ranges(void)
{
	struct ranges s = { 0 };
	static const struct {
		const char *topic;
		int32_t partition;
	} in[] = { { "b", 10 }, { "b", 9 },        { "a.b", 0 }, { "a", 2 },
		   { "a", 0 },  { "\xc3\xa9", 0 }, { "Z", 1 } };
	static const struct {
		const char *topic;
		int32_t partition;
	} sorted[] = { { "Z", 1 }, { "a", 0 },  { "a", 2 },       { "a.b", 0 },
		       { "b", 9 }, { "b", 10 }, { "\xc3\xa9", 0 } };
	enum { N = sizeof(in) / sizeof(*in) };
	ok(ranges_find(&s, slice_z("a"), 0) == NULL, "nothing in an empty set");
	ranges_sort(&s);
	for (size_t i = 0; i < N; i++) {
		struct range *r = ranges_add(&s, slice_z(in[i].topic), in[i].partition);
		ok(r->from == 0 && r->to == 0 && r->last.offset == -1 &&
			   r->last.time_us == POS_NONE && r->watermark_us == POS_NONE && !r->idle,
		   "a new entry");
		r->from = (int64_t)i + 1;
	}
	is_int(s.n, N, "all in");
	is_int(ranges_add(&s, slice_z("a"), 2)->from, 4, "add finds what is there");
	is_int(s.n, N, "and adds nothing then");
	ok(ranges_find(&s, slice_z("a"), 1) == NULL && ranges_find(&s, slice_z("a."), 0) == NULL &&
		   ranges_find(&s, slice("", 0), 0) == NULL,
	   "others are not");
	is_int(ranges_find(&s, slice("a.bc", 3), 0)->from, 3, "a topic is a slice");
	ranges_sort(&s);
	for (size_t i = 0; i < N; i++)
		ok(strcmp(s.v[i].topic, sorted[i].topic) == 0 &&
			   s.v[i].partition == sorted[i].partition,
		   "place %zu", i);
	ranges_fini(&s);
	ok(s.n == 0 && s.v == NULL, "empty again");
}

static void test_positions(void)
{
	struct positions s = { 0 };
	for (int32_t p = 99; p >= 0; p--) {
		struct position *at = positions_add(&s, slice_z(p % 2 ? "odd" : "even"), p);
		ok(at->init == 0 && at->next == 0 && at->last.offset == -1 &&
			   at->watermark_us == POS_NONE,
		   "a new entry");
		at->next = p;
	}
	is_int(positions_add(&s, slice_z("odd"), 7)->next, 7, "add finds what is there");
	ok(positions_find(&s, slice_z("odd"), 8) == NULL, "another is not");
	positions_sort(&s);
	is_int(s.n, 100, "all in");
	for (size_t i = 0; i < s.n; i++)
		is_int(s.v[i].partition, (long long)(i < 50 ? 2 * i : 2 * (i - 50) + 1), "sorted");
	positions_fini(&s);
}

/* Nanoseconds that look-ups cost: each of n partitions is found after sorting, and is not where
 * it should not be. */
static int64_t cost_of(int32_t n)
{
	struct ranges s = { 0 };
	struct timespec from, to;
	int32_t wrong = 0;

	for (int32_t i = 0; i < n; i++)
		ranges_add(&s, slice_z(i & 1 ? "odd" : "even"), n - i)->from = n - i;
	ranges_sort(&s);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	for (int32_t i = 0; i < n; i++) {
		const struct range *r = ranges_find(&s, slice_z(i & 1 ? "odd" : "even"), n - i);

		wrong += !r || r->from != n - i;
		wrong += ranges_find(&s, slice_z(i & 1 ? "even" : "odd"), n - i) != NULL;
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	is_int(wrong, 0, "all are found, and no others");
	ranges_fini(&s);
	return (to.tv_sec - from.tv_sec) * 1000000000LL + to.tv_nsec - from.tv_nsec;
}

static int64_t least_cost(int32_t n)
{
	int64_t least = INT64_MAX;

	for (int i = 0; i < 7; i++) {
		int64_t ns = cost_of(n);

		least = ns < least ? ns : least;
	}
	return least;
}

/* Ten times as many; one by one they would cost a hundred times as much. Half as much again is
 * for caches. */
static void test_many(void)
{
	int64_t few = least_cost(1000), many = least_cost(10000);

	ok(many < 15 * few, "10,000 partitions cost %.1f times 1,000", (double)many / (double)few);
}

int main(void)
{
	test_many();
	test_ranges();
	test_positions();
	return done();
}
