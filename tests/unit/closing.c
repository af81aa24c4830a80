/* Windows that close, against a recount: hops and sessions of few events in little time, where
 * every edge is met; all at once or as a mark moves on, in any order of the events. */
#include "agg/closing.h"

#include <stdlib.h>

#include "agg/engine.h"
#include "row/rollup.h"
#include "tap.h"

enum { EVENTS = 24, KEYS = 3, SPAN_MS = 60, ROUNDS = 300, ROWS_MAX = 4096 };

#define HOUR_US (3600LL * 1000000)

static struct err err;

struct event {
	int64_t us;
	unsigned key;
};

/* A row, as a recount and a program have it. */
struct seen {
	int64_t start_us, end_us;
	unsigned key, count;
};
struct seen_list {
	struct seen row[ROWS_MAX];
	size_t n;
};

static int seen_cmp(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct seen));
}

static void see(struct seen_list *l, int64_t start_us, int64_t end_us, unsigned key, unsigned count)
{
	struct seen *s = &l->row[l->n++];

	memset(s, 0, sizeof(*s));
	s->start_us = start_us;
	s->end_us = end_us;
	s->key = key;
	s->count = count;
}

/* ---- the recount; lengths in milliseconds, 0: none */

struct kind {
	const char *name;
	int every, slide, gap, longest;
};

static int event_cmp(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	return x->key != y->key ? (x->key > y->key) - (x->key < y->key)
				: (x->us > y->us) - (x->us < y->us);
}

static void recount_sessions(const struct kind *k, const struct event *sorted, struct seen_list *l)
{
	for (size_t i = 0, from = 0; i < EVENTS; i++) {
		const struct event *next = i + 1 < EVENTS ? &sorted[i + 1] : NULL;

		if (next && next->key == sorted[i].key && next->us - sorted[i].us < k->gap * 1000 &&
		    (!k->longest || next->us - sorted[from].us < k->longest * 1000))
			continue;
		see(l, sorted[from].us, sorted[i].us + k->gap * 1000, sorted[i].key,
		    (unsigned)(i + 1 - from));
		from = i + 1;
	}
}

static void recount_hops(const struct kind *k, const struct event *e, struct seen_list *l)
{
	int64_t every = k->every * 1000, slide = k->slide * 1000;

	for (int64_t start = 0; start < 2 * SPAN_MS * 1000; start += slide)
		for (unsigned key = 0; key < KEYS; key++) {
			unsigned n = 0;

			for (size_t i = 0; i < EVENTS; i++)
				n += e[i].key == key && e[i].us >= start && e[i].us < start + every;
			if (n)
				see(l, start, start + every, key, n);
		}
}

/* ---- the same by engine and closing */

static struct plan *plan_of(const struct kind *k)
{
	const struct {
		const char *option;
		int ms;
	} length[] = { { "every", k->every },
		       { "slide", k->slide },
		       { "gap", k->gap },
		       { "max-length", k->longest } };
	struct plan_builder *b = plan_builder_new();
	struct plan *p;
	char text[16];

	plan_by(b, "k", &err);
	for (size_t i = 0; i < sizeof(length) / sizeof(*length); i++) {
		snprintf(text, sizeof(text), "%dms", length[i].ms);
		if (length[i].ms && plan_window(b, length[i].option, text, &err))
			ok(false, "%s", err.msg);
	}
	p = plan_finish(b, "ts", VALUE_US, false, &err);
	plan_builder_free(b);
	return p;
}

static int take_rows(void *arg, struct slice lines, uint64_t rows, struct err *e)
{
	struct rollup_reader reader = { 0 };
	struct rollup row;

	for (const char *end; rows--; lines.n -= (size_t)(end + 1 - lines.p), lines.p = end + 1) {
		end = memchr(lines.p, '\n', lines.n);
		if (rollup_parse(&reader, slice(lines.p, (size_t)(end - lines.p)), &row, e))
			return -1;
		see(arg, row.start_us, row.end_us, (unsigned)(row.dims.p[5] - '0'),
		    (unsigned)row.count);
	}
	rollup_reader_fini(&reader);
	return 0;
}

static int none_refused(void *arg, const struct engine_refusal *r, struct err *e)
{
	(void)arg, (void)e;
	ok(false, "%s", r->reason ? r->reason : "late");
	return 0;
}

static void count_events(struct engine *w, const struct event *e, size_t n)
{
	struct buf block = { 0 };

	memset(buf_room(&block, SCAN_PAD), ' ', SCAN_PAD);
	block.n = SCAN_PAD;
	for (size_t i = 0; i < n; i++)
		buf_printf(&block, "{\"ts\":%lld,\"k\":%u}\n", (long long)e[i].us, e[i].key);
	memset(buf_room(&block, SCAN_PAD), 0, SCAN_PAD);
	if (engine_block(w, slice(block.p + SCAN_PAD, block.n - SCAN_PAD), none_refused, NULL,
			 &err))
		ok(false, "%s", err.msg);
	buf_fini(&block);
}

static void close_until(struct closing *c, struct engine *w, struct emit *e, int64_t mark_us)
{
	struct metric_state *s = engine_state(w, 0);
	int64_t end_us;

	while (closing_next(c, s, &end_us) && end_us <= mark_us)
		if (closing_close(c, s, e, &err))
			ok(false, "%s", err.msg);
	emit_flush(e, &err);
}

/* pieces: the mark moves on so often; the events of a piece are all behind those marks. */
static void run_events(const struct kind *k, const struct event *e, int pieces, struct seen_list *l)
{
	struct plan *p = plan_of(k);
	struct engine *w = engine_new(p, HOUR_US);
	struct closing *c = closing_new(p->metric[0].def);
	struct emit_threads none = { 0 };
	struct emit *out = emit_new(false, false, &none, take_rows, l);

	for (int i = 0; i < pieces; i++) {
		int64_t from = (int64_t)SPAN_MS * 1000 * i / pieces,
			to = (int64_t)SPAN_MS * 1000 * (i + 1) / pieces;
		struct event piece[EVENTS];
		size_t n = 0;

		for (size_t k2 = 0; k2 < EVENTS; k2++)
			if (e[k2].us >= from && e[k2].us < to)
				piece[n++] = e[k2];
		count_events(w, piece, n);
		close_until(c, w, out, to);
	}
	close_until(c, w, out, INT64_MAX);
	emit_free(out);
	closing_free(c);
	engine_free(w);
	plan_free(p);
}

static void make_events(struct event *e)
{
	/* edges: whole milliseconds, and a microsecond beside them */
	for (size_t i = 0; i < EVENTS; i++) {
		int64_t us = rand() % SPAN_MS * 1000 + rand() % 3 - 1;

		e[i] = (struct event){ us < 0 ? 0 : us, (unsigned)(rand() % KEYS) };
	}
}

static void is_recounted(const struct kind *k)
{
	static struct seen_list want, got;
	unsigned wrong = 0, unordered = 0;

	for (int round = 0; round < ROUNDS; round++) {
		struct event e[EVENTS], sorted[EVENTS];

		make_events(e);
		memcpy(sorted, e, sizeof(e));
		qsort(sorted, EVENTS, sizeof(*sorted), event_cmp);
		want.n = got.n = 0;
		if (k->gap)
			recount_sessions(k, sorted, &want);
		else
			recount_hops(k, e, &want);
		run_events(k, e, 1 + round % 7, &got);
		for (size_t i = 1; i < got.n; i++)
			unordered += got.row[i - 1].end_us > got.row[i].end_us;
		qsort(want.row, want.n, sizeof(*want.row), seen_cmp);
		qsort(got.row, got.n, sizeof(*got.row), seen_cmp);
		wrong += got.n != want.n ||
			 memcmp(got.row, want.row, got.n * sizeof(*got.row)) != 0;
	}
	is_int(wrong, 0, k->name);
	is_int(unordered, 0, "in the order of their ends");
}

int main(void)
{
	static const struct kind kinds[] = {
		{ "tumbling", 10, 10, 0, 0 },
		{ "two panes", 10, 5, 0, 0 },
		{ "seven panes", 7, 1, 0, 0 },
		{ "sessions", 0, 0, 5, 0 },
		{ "sessions of the shortest gap", 0, 0, 1, 0 },
		{ "sessions of one gap at most", 0, 0, 5, 5 },
		{ "sessions of several gaps", 0, 0, 4, 10 },
		{ "sessions longer than there is time", 0, 0, 3, 100 },
	};

	srand(7);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		is_recounted(&kinds[i]);
	return done();
}
