/* Each part is a reader of its own with a loop of its own. Metrics, positions and the newest window
 * are asked of one part after the other and put together here; rows, which come by window, are
 * merged: a thread a part reads (shards_feed.c), and this one takes the window that is next. So
 * memory is bounded whatever the range is, and no part waits for another to be read to its end. */
#include "read/shards.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "read/shards_internal.h"

static const char scheme[] = "shards:";

bool read_is_shards(const char *store)
{
	return strncmp(store, scheme, strlen(scheme)) == 0;
}

static int in_part(const struct shards *s, const struct shard *p, struct err *err)
{
	return err_in(err, "shard %u/%zu", p->number, s->n);
}

/* ---- opening */

static int open_part(struct shards *s, const struct read_stores *stores,
		     const struct sink_conf *conf, const char *where, size_t n, struct err *err)
{
	struct shard *p;
	const struct read_kind *k;

	s->part = mem_grow(s->part, s->n + 1, sizeof(*s->part));
	p = &s->part[s->n++];
	*p = (struct shard){ .conf = *conf, .number = (unsigned)s->n };
	p->where = mem_dup(where, n);
	p->conf.where = p->where;
	k = read_stores_kind(stores, p->where);
	if (!k || !k->driver)
		return err_set(err, EX_CONFIG, "%s: this program was built without %s", p->where,
			       k ? k->name : "such stores");
	if (strcmp(conf->place, READ_SHARDS_TABLE) == 0)
		p->conf.place = k->driver->default_table;
	if (k->sink && k->sink->shard_in_place)
		p->conf.place = p->place = mem_printf("%s:%u", p->conf.place, p->number);
	p->conf.loop = p->loop = loop_new();
	p->driver = k->driver;
	return 0;
}

/* Behind all others, as their confs do not move any more. */
static int connect_parts(struct shards *s, struct err *err)
{
	for (size_t i = 0; i < s->n; i++) {
		s->part[i].d = s->part[i].driver->open(&s->part[i].conf, err);
		if (!s->part[i].d)
			return in_part(s, &s->part[i], err);
	}
	return 0;
}

void read_shards_close(void *d)
{
	struct shards *s = d;

	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++) {
		if (s->part[i].d)
			s->part[i].driver->close(s->part[i].d);
		loop_free(s->part[i].loop);
		free(s->part[i].where);
		free(s->part[i].place);
	}
	free(s->part);
	arena_fini(&s->arena);
	free(s->metric);
	free(s);
}

/* ---- metrics */

/* "pg:hta_rollups:2/4" of this part: it is one of N, and this one. */
static bool is_sink_of(const struct shards *s, const struct shard *p, struct slice sink)
{
	char end[32];
	size_t n = (size_t)snprintf(end, sizeof(end), ":%u/%zu", p->number, s->n);

	return sink.n > n && memcmp(sink.p + sink.n - n, end, n) == 0;
}

static struct read_metric *known_metric(struct shards *s, struct slice name)
{
	for (size_t i = 0; i < s->metrics; i++)
		if (slice_eq(s->metric[i].name, name))
			return &s->metric[i];
	return NULL;
}

struct looking {
	struct shards *s;
	struct shard *p;
};

static void add_metric(struct shards *s, const struct read_metric *m)
{
	struct read_metric *to;

	s->metric = mem_grow(s->metric, s->metrics + 1, sizeof(*s->metric));
	to = &s->metric[s->metrics++];
	*to = *m;
	to->name = arena_copy(&s->arena, m->name);
	to->job = arena_copy(&s->arena, m->job);
	to->sink = arena_copy(&s->arena, m->sink);
	to->cfg = arena_copy(&s->arena, m->cfg);
	to->def = arena_copy(&s->arena, m->def);
}

/* The windows that are whole are those that are so in each. */
static int look_at_metric(void *arg, const struct read_metric *m, struct err *err)
{
	const struct looking *l = arg;
	struct read_metric *known = known_metric(l->s, m->name);

	if (m->job.p && !is_sink_of(l->s, l->p, m->sink))
		return err_set(
			err, EX_CONFIG,
			"%s: metric %.*s is that of sink %.*s, and not of shard %u/%zu: name "
			"the stores of all shards, in the order of their numbers",
			l->p->where, (int)m->name.n, m->name.p, (int)m->sink.n, m->sink.p,
			l->p->number, l->s->n);
	if (!known)
		add_metric(l->s, m);
	else if (known->since_us == POS_NONE || m->since_us > known->since_us)
		known->since_us = m->since_us;
	return 0;
}

static int look_at_metrics(struct shards *s, struct err *err)
{
	s->metrics = 0;
	arena_reset(&s->arena);
	for (size_t i = 0; i < s->n; i++) {
		struct looking l = { s, &s->part[i] };

		if (l.p->driver->metrics(l.p->d, look_at_metric, &l, err))
			return err->code == EX_CONFIG ? -1 : in_part(s, l.p, err);
	}
	return 0;
}

int read_shards_metrics(void *d, read_metric_fn *fn, void *arg, struct err *err)
{
	struct shards *s = d;

	if (look_at_metrics(s, err))
		return -1;
	for (size_t i = 0; i < s->metrics; i++)
		if (fn(arg, &s->metric[i], err))
			return -1;
	return 0;
}

void *read_shards_open(const struct read_stores *stores, const struct sink_conf *conf,
		       struct err *err)
{
	struct shards *s = mem_zalloc(sizeof(*s));
	const char *at = conf->where + strlen(scheme);
	int rc = 0;

	while (rc == 0) {
		size_t n = strcspn(at, ",");

		rc = open_part(s, stores, conf, at, n, err);
		if (!at[n])
			break;
		at += n + 1;
	}
	if (rc == 0 && connect_parts(s, err) == 0 && look_at_metrics(s, err) == 0)
		return s;
	read_shards_close(s);
	return NULL;
}

/* ---- positions */

static void lower_position(struct position *to, const struct positions *other)
{
	const struct position *p = positions_find(other, slice_z(to->topic), to->partition);

	if (!p || p->watermark_us == POS_NONE)
		to->watermark_us = POS_NONE;
	else if (to->watermark_us > p->watermark_us)
		to->watermark_us = p->watermark_us;
	if (p && p->next < to->next)
		to->next = p->next;
	to->idle = to->idle && p && p->idle;
}

/* The first part's sink X:1/N, and what is known of X:I/N, or of the one that a store of another
 * kind has. */
static void lower_sink(const struct shards *s, const struct shard *p, struct read_sink *sink,
		       const struct read_sinks *theirs)
{
	const struct positions none = { 0 }, *other = &none;
	size_t base = strlen(sink->name) - strlen(strrchr(sink->name, ':')), others = 0;

	for (size_t i = 0; i < theirs->n; i++) {
		if (!is_sink_of(s, p, slice_z(theirs->v[i].name)))
			continue;
		if (others++ == 0 || strncmp(theirs->v[i].name, sink->name, base + 1) == 0)
			other = &theirs->v[i].pos;
	}
	for (size_t i = 0; i < sink->pos.n; i++)
		lower_position(&sink->pos.v[i], other);
}

/* Sinks of the first part, each where the last of its shards is. */
int read_shards_sinks(void *d, const char *job, struct read_sinks *out, struct err *err)
{
	struct shards *s = d;
	struct shard *first = &s->part[0];

	if (first->driver->sinks(first->d, job, out, err))
		return in_part(s, first, err);
	for (size_t i = 1; i < s->n; i++) {
		struct shard *p = &s->part[i];
		struct read_sinks theirs = { 0 };
		int rc = p->driver->sinks(p->d, job, &theirs, err);

		for (size_t k = 0; k < out->n && rc == 0; k++)
			if (is_sink_of(s, first, slice_z(out->v[k].name)))
				lower_sink(s, p, &out->v[k], &theirs);
		read_sinks_fini(&theirs);
		if (rc)
			return in_part(s, p, err);
	}
	return 0;
}

/* ---- windows */

int read_shards_newest(void *d, const char *metric, int64_t not_after_us, bool *found,
		       int64_t *start_us, int64_t *end_us, struct err *err)
{
	struct shards *s = d;

	*found = false;
	for (size_t i = 0; i < s->n; i++) {
		struct shard *p = &s->part[i];
		int64_t start = 0, end = 0;
		bool one;

		if (p->driver->newest(p->d, metric, not_after_us, &one, &start, &end, err))
			return in_part(s, p, err);
		if (!one ||
		    (*found && (start < *start_us || (start == *start_us && end <= *end_us))))
			continue;
		*found = true;
		*start_us = start;
		*end_us = end;
	}
	return 0;
}

/* The part whose next row's window is first; NULL: none has a row. */
static struct shard *next_part(struct shards *s)
{
	struct shard *first = NULL;

	for (size_t i = 0; i < s->n; i++) {
		const struct rollup *row = feed_head(s->part[i].feed);
		const struct rollup *best = first ? feed_head(first->feed) : NULL;

		if (row && (!best || row->start_us < best->start_us ||
			    (row->start_us == best->start_us && row->end_us < best->end_us)))
			first = &s->part[i];
	}
	return first;
}

static int merge_rows(struct shards *s, read_row_fn *fn, void *arg, struct err *err)
{
	struct shard *p;

	while ((p = next_part(s))) {
		if (fn(arg, feed_head(p->feed), err))
			return -1;
		feed_next(p->feed);
	}
	for (size_t i = 0; i < s->n; i++)
		if (feed_failed(s->part[i].feed, err))
			return in_part(s, &s->part[i], err);
	return 0;
}

/* ---- the top of one window: those of each part, the highest of them all */

static int by_count(const void *a, const void *b)
{
	const struct rollup *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return -memcmp(x->dims_hash, y->dims_hash, sizeof(x->dims_hash));
}

struct topping {
	struct arena arena;
	struct rollup *row;
	size_t n;
};

static int keep_row(void *arg, const struct rollup *row, struct err *err)
{
	struct topping *t = arg;

	(void)err;
	t->row = mem_grow(t->row, t->n + 1, sizeof(*t->row));
	feed_copy(&t->arena, row, &t->row[t->n++]);
	return 0;
}

static int top_rows(struct shards *s, const struct read_range *range, read_row_fn *fn, void *arg,
		    struct err *err)
{
	struct topping t = { .row = NULL };
	int rc = 0;

	for (size_t i = 0; i < s->n && rc == 0; i++) {
		rc = s->part[i].driver->rows(s->part[i].d, range, keep_row, &t, err);
		if (rc)
			in_part(s, &s->part[i], err);
	}
	if (t.n)
		qsort(t.row, t.n, sizeof(*t.row), by_count);
	for (size_t i = 0; i < t.n && i < range->top && rc == 0; i++)
		rc = fn(arg, &t.row[i], err);
	free(t.row);
	arena_fini(&t.arena);
	return rc;
}

int read_shards_rows(void *d, const struct read_range *range, read_row_fn *fn, void *arg,
		     struct err *err)
{
	struct shards *s = d;
	int rc;

	if (range->top)
		return top_rows(s, range, fn, arg, err);
	for (size_t i = 0; i < s->n; i++)
		s->part[i].feed = feed_start(s->part[i].driver, s->part[i].d, range);
	rc = merge_rows(s, fn, arg, err);
	for (size_t i = 0; i < s->n; i++)
		feed_stop(s->part[i].feed);
	return rc;
}
