/* A state that judges by itself: which records are one call, what a barrier says of each
 * partition, and what a refusal comes to. The state is a fake one that notes its calls. */
#include "tap.h"

#include <stdlib.h>

#include "base/mem.h"
#include "xform/dedup.h"
#include "xform/dedup_shared.h"

#define GEN "00000000000000aa"

static struct {
	struct buf calls;
	int answer; /* of the next calls; 1: with why */
	struct dedup_refusal why;
} fake;

static int fake_load(void *s, struct dedup *into, struct err *err)
{
	(void)s, (void)into, (void)err;
	return 0;
}

static int answer(struct dedup_refusal *why, struct err *err)
{
	*why = fake.why;
	return fake.answer < 0 ? err_set(err, EX_TEMPFAIL, "away") : fake.answer;
}

static int fake_take(void *s, struct dedup_take *take, struct dedup_refusal *why, struct err *err)
{
	(void)s;
	for (size_t i = 0; i < take->n; i++) {
		buf_printf(&fake.calls, "take %s/%d ", take->part[i].topic,
			   (int)take->part[i].partition);
		take->part[i].fence = 100 + i;
		take->part[i].stored = take->part[i].next;
	}
	take->keys = 7;
	return answer(why, err);
}

static int fake_claim(void *s, const struct dedup_claim *c, uint8_t *unique,
		      struct dedup_refusal *why, struct err *err)
{
	(void)s;
	buf_printf(&fake.calls, "%d:%zu fence %d own %d %d..%d stands %d newest %u|",
		   (int)c->part->partition, c->n, (int)c->part->fence, (int)c->own->partition,
		   (int)c->first, (int)c->last, (int)c->stands, (unsigned)c->newest_s);
	for (size_t i = 0; i < c->n; i++)
		unique[i] = c->entry[i].key[1] % 2;
	return answer(why, err);
}

static int fake_advance(void *s, struct dedup_advance *a, struct dedup_refusal *why,
			struct err *err)
{
	(void)s;
	for (size_t i = 0; i < a->n; i++)
		buf_printf(&fake.calls, "%d: %d..%d ", (int)a->part[i].part->partition,
			   (int)a->part[i].from, (int)a->part[i].to);
	a->keys = 9;
	a->forgotten = 2;
	return answer(why, err);
}

static const struct dedup_shared calls = {
	.load = fake_load, .take = fake_take, .claim = fake_claim, .advance = fake_advance
};
static const struct dedup_state state = { .shared = &calls };

/* A host that reads so many partitions of t, each from 10 on. */
static struct dedup *host_of(size_t parts)
{
	const struct dedup_conf conf = { .ops = &state, .where = "fake", .max_keys = 100 };
	struct ctl_reading_part part[2] = { { slice_z("t"), 0, 0, 10, 10, false },
					    { slice_z("t"), 1, 0, 10, 10, false } };
	const struct ctl_reading r = { .gen = slice_z(GEN), .part = part, .n = parts };
	struct dedup *d = dedup_new(&conf);
	struct err err = ERR_INIT;

	fake.answer = 0;
	ok(dedup_begin(d, "job", slice_z(".id"), &err) == 0 && dedup_read_on(d, &r, &err) == 0,
	   "it begins: %s", err.msg);
	fake.calls.n = 0;
	return d;
}

static void ask(struct dedup *d, unsigned id, int32_t p, int64_t offset, uint32_t time_s,
		int64_t own)
{
	const uint64_t key[2] = { 1, id };
	struct dedup_place at = { .part = dedup_part_number(d, slice_z("t"), p),
				  .offset = offset,
				  .own_offset = own,
				  .time_s = time_s };

	at.own_part = at.part;
	dedup_ask(d, key, &at);
}

static int barrier(struct dedup *d, const char *gen, int32_t p, int64_t from, int64_t to,
		   struct err *err)
{
	struct ranges r = { 0 };
	struct range *x = p < 0 ? NULL : ranges_add(&r, slice_z("t"), p);
	int rc;

	if (x) {
		x->from = from;
		x->to = to;
	}
	rc = dedup_close_epoch(d, slice_z(gen), &r, err);
	ranges_fini(&r);
	return rc;
}

static void questions(void)
{
	struct dedup *d = host_of(2);
	struct err err = ERR_INIT;
	uint8_t unique[DEDUP_ASK_MOST];

	ask(d, 1, 0, 10, 5, 10);
	ask(d, 2, 0, 11, 0, 11);
	ask(d, 3, 1, 10, 9, 10);
	ask(d, 5, 1, 11, 9, 3); /* sent again */
	ask(d, 7, 1, 12, 9, 12);
	ok(dedup_answer(d, unique, &err) == 0, "answers");
	is_str(buf_z(&fake.calls),
	       "0:2 fence 100 own 0 10..11 stands -1 newest 5|"
	       "1:1 fence 101 own 1 10..10 stands -1 newest 9|"
	       "1:1 fence 101 own 1 11..11 stands 11 newest 9|"
	       "1:1 fence 101 own 1 12..12 stands -1 newest 9|",
	       "neighbours of a partition are one call, one that was sent again is its own");
	ok(unique[0] == 1 && unique[1] == 0 && unique[2] == 1, "in their order");
	fake.calls.n = 0;
	ok(dedup_answer(d, unique, &err) == 0 && fake.calls.n == 0, "nothing waits");
	ask(d, 1, 7, 10, 5, 10);
	ok(dedup_answer(d, unique, &err) && err.code == EX_DATAERR,
	   "a partition that is not read: %s", err.msg);
	dedup_free(d);
}

static void barriers(void)
{
	struct dedup *d = host_of(2);
	struct err err = ERR_INIT;

	is_int(dedup_keys(d), 7, "the keys of all hosts");
	ok(barrier(d, GEN, 1, 10, 12, &err) == 0, "a barrier");
	is_str(buf_z(&fake.calls), "0: 0..0 1: 10..12 ", "fences of all that is read are named");
	is_int(dedup_keys(d), 9, "the keys of all hosts, behind it");
	is_int((long long)dedup_forgotten(d), 2, "what this one has dropped");
	fake.calls.n = 0;
	ok(barrier(d, GEN, 1, 14, 15, &err) && err.code == EX_DATAERR && fake.calls.n == 0,
	   "a range from beyond is told here: %s", err.msg);
	ok(barrier(d, "00000000000000bb", 1, 12, 13, &err) && err.code == EX_CONFIG,
	   "another generation: %s", err.msg);
	dedup_free(d);
	d = host_of(0);
	fake.answer = -1;
	ok(barrier(d, GEN, -1, 0, 0, &err) == 0 && fake.calls.n == 0,
	   "a host without partitions has nothing to store");
	dedup_free(d);
}

static void refusals(void)
{
	static const struct {
		enum dedup_refused why;
		int code;
		const char *said;
	} rows[] = {
		{ DEDUP_STALE, EX_TEMPFAIL, "fake: t/0 was taken by another host" },
		{ DEDUP_SERVER, EX_TEMPFAIL, "the server has started anew" },
		{ DEDUP_BELOW, EX_TEMPFAIL, "keys of t/0 below 33 were dropped" },
		{ DEDUP_GENERATION, EX_CONFIG, "another start of job job (generation other)" },
		{ DEDUP_HOLE, EX_CONFIG, "in t/0" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct dedup *d = host_of(1);
		struct err err = ERR_INIT;

		fake.answer = 1;
		fake.why = (struct dedup_refusal){ rows[i].why, 0, 33, "other" };
		ok(barrier(d, GEN, 0, 10, 11, &err) && err.code == rows[i].code &&
			   strstr(err.msg, rows[i].said),
		   "%s", err.msg);
		dedup_free(d);
	}
}

int main(void)
{
	questions();
	barriers();
	refusals();
	buf_fini(&fake.calls);
	return done();
}
