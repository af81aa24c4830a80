/* Another plan between two blocks: what a metric that stays has counted is the same, byte for
 * byte, as if nothing had happened; one that is new begins there, one that is gone ended there.
 * With one thread, with several, and where windows close one by one. */
#include "agg/workers.h"

#include <stdlib.h>

#include "agg/emit.h"
#include "tap.h"

enum { LINES = 20000, THREADS = 3, LATENESS_S = 30 };

static struct err err;

/* Options and their values; NULL ends. */
typedef const char *const options[20];

static const options kept = { "metric", "kept", "by",  "k,status",         "value", "v",
			      "uniq",   "u",    "agg", "spread=stddev(v)", NULL };
static const options old = {
	"metric", "old", "every", "10s", "by", "status", "agg", "avg(w)", NULL
};
static const options new = { "metric", "new", "every", "1h", "by", "k", "value", "w", NULL };
static const options other_old = { "metric", "old", "every", "20s", "by", "status", NULL };

static void add_options(struct plan_builder *b, const char *const *o)
{
	int rc = 0;

	for (; *o && rc == 0; o += 2) {
		if (strcmp(o[0], "metric") == 0)
			rc = plan_metric(b, o[1], &err);
		else if (strcmp(o[0], "every") == 0)
			rc = plan_window(b, o[0], o[1], &err);
		else if (strcmp(o[0], "by") == 0)
			rc = plan_by(b, o[1], &err);
		else if (strcmp(o[0], "value") == 0)
			rc = plan_value(b, o[1], &err);
		else if (strcmp(o[0], "agg") == 0)
			rc = plan_agg(b, o[1], &err);
		else
			rc = plan_uniq(b, o[1], &err);
	}
	if (rc)
		ok(false, "%s", err.msg);
}

/* b NULL: one metric. */
static struct plan *plan_of(const char *const *a, const char *const *b)
{
	struct plan_builder *builder = plan_builder_new();
	struct plan *p;

	add_options(builder, a);
	if (b)
		add_options(builder, b);
	p = plan_finish(builder, "ts", VALUE_S, false, &err);
	plan_builder_free(builder);
	return p;
}

/* ---- lines: times go on by a tenth of a second, some of them back and few of them late */

static void make_lines(struct buf *half)
{
	unsigned x = 1;

	for (unsigned i = 0; i < LINES; i++) {
		struct buf *b = &half[i >= LINES / 2];

		x = x * 1103515245 + 12345;
		if (b->n == 0)
			b->n = SCAN_PAD, memset(buf_room(b, 1 << 20), 0, SCAN_PAD);
		buf_printf(
			b,
			"{\"ts\":%u.%u,\"k\":\"k%u\",\"status\":%u,\"v\":%u.5,\"w\":%u,\"u\":%u}\n",
			1767225600 + i / 10 - (x >> 16) % 20 - (i % 100 ? 0 : LATENESS_S), i % 10,
			(x >> 8) % 30, 200 + (x >> 12) % 3, (x >> 9) % 1000, x >> 20,
			(x >> 10) % 500);
	}
	for (unsigned i = 0; i < 2; i++)
		memset(buf_room(&half[i], SCAN_PAD), 0, SCAN_PAD);
}

/* ---- a run: an engine, with or without threads */

struct run_of {
	struct engine *engine;
	struct workers *workers; /* NULL: none */
	struct buf rows;
};

static int is_refused(void *arg, const struct engine_refusal *r, struct err *e)
{
	(void)arg, (void)e;
	if (!r->late)
		ok(false, "%s", r->reason);
	return 0;
}

static int refused_by_thread(void *arg, const struct origin *o, const struct engine_refusal *r,
			     uint64_t size, struct err *e)
{
	(void)o, (void)size;
	return is_refused(arg, r, e);
}

static int counted_by_thread(void *arg, const struct origin *o, const struct engine_counts *c,
			     const struct workers_times *t, uint64_t bytes, size_t groups,
			     struct err *e)
{
	(void)arg, (void)o, (void)c, (void)t, (void)bytes, (void)groups, (void)e;
	return 0;
}

static struct run_of begin_run(const struct plan *p, int64_t lateness_us, unsigned threads)
{
	const struct workers_hooks hooks = { .refused = refused_by_thread,
					     .counted = counted_by_thread };
	struct run_of r = { .engine = engine_new(p, lateness_us) };

	if (threads)
		r.workers = workers_new(p, threads, 1 << 20, r.engine, &hooks, &err);
	return r;
}

/* Threads get the lines in runs that are worth one each. */
static void count_half(struct run_of *r, const struct buf *half)
{
	const char *p = half->p + SCAN_PAD, *end = half->p + half->n, *to;
	uint64_t lines;
	int rc = 0;

	if (!r->workers) {
		engine_from(r->engine, 0, NULL, NULL);
		rc = engine_block(r->engine, slice(p, (size_t)(end - p)), is_refused, NULL, &err);
	}
	for (; r->workers && p < end && rc == 0; p = to) {
		struct run run = { 0 };

		to = end - p > 50000 ? (char *)memchr(p + 50000, '\n', (size_t)(end - p)) + 1 : end;
		run.block = slice(p, (size_t)(to - p));
		rc = workers_run(r->workers, &run, &lines, &err);
	}
	if (r->workers && rc == 0)
		rc = workers_wait(r->workers, &err);
	if (rc)
		ok(false, "%s", err.msg);
}

static int add_rows(void *arg, struct slice lines, uint64_t rows, struct err *e)
{
	(void)rows, (void)e;
	buf_adds(arg, lines);
	return 0;
}

/* All rows of a state, or those of its earliest window, which is dropped then. */
static void put_rows(struct metric_state *s, bool earliest, struct buf *out)
{
	struct emit *e = emit_new(false, true, &(struct emit_threads){ 0 }, add_rows, out);

	if ((earliest ? emit_earliest : emit_table)(e, s, &err) || emit_flush(e, &err))
		ok(false, "%s", err.msg);
	emit_free(e);
	if (earliest)
		table_drop_earliest(s->table);
}

/* Closes what the watermark has left behind; of the metrics one after the other. */
static void close_windows(struct run_of *r, const struct plan *p, struct buf *out)
{
	int64_t mark = engine_counts(r->engine)->watermark_us, start, end;

	for (size_t i = 0; i < p->n_metrics; i++) {
		struct metric_state *s = engine_state(r->engine, i);
		const struct window_spec *w = &s->def->m.window;
		uint64_t id;

		while (table_earliest(s->table, &id)) {
			w->kind->bounds(w, id, &start, &end);
			if (end > mark - LATENESS_S * 1000000LL)
				break;
			put_rows(s, true, out);
		}
	}
}

static void end_run(struct run_of *r)
{
	workers_free(r->workers);
	engine_free(r->engine);
}

/* The rows of one metric over halves [from, to), on one thread. */
static void rows_alone(const char *const *o, const struct buf *half, unsigned from, unsigned to,
		       int64_t lateness_us, struct buf *out)
{
	struct plan *p = plan_of(o, NULL);
	struct run_of r = begin_run(p, lateness_us, 0);

	for (; from < to; from++) {
		count_half(&r, &half[from]);
		if (lateness_us != ENGINE_NO_LATENESS)
			close_windows(&r, p, out);
	}
	put_rows(engine_state(r.engine, 0), false, out);
	end_run(&r);
	plan_free(p);
}

static void is_same(struct buf *got, struct buf *want, const char *name)
{
	ok(got->n == want->n && memcmp(got->p, want->p, got->n) == 0 && want->n > 0,
	   "%s: %zu bytes of rows", name, want->n);
	buf_fini(got);
	buf_fini(want);
}

static size_t replan(struct run_of *r, const struct plan *p, struct metric_state **gone)
{
	size_t n;

	if (!r->workers)
		return engine_replan(r->engine, p, gone);
	if (workers_replan(r->workers, p, gone, &n, &err))
		ok(false, "%s", err.msg);
	return n;
}

/* Half of the lines with old and kept, half with kept and new; the plans in between have nothing
 * in the same place. */
static void test_change(const struct buf *half, unsigned threads)
{
	struct plan *first = plan_of(old, kept), *second = plan_of(kept, new);
	struct run_of r = begin_run(first, ENGINE_NO_LATENESS, threads);
	struct metric_state *gone[2], *s;
	struct buf got[3] = { 0 }, want[3] = { 0 };

	count_half(&r, &half[0]);
	is_int(replan(&r, second, gone), 1, "one metric is gone");
	plan_free(first);
	put_rows(gone[0], false, &got[0]);
	is_int(gone[0]->counted, LINES / 2, "and tells how many lines it counted");
	metric_state_free(gone[0]);
	count_half(&r, &half[1]);
	if (threads)
		workers_merge(r.workers, &err);
	s = engine_state(r.engine, 0);
	is_int(s->counted, LINES, "one counted all lines");
	put_rows(s, false, &got[1]);
	is_int(engine_state(r.engine, 1)->counted, LINES / 2, "a new one the second half");
	put_rows(engine_state(r.engine, 1), false, &got[2]);
	rows_alone(old, half, 0, 1, ENGINE_NO_LATENESS, &want[0]);
	rows_alone(kept, half, 0, 2, ENGINE_NO_LATENESS, &want[1]);
	rows_alone(new, half, 1, 2, ENGINE_NO_LATENESS, &want[2]);
	is_same(&got[0], &want[0], "the one that is gone");
	is_same(&got[1], &want[1], "the one that stays");
	is_same(&got[2], &want[2], "the one that is new");
	end_run(&r);
	plan_free(second);
}

/* Windows that close before and after: the watermark stays, and so do the lists of windows. */
static void test_open_windows(const struct buf *half)
{
	struct plan *first = plan_of(kept, NULL), *second = plan_of(new, kept);
	struct run_of r = begin_run(first, LATENESS_S * 1000000, 0);
	struct metric_state *gone[1];
	struct buf got = { 0 }, want = { 0 };
	size_t before;

	count_half(&r, &half[0]);
	close_windows(&r, first, &got);
	before = got.n;
	ok(before > 0 && engine_groups(r.engine) > 0, "some windows are closed, some open");
	is_int(replan(&r, second, gone), 0, "nothing is gone");
	plan_free(first);
	count_half(&r, &half[1]);
	metric_state_clear(engine_state(r.engine, 0));
	close_windows(&r, second, &got);
	ok(got.n > before, "more are closed behind the change");
	put_rows(engine_state(r.engine, 1), false, &got);
	rows_alone(kept, half, 0, 2, LATENESS_S * 1000000, &want);
	is_same(&got, &want, "the one that stays");
	end_run(&r);
	plan_free(second);
}

static void test_same_name(const struct buf *half)
{
	struct plan *first = plan_of(old, NULL), *second = plan_of(other_old, NULL);
	struct run_of r = begin_run(first, ENGINE_NO_LATENESS, 0);
	struct metric_state *gone[1];

	count_half(&r, &half[0]);
	is_int(replan(&r, second, gone), 1,
	       "another meaning under the same name is another metric");
	ok(table_groups(gone[0]->table) > 0, "the old one has the groups");
	is_int(engine_groups(r.engine), 0, "the new one begins empty");
	metric_state_free(gone[0]);
	plan_free(first);
	end_run(&r);
	plan_free(second);
}

static void test_fields(void)
{
	struct plan *a = plan_of(kept, NULL), *b = plan_of(new, kept);
	uint64_t all = plan_move_fields(a, ~0ULL >> (64 - a->n_fields), b);

	is_int(__builtin_popcountll(all), (long long)a->n_fields, "fields of both plans move");
	is_int(plan_move_fields(b, 1ULL << b->time_field, a), 1LL << a->time_field,
	       "each to itself");
	is_int(__builtin_popcountll(plan_move_fields(b, ~0ULL, a)), (long long)a->n_fields,
	       "what the other has not is left out");
	plan_free(a);
	plan_free(b);
}

int main(void)
{
	struct buf half[2] = { 0 };

	make_lines(half);
	test_change(half, 0);
	test_change(half, THREADS);
	test_open_windows(half);
	test_same_name(half);
	test_fields();
	buf_fini(&half[0]);
	buf_fini(&half[1]);
	return done();
}
