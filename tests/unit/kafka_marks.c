/* Marks of a partition against a set of booleans, and what a commit keeps of them. */
#include "drv/kafka/kafka_marks.h"

#include "random.h"
#include "tap.h"

enum { OFFSETS = 200, ROUNDS = 300 };

static bool same(const struct kafka_marks *m, const bool *want)
{
	bool good = true;

	for (int64_t i = 0; i < OFFSETS; i++)
		good &= kafka_marks_has(m, i) == want[i];
	for (size_t i = 0; i < m->n; i++)
		good &= m->v[i].from < m->v[i].to && m->v[i].from > m->below &&
			(i == 0 || m->v[i].from > m->v[i - 1].to);
	return good;
}

static void test_any_order(void)
{
	bool good = true, read_back = true;

	for (int round = 0; round < ROUNDS; round++) {
		int64_t start = below(OFFSETS / 2);
		struct kafka_marks m = { .below = start }, back = { 0 };
		struct buf text = { 0 };
		bool want[OFFSETS] = { false };

		for (int64_t i = 0; i < start; i++)
			want[i] = true;
		for (unsigned n = below(60); n; n--) {
			int64_t from = below(OFFSETS);
			int64_t to = from + below(8);

			kafka_marks_add(&m, from, to);
			for (int64_t i = from; i < to && i < OFFSETS; i++)
				want[i] = true;
			good &= same(&m, want);
		}
		read_back &= kafka_marks_write(&m, &text, NULL) == 0 &&
			     kafka_marks_read(&back, m.below, buf_slice(&text), NULL) == 0 &&
			     same(&back, want);
		kafka_marks_fini(&m);
		kafka_marks_fini(&back);
		buf_fini(&text);
	}
	ok(good, "a set of offsets, whatever the order in which they come");
	ok(read_back, "what is written reads back");
}

static void test_text(void)
{
	struct kafka_marks m = { .below = 10 };
	struct buf text = { 0 };

	kafka_marks_write(&m, &text, NULL);
	is_str(buf_z(&text), "hta-dlq1", "nothing above");
	kafka_marks_add(&m, 12, 13);
	kafka_marks_add(&m, 20, 25);
	text.n = 0;
	kafka_marks_write(&m, &text, NULL);
	is_str(buf_z(&text), "hta-dlq1 2:1,7:5", "gaps and lengths");
	kafka_marks_add(&m, 10, 12);
	text.n = 0;
	kafka_marks_write(&m, &text, NULL);
	ok(m.below == 13, "what is below grows over what it meets");
	is_str(buf_z(&text), "hta-dlq1 7:5", "and the rest stays");
	buf_fini(&text);
	kafka_marks_fini(&m);
}

static void test_others(void)
{
	static const char *const bad[] = { "",
					   "{\"job\":1}",
					   "hta-dlq",
					   "hta-dlq12",
					   "hta-dlq1 1",
					   "hta-dlq1 1:",
					   "hta-dlq1 :1",
					   "hta-dlq1 1:1,x",
					   "hta-dlq1 -1:2",
					   "hta-dlq1 99999999999999999999:1" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct kafka_marks m = { 0 };
		struct err err = ERR_INIT;

		ok(kafka_marks_read(&m, 5, slice_z(bad[i]), &err) == -1 && err.code == EX_CONFIG,
		   "\"%s\" is not ours", bad[i]);
		kafka_marks_fini(&m);
	}
}

static void test_too_many(void)
{
	struct kafka_marks m = { 0 };
	struct buf text = { 0 };
	struct err err = ERR_INIT;
	int64_t at = 1;

	for (; kafka_marks_write(&m, &text, &err) == 0; at += 2) {
		kafka_marks_add(&m, at, at + 1);
		text.n = 0;
	}
	ok(m.n > 900 && err.code == EX_CONFIG, "%zu single letters have room", m.n);
	buf_fini(&text);
	kafka_marks_fini(&m);
}

int main(void)
{
	test_any_order();
	test_text();
	test_others();
	test_too_many();
	return done();
}
