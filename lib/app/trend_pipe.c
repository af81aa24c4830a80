/* Rows of hta-window on standard input, each judged as it comes; rows of several metrics may stand
 * between each other. Memory is that of the series. Nothing is kept from one run to the next: of
 * the same rows the same is told. A stream with control records would need that, for its rows come
 * in pieces over many runs, so it is refused: its rows go to a store, where the state is kept. */
#include <stdlib.h>

#include "app/trend_internal.h"
#include "base/mem.h"
#include "tool/record_filter.h"

struct trend_pipe {
	struct trend *t;
	struct pipe_metric **metric; /* each on the heap: tracks point to them */
	size_t n;
	struct rollup_reader reader;
	struct buf dims;
	struct buf *out; /* of the record at work */
};

struct pipe_metric {
	struct trend_metric m;
	struct trend_pipe *pipe;
	char *name; /* m.name is a slice of it */
};

static int pipe_alert(void *arg, const struct track_alert *a, struct err *err)
{
	struct pipe_metric *p = arg;

	(void)err;
	p->m.t->told++;
	if (p->m.t->text) {
		trend_alert_text(&p->m, a, p->pipe->out);
	} else {
		trend_alert_json(&p->m, a, p->pipe->out);
		buf_addc(p->pipe->out, '\n');
	}
	return 0;
}

static struct pipe_metric *find_metric(struct trend_pipe *pipe, struct slice name)
{
	struct pipe_metric *p;
	struct track_calls calls = { .alert = pipe_alert };

	for (size_t i = 0; i < pipe->n; i++)
		if (slice_eq(pipe->metric[i]->m.name, name))
			return pipe->metric[i];
	p = mem_zalloc(sizeof(*p));
	calls.arg = p;
	p->pipe = pipe;
	p->m.t = pipe->t;
	p->name = mem_dup(name.p, name.n);
	p->m.name = slice(p->name, name.n);
	p->m.track = track_new(&pipe->t->rule, &calls);
	pipe->metric = mem_grow(pipe->metric, pipe->n + 1, sizeof(struct pipe_metric *));
	return pipe->metric[pipe->n++] = p;
}

/* Members in the order that stores have them in too. */
static int order_dims(struct trend_pipe *pipe, struct slice dims, struct err *err)
{
	struct trend *t = pipe->t;
	struct dim *d;
	size_t n;

	arena_reset(&t->arena);
	if (stored_dims_parse(&t->dims, dims, &t->arena, &d, &n, err))
		return -1;
	pipe->dims.n = 0;
	dims_json(d, n, &pipe->dims);
	return 0;
}

static int take_line(struct trend_pipe *pipe, struct slice line, struct err *err)
{
	struct pipe_metric *p;
	struct rollup row;

	if (rollup_parse(&pipe->reader, line, &row, err) || order_dims(pipe, row.dims, err))
		return -1;
	if (row.add)
		return err_set(err, EX_DATAERR,
			       "a delta (\"op\":\"add\") is no final row: let a sink store it, and "
			       "judge the store (-d)");
	p = find_metric(pipe, row.metric);
	if (trend_take_row(&p->m, &row, buf_slice(&pipe->dims), err))
		return err_in(err, "metric %.*s", (int)row.metric.n, row.metric.p);
	return 0;
}

static enum record_verdict pipe_record(void *self, const struct record *r, struct buf *replace,
				       struct err *why)
{
	struct trend_pipe *pipe = self;

	if (!r->line.n)
		return RECORD_DROP;
	pipe->out = replace;
	if (take_line(pipe, r->line, why) == 0)
		return RECORD_REPLACE;
	err_in(why, "%s, line %llu", r->run->origin.file,
	       (unsigned long long)(r->run->origin.line + r->nth));
	return RECORD_FAILED;
}

static int pipe_hello(void *self, struct stage *st, const struct ctl *hello, struct buf *members,
		      struct err *err)
{
	(void)self, (void)st, (void)hello, (void)members;
	return err_set(err, EX_USAGE,
		       "standard input is an acknowledged stream: let a sink store it, and judge "
		       "the store (hta-trend -d STORE METRIC)");
}

int trend_pipe(struct trend *t, struct err *err)
{
	static const struct record_filter filter = {
		.rows = true,
		.record = pipe_record,
		.hello = pipe_hello,
	};
	struct trend_pipe pipe = { .t = t };
	int rc = record_filter_run(&filter, &pipe, NULL, 0, err);

	for (size_t i = 0; i < pipe.n; i++) {
		track_free(pipe.metric[i]->m.track);
		free(pipe.metric[i]->name);
		free(pipe.metric[i]);
	}
	free(pipe.metric);
	rollup_reader_fini(&pipe.reader);
	buf_fini(&pipe.dims);
	return rc;
}
