#include "proto/pos.h"
#include "tap.h"

static void test_ranges(void)
{
	struct ranges s = { 0 };
	static const struct { const char *topic; int32_t partition; } in[] = { { "b", 10 }, { "b", 9 }, { "a.b", 0 }, { "a", 2 }, { "a", 0 }, { "\xc3\xa9", 0 }, { "Z", 1 } };
	static const struct { const char *topic; int32_t partition; } sorted[] = { { "Z", 1 }, { "a", 0 }, { "a", 2 }, { "a.b", 0 }, { "b", 9 }, { "b", 10 }, { "\xc3\xa9", 0 } };
	enum { N = sizeof(in) / sizeof(*in) };
	ok(ranges_find(&s, slice_z("a"), 0) == NULL, "nothing in an empty set");
	ranges_sort(&s);
	for (size_t i = 0; i < N; i++) {
		struct range *r = ranges_add(&s, slice_z(in[i].topic), in[i].partition);
		ok(r->from == 0 && r->to == 0 && r->last.offset == -1 && r->last.time_us == POS_NONE && r->watermark_us == POS_NONE && !r->idle, "a new entry");
		r->from = (int64_t)i + 1;
	}
	is_int(s.n, N, "all in");
	is_int(ranges_add(&s, slice_z("a"), 2)->from, 4, "add finds what is there");
	is_int(s.n, N, "and adds nothing then");
	ok(ranges_find(&s, slice_z("a"), 1) == NULL && ranges_find(&s, slice_z("a."), 0) == NULL && ranges_find(&s, slice("", 0), 0) == NULL, "others are not");
	is_int(ranges_find(&s, slice("a.bc", 3), 0)->from, 3, "a topic is a slice");
	ranges_sort(&s);
	for (size_t i = 0; i < N; i++)
		ok(strcmp(s.v[i].topic, sorted[i].topic) == 0 && s.v[i].partition == sorted[i].partition, "place %zu", i);
	ranges_fini(&s);
	ok(s.n == 0 && s.v == NULL, "empty again");
}

static void test_positions(void)
{
	struct positions s = { 0 };
	for (int32_t p = 99; p >= 0; p--) {
		struct position *at = positions_add(&s, slice_z(p % 2 ? "odd" : "even"), p);
		ok(at->init == 0 && at->next == 0 && at->last.offset == -1 && at->watermark_us == POS_NONE, "a new entry");
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

int main(void)
{
	test_ranges();
	test_positions();
	return done();
}
