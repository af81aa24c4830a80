/* Metrics of one key, whose tables find groups by the numbers of a directory: each counts what it
 * counts alone, byte for byte, while windows close and tables move, the directory begins anew, and
 * the plan changes. */
#include "agg/directory.h"

#include <stdlib.h>

#include "agg/emit.h"
#include "agg/engine.h"
#include "tap.h"

enum { LINES = 60000, BLOCKS = 60, METRICS = 5, START = 1767225600 };

static struct err err;

/* Five metrics of one key: different conditions, values, columns. only: that one alone; -1: all. */
static struct plan *plan_of(int only)
{
	static const char *const name[METRICS] = { "a", "b", "c", "d", "e" };
	static const char *const where[METRICS] = { "", ".v > 500", "", ".k == 3", "" };
	static const char *const value[METRICS] = { "", "v", "", "v", "" };
	static const char *const agg[METRICS] = { "", "", "avg(v)", "p99(v)", "max(v)" };
	struct plan_builder *b = plan_builder_new();
	struct plan *p;
	int rc = 0;
	for (int i = 0; i < METRICS && rc == 0; i++) {
		if (only >= 0 && only != i)
			continue;
		rc = plan_metric(b, name[i], &err) || plan_by(b, "u,k", &err) ||
		     plan_window(b, "every", "10s", &err) || plan_where(b, where[i], &err) ||
		     plan_value(b, value[i], &err) || plan_agg(b, agg[i], &err);
	}
	p = rc ? NULL : plan_finish(b, "ts", VALUE_S, false, &err);
	if (!p)
		BUG("%s", err.msg);
	plan_builder_free(b);
	return p;
}

static int is_late(void *arg, const struct engine_refusal *r, struct err *e)
{
	(void)arg, (void)e;
	if (!r->late)
		ok(false, "%s", r->reason);
	return 0;
}

static int add_rows(void *arg, struct slice lines, uint64_t rows, struct err *e)
{
	(void)rows, (void)e;
	buf_adds(arg, lines);
	return 0;
}

/* keys: how many different ones; values leave 64 bits now and then. */
static void make_block(struct buf *b, unsigned block, unsigned keys, unsigned *x)
{
	b->n = SCAN_PAD;
	for (unsigned i = 0; i < LINES / BLOCKS; i++) {
		*x = *x * 1103515245 + 12345;
		buf_printf(b, "{\"ts\":%u,\"u\":%u,\"k\":%u,\"v\":%s%u}\n",
			   START + block * 3 - (*x >> 18) % 4, (*x >> 8) % keys, *x >> 28,
			   block == BLOCKS / 2 && i == 7 ? "99999999" : "", (*x >> 9) % 1000);
	}
	buf_room(b, SCAN_PAD);
}

/* The rows of windows before that one, which are dropped. */
static void write_windows(struct engine *w, const struct plan *p, struct emit *e, uint64_t before)
{
	for (size_t i = 0; i < p->n_metrics; i++) {
		struct metric_state *s = engine_state(w, i);
		uint64_t first;
		while (table_earliest(s->table, &first) && first < before) {
			emit_earliest(e, s, &err);
			table_drop_earliest(s->table);
		}
	}
}

/* The rows of a plan's metrics; windows: they are dropped one by one. */
static void rows_of(int only, bool windows, unsigned keys, struct buf *rows)
{
	struct plan *p = plan_of(only), *again = plan_of(only);
	struct engine *w = engine_new(p, windows ? 30000000 : ENGINE_NO_LATENESS);
	struct emit *e = emit_new(false, true, &(struct emit_threads){ 0 }, add_rows, rows);
	struct metric_state *gone[METRICS];
	struct buf block = { 0 };
	unsigned x = 5;
	memset(buf_room(&block, 1 << 20), 0, 1 << 20);
	for (unsigned i = 0; i < BLOCKS; i++) {
		make_block(&block, i, keys, &x);
		if (engine_block(w, slice(block.p + SCAN_PAD, block.n - SCAN_PAD), is_late, NULL,
				 &err))
			ok(false, "%s", err.msg);
		if (i == BLOCKS / 3)
			is_int(engine_replan(w, again, gone), 0, "the same plan anew");
		if (windows)
			write_windows(w, p, e, (START + 3 * i) / 10 - 1);
	}
	if (windows)
		write_windows(w, p, e, UINT64_MAX);
	for (size_t i = 0; !windows && i < p->n_metrics; i++)
		emit_table(e, engine_state(w, i), &err);
	emit_flush(e, &err);
	emit_free(e);
	engine_free(w);
	plan_free(p);
	plan_free(again);
	buf_fini(&block);
}

/* The lines of that metric, in their order. */
static void rows_of_metric(const struct buf *rows, int metric, struct buf *out)
{
	char name[32];
	snprintf(name, sizeof(name), "\"metric\":\"%c\"", 'a' + metric);
	for (const char *p = rows->p, *end = p + rows->n, *nl; p < end; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (memmem(p, (size_t)(nl - p), name, strlen(name)))
			buf_add(out, p, (size_t)(nl + 1 - p));
	}
}

static void test_together(bool windows, unsigned keys)
{
	struct buf all = { 0 };
	rows_of(-1, windows, keys, &all);
	for (int i = 0; i < METRICS; i++) {
		struct buf alone = { 0 }, of = { 0 };
		rows_of(i, windows, keys, &alone);
		rows_of_metric(&all, i, &of);
		ok(alone.n > 5000 && slice_eq(buf_slice(&alone), buf_slice(&of)),
		   "metric %c, %u keys%s: %zu bytes of rows", 'a' + i, keys,
		   windows ? ", windows close" : "", alone.n);
		buf_fini(&alone);
		buf_fini(&of);
	}
	buf_fini(&all);
}

int main(void)
{
	test_together(false, 50);
	test_together(false, 40000);
	test_together(true, 50);
	test_together(true, 40000);
	return done();
}
