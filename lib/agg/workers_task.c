/* A chunk [from, to) has the lines that start in it: all behind the first newline at or behind
 * from - 1, and the last one to its end, which may lie far behind `to`. The part of a line that
 * a chunk starts with belongs to the chunk before; a chunk inside of one long line has nothing. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "agg/workers_internal.h"
#include "base/mem.h"
#include "io/lines.h"
#include "proto/ctl.h"
#include "proto/pos.h"

enum { REFUSED_BYTES_MOST = 1 << 20, LOOK_BYTES = 16 << 10, END_BYTES = 4 << 10 };

/* ---- filling */

static struct workers_part *part_new(struct workers_task *t)
{
	struct workers_part *p;

	mem_reserve(&t->part, &t->cap_parts, t->n_parts + 1, sizeof(*t->part));
	p = &t->part[t->n_parts++];
	*p = (struct workers_part){ .counts.watermark_us = POS_NONE, .counts.ahead_us = POS_NONE };
	return p;
}

/* Whether the run is judged as the last part's lines are, and its offsets follow from theirs: one
 * of another timestamp in the same minute does. */
static bool goes_on(const struct workers_task *t, const struct origin *o)
{
	const struct workers_part *p = t->n_parts ? &t->part[t->n_parts - 1] : NULL;

	return p && o->topic.p && !o->bytes && !o->inexact && !p->origin.inexact &&
	       o->partition == p->origin.partition &&
	       ctl_at_time(o->time_us) == ctl_at_time(p->origin.time_us) &&
	       o->offset == p->origin.offset + (int64_t)p->lines &&
	       o->retries == p->origin.retries && slice_eq(o->topic, p->origin.topic);
}

static struct workers_part *part_of_run(struct workers_task *t, const struct origin *o)
{
	struct workers_part *p;

	if (goes_on(t, o))
		return &t->part[t->n_parts - 1];
	p = part_new(t);
	p->origin = *o;
	p->origin.from_topic = slice(NULL, 0);
	if (o->topic.p)
		p->origin.topic = arena_copy(&t->names, o->topic);
	p->start = t->data.n;
	p->stamps = t->stamps.n / sizeof(struct workers_stamp);
	return p;
}

uint64_t workers_task_put(struct workers_task *t, const struct run *run)
{
	struct workers_stamp stamp = { str_lines(run->block), run->origin.time_us };
	struct workers_part *p;

	t->chunk = false;
	if (t->data.n == 0) {
		memset(buf_room(&t->data, SCAN_PAD), 0, SCAN_PAD);
		t->data.n = SCAN_PAD;
	}
	p = part_of_run(t, &run->origin);
	p->bytes += run->block.n;
	p->lines += stamp.lines;
	p->n_stamps++;
	buf_add(&t->stamps, &stamp, sizeof(stamp));
	buf_room(&t->data, run->block.n + SCAN_PAD);
	memcpy(t->data.p + t->data.n, run->block.p, run->block.n);
	t->data.n += run->block.n;
	return stamp.lines;
}

void workers_task_chunk(struct workers_task *t, int fd, int64_t from, int64_t to, bool first,
			const char *name)
{
	struct workers_part *p = part_new(t);

	t->chunk = true;
	t->fd = fd;
	t->from = from;
	t->to = to;
	t->first = first;
	p->origin.file = name;
	p->bytes = (uint64_t)(to - from);
}

void workers_task_clear(struct workers_task *t)
{
	t->call = NULL;
	t->data.n = t->text.n = t->times.n = t->stamps.n = 0;
	t->n_parts = t->n_refusals = 0;
	arena_reset(&t->names);
}

void workers_task_fini(struct workers_task *t)
{
	buf_fini(&t->data);
	buf_fini(&t->text);
	buf_fini(&t->times);
	buf_fini(&t->stamps);
	buf_fini(&t->records);
	arena_fini(&t->names);
	free(t->part);
	free(t->refusal);
}

/* ---- what is refused */

/* One task at work. */
struct work {
	struct workers_task *t;
	struct engine *w;
	size_t part;
	uint64_t nth; /* lines and bytes of the part before the block at work */
	size_t at;
	bool (*full)(void *arg, struct workers_task *t);
	void *arg;
	const _Atomic bool *stop;
};

/* reason NULL: the line is too long; record is its kept start, size its length. */
static int refuse_task_line(struct work *k, const struct engine_refusal *line, uint64_t size,
			    struct err *err)
{
	struct workers_task *t = k->t;
	struct workers_refusal *r;
	struct slice record = line->record;

	if (record.n > CTL_KEEP_BYTES + 4) /* enough to cut it between characters */
		record.n = CTL_KEEP_BYTES + 4;
	if (k->full && t->text.n + t->n_refusals * sizeof(*r) > REFUSED_BYTES_MOST &&
	    !k->full(k->arg, t))
		return err_set(err, EX_TEMPFAIL, "stopped");
	mem_reserve(&t->refusal, &t->cap_refusals, t->n_refusals + 1, sizeof(*r));
	r = &t->refusal[t->n_refusals++];
	*r = (struct workers_refusal){ .part = k->part,
				       .is_long = !line->reason,
				       .counted = line->counted,
				       .nth = k->nth + line->nth,
				       .at = k->at + line->at,
				       .size = size };
	r->record = t->text.n;
	r->record_bytes = record.n;
	buf_adds(&t->text, record);
	r->reason = t->text.n;
	if (line->reason)
		buf_add(&t->text, line->reason, strlen(line->reason) + 1);
	return 0;
}

static int task_line_refused(void *arg, const struct engine_refusal *r, struct err *err)
{
	return refuse_task_line(arg, r, r->record.n, err);
}

/* ---- counting */

static int count_block(struct work *k, struct slice block, struct err *err)
{
	uint64_t before = engine_counts(k->w)->lines;

	if (*k->stop)
		return err_set(err, EX_TEMPFAIL, "stopped");
	if (engine_block(k->w, block, task_line_refused, k, err))
		return -1;
	k->nth += engine_counts(k->w)->lines - before;
	k->at += block.n;
	return 0;
}

static int count_long(struct work *k, struct slice kept, uint64_t size, struct err *err)
{
	struct engine_counts *c = engine_counts(k->w);

	if (refuse_task_line(k, &(struct engine_refusal){ .record = kept }, size, err))
		return -1;
	c->lines++;
	c->dead++;
	k->nth++;
	k->at += size + 1;
	return 0;
}

/* The last line of a file without its newline. */
static int count_tail(struct work *k, struct slice tail, struct err *err)
{
	struct buf line = { 0 };
	int rc;

	memset(buf_room(&line, tail.n + 1 + 2 * SCAN_PAD), 0, tail.n + 1 + 2 * SCAN_PAD);
	memcpy(line.p + SCAN_PAD, tail.p, tail.n);
	line.p[SCAN_PAD + tail.n] = '\n';
	rc = count_block(k, slice(line.p + SCAN_PAD, tail.n + 1), err);
	buf_fini(&line);
	return rc;
}

/* A timestamp a line. */
static void spread_stamps(struct workers_task *t, const struct workers_part *p)
{
	const struct workers_stamp *stamp = (const struct workers_stamp *)(const void *)
						    t->stamps.p +
					    p->stamps;
	char *out;

	t->records.n = 0;
	out = buf_room(&t->records, p->lines * sizeof(stamp->us));
	for (size_t i = 0; i < p->n_stamps; i++)
		for (uint64_t n = 0; n < stamp[i].lines; n++)
			out = mempcpy(out, &stamp[i].us, sizeof(stamp->us));
}

static int do_data(struct work *k, struct err *err)
{
	struct workers_task *t = k->t;

	for (; k->part < t->n_parts; k->part++) {
		struct workers_part *p = &t->part[k->part];

		k->nth = 0;
		k->at = 0;
		p->times = t->times.n / sizeof(int64_t);
		engine_from(k->w, p->origin.time_us, NULL,
			    workers_by_order(&p->origin) ? &t->times : NULL);
		if (engine_wants_records(k->w)) {
			spread_stamps(t, p);
			engine_records(k->w, (const int64_t *)(const void *)t->records.p, true);
		}
		if (count_block(k, slice(t->data.p + p->start, p->bytes), err))
			return -1;
		p->counts = engine_counts_take(k->w);
		p->n_times = t->times.n / sizeof(int64_t) - p->times;
	}
	return 0;
}

/* ---- chunks */

static ssize_t read_at(int fd, void *p, size_t n, int64_t at, const char *name, struct err *err)
{
	ssize_t k;

	do
		k = pread(fd, p, n, at);
	while (k < 0 && errno == EINTR);
	if (k < 0)
		err_errno(err, EX_IOERR, "%s", name);
	return k;
}

/* The start of the first line in the chunk into *start, `to` where there is none. */
static int first_line(const struct workers_task *t, int64_t *start, struct err *err)
{
	char look[LOOK_BYTES];

	*start = t->from;
	if (t->first)
		return 0;
	for (int64_t at = t->from - 1; at < t->to - 1;) {
		size_t want = t->to - 1 - at < LOOK_BYTES ? (size_t)(t->to - 1 - at) : LOOK_BYTES;
		ssize_t n = read_at(t->fd, look, want, at, t->part[0].origin.file, err);
		const char *nl;

		if (n < 0)
			return -1;
		if (n == 0)
			break;
		nl = memchr(look, '\n', (size_t)n);
		if (nl) {
			*start = at + (nl - look) + 1;
			return 0;
		}
		at += n;
	}
	*start = t->to;
	return 0;
}

/* Reads up to `to`, then to the end of the line there. */
struct source {
	const struct workers_task *t;
	int64_t at;
	size_t end_bytes;
	bool ended, in_line;
};

static ssize_t fill_chunk(void *arg, void *p, size_t n, struct err *err)
{
	struct source *s = arg;
	bool behind = s->at >= s->t->to;
	const char *nl;
	ssize_t k;

	if (s->ended || (behind && !s->in_line))
		return 0;
	if (!behind && (int64_t)n > s->t->to - s->at)
		n = (size_t)(s->t->to - s->at);
	if (behind && n > s->end_bytes)
		n = s->end_bytes;
	k = read_at(s->t->fd, p, n, s->at, s->t->part[0].origin.file, err);
	if (k <= 0)
		return k;
	if (behind) {
		s->end_bytes = s->end_bytes < LINES_READ_BYTES ? s->end_bytes * 4 : s->end_bytes;
		nl = memchr(p, '\n', (size_t)k);
		if (nl) {
			k = nl + 1 - (char *)p;
			s->ended = true;
		}
	}
	s->in_line = ((char *)p)[k - 1] != '\n';
	s->at += k;
	return k;
}

static int count_lines_of(struct work *k, struct lines *in, struct err *err)
{
	for (;;) {
		struct slice b;
		int rc = 0;

		switch (lines_next(in, INT64_MAX, &b, err)) {
		case LINES_BLOCK:
			rc = count_block(k, b, err);
			break;
		case LINES_LONG:
			rc = count_long(k, b, lines_long_bytes(in), err);
			break;
		case LINES_TAIL:
			rc = count_tail(k, b, err);
			break;
		case LINES_EOF:
			return 0;
		case LINES_TIMEOUT:
			break;
		case LINES_ERROR:
			return -1;
		}
		if (rc)
			return -1;
	}
}

static int do_chunk(struct work *k, size_t max_line, struct err *err)
{
	struct source s = { .t = k->t, .end_bytes = END_BYTES };
	struct lines *in;
	int rc;

	if (first_line(k->t, &s.at, err))
		return -1;
	if (s.at >= k->t->to)
		return 0;
	in = lines_new_from(fill_chunk, &s, max_line);
	rc = count_lines_of(k, in, err);
	lines_free(in);
	k->t->part[0].counts = engine_counts_take(k->w);
	return rc;
}

void workers_task_do(struct workers_task *t, struct engine *w, size_t max_line,
		     bool (*full)(void *arg, struct workers_task *t), void *arg,
		     const _Atomic bool *stop)
{
	struct work k = { .t = t, .w = w, .full = full, .arg = arg, .stop = stop };

	if (t->call) {
		t->call(t->call_arg, t->call_i);
		return;
	}
	engine_counts_take(w);
	t->failed = (t->chunk ? do_chunk(&k, max_line, &t->err) : do_data(&k, &t->err)) != 0;
	t->groups = engine_groups(w);
}
