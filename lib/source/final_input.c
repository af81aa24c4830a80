/* What a log is asked, over the pieces of a pass (final_pass.c):
 *
 *   read() --> pieces left? --yes--> hand out the next one
 *                 | no
 *                 +--> a second over, or more to read? --yes--> pass, the metric behind the last
 *                 |                                             one first
 *                 +--> wait (a timer's descriptor) */
#include "source/final_internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "agg/metric_read.h"
#include "base/mem.h"
#include "base/tm.h"

/* ---- reading */

static void hand_out_piece(struct final_input *f, struct input_batch *b)
{
	struct final_piece *x = &f->piece[f->piece_at++];

	x->part->position_us = x->position_us;
	*b = (struct input_batch){ .part = &x->part->part,
				   .v = f->record + x->first,
				   .n = x->n,
				   .position = x->position_us,
				   .whole = true };
}

static int final_read(void *self, struct input_batch *batch, int *fd, struct err *err)
{
	struct final_input *f = self;
	int64_t now = tm_mono_us();
	struct itimerspec wait = { .it_value = { .tv_sec = 0 } };

	*batch = (struct input_batch){ .part = NULL };
	if (f->piece_at == f->pieces && now >= f->due_us && final_pass(f, err)) {
		if (!loop_signalled(f->loop) || err->code != EX_UNAVAILABLE)
			return -1;
		err_clear(err); /* we are to stop, and need no store for that */
		f->pieces = f->piece_at = 0;
	}
	if (f->piece_at < f->pieces) {
		hand_out_piece(f, batch);
		return 0;
	}
	wait.it_value.tv_nsec = 1 + (f->due_us > now ? f->due_us - now : 0) % TM_S * 1000;
	wait.it_value.tv_sec = (f->due_us > now ? f->due_us - now : 0) / TM_S;
	timerfd_settime(f->timer_fd, 0, &wait, NULL);
	*fd = f->timer_fd;
	return 0;
}

/* ---- what stands where */

static struct final_part *find_part(const struct final_input *f, const char *topic)
{
	for (size_t i = 0; i < f->parts; i++)
		if (strcmp(f->part[i].part.topic, topic) == 0)
			return &f->part[i];
	return NULL;
}

static int final_assign(void *self, const struct ranges *start, struct err *err)
{
	struct final_input *f = self;

	(void)err;
	f->pieces = f->piece_at = 0;
	f->due_us = 0;
	for (size_t i = 0; i < f->parts; i++) {
		struct final_part *p = &f->part[i];
		const struct range *r = ranges_find(start, slice_z(p->part.topic), 0);

		p->assigned = r;
		p->position_us = r ? r->from : 0;
	}
	return 0;
}

static int final_partitions(void *self, struct partitions *out, struct err *err)
{
	const struct final_input *f = self;

	(void)err;
	for (size_t i = 0; i < f->parts; i++)
		partitions_add(out, slice_z(f->part[i].part.topic), 0);
	return 0;
}

static int final_ends(void *self, struct ranges *parts, struct err *err)
{
	struct final_input *f = self;

	if (final_marks(f, err))
		return -1;
	for (size_t i = 0; i < parts->n; i++) {
		const struct final_part *p = find_part(f, parts->v[i].topic);

		parts->v[i].from = 0;
		parts->v[i].to = p ? p->known_us : 0;
	}
	return 0;
}

static int final_starts(void *self, struct ranges *parts, enum input_when when, int64_t time_us,
			struct err *err)
{
	if (when == INPUT_LATEST && final_ends(self, parts, err))
		return -1;
	for (size_t i = 0; i < parts->n; i++) {
		struct range *r = &parts->v[i];

		r->from = when == INPUT_LATEST ? r->to : when == INPUT_TIME ? time_us : 0;
		r->to = 0;
		if (r->from < 0)
			r->from = 0;
	}
	return 0;
}

static int final_known(void *self, const struct positions *held, struct err *err)
{
	struct final_input *f = self;

	(void)err;
	for (size_t i = 0; i < held->n; i++) {
		struct final_part *p = find_part(f, held->v[i].topic);

		if (p && held->v[i].next > p->known_us)
			p->known_us = held->v[i].next;
	}
	return 0;
}

/* Rows may be corrected after they are out: there is nothing to compare. */
static int final_fingerprint(void *self, const struct partition *part, int64_t offset, bool *found,
			     struct pos_last *out, struct err *err)
{
	(void)self, (void)part, (void)offset, (void)out, (void)err;
	*found = false;
	return 0;
}

/* ---- life */

static int final_open(void *self, struct loop *loop, struct err *err)
{
	struct final_input *f = self;

	f->loop = f->store_conf.loop = loop;
	f->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (f->timer_fd < 0)
		return err_errno(err, EX_TEMPFAIL, "timerfd");
	return final_definitions(f, err);
}

static int add_member(const struct final_part *p, bool first, struct buf *out, struct err *err)
{
	struct metric_def *d = metric_def_read(slice_z(p->def), err);
	struct buf columns = { 0 };
	struct ctl_metric m = { .name = slice_z(p->part.topic),
				.cfg = slice_z(p->cfg),
				.def = slice_z(p->def),
				.final = true };

	if (!d)
		return err_in(err, "metric %s", p->part.topic);
	m.every_us = d->m.window.pane_us;
	if (d->n_columns)
		columns_format(d->column, d->n_columns, &columns);
	m.columns = buf_slice(&columns);
	buf_addz(out, first ? "" : ",");
	ctl_metric_write(&m, out);
	buf_fini(&columns);
	metric_def_unref(d);
	return 0;
}

static int final_members(void *self, struct buf *out, struct err *err)
{
	const struct final_input *f = self;
	int rc = 0;

	buf_addz(out, ",\"metrics\":[");
	for (size_t i = 0; i < f->parts && rc == 0; i++)
		rc = add_member(&f->part[i], i == 0, out, err);
	buf_addz(out, "]");
	return rc;
}

static void final_close(void *self)
{
	struct final_input *f = self;

	if (f->timer_fd >= 0)
		close(f->timer_fd);
	f->timer_fd = -1;
}

static const struct input_ops final_ops = {
	.times = true,
	.open = final_open,
	.members = final_members,
	.assign = final_assign,
	.read = final_read,
	.partitions = final_partitions,
	.ends = final_ends,
	.starts = final_starts,
	.fingerprint = final_fingerprint,
	.known = final_known,
	.close = final_close,
};

static void final_input_free(struct input *log)
{
	struct final_input *f;

	if (!log)
		return;
	f = log->self;
	final_close(f);
	for (size_t i = 0; i < f->parts; i++) {
		free(f->part[i].part.topic);
		free(f->part[i].cfg);
		free(f->part[i].def);
	}
	free(f->part);
	free(f->piece);
	free(f->record);
	buf_fini(&f->text);
	free(f);
}

static struct input *final_input_new(const struct consume_conf *conf, bool join, struct err *err)
{
	const struct consume_finals *c = &conf->finals;
	struct final_input *f = mem_zalloc(sizeof(*f));

	(void)join;
	f->log = (struct input){ .ops = &final_ops, .self = f };
	f->conf = conf;
	f->timer_fd = -1;
	f->store_conf.place = c->table;
	f->parts = c->n;
	f->part = mem_array(c->n, sizeof(*f->part));
	f->piece = mem_array(c->n, sizeof(*f->piece));
	for (size_t i = 0; i < c->n; i++) {
		f->part[i].asked = c->v[i];
		f->part[i].part.topic = mem_strdup(c->v[i]);
	}
	f->driver = read_stores_choose(c->stores, c->store, "hta-consume", &f->store_conf, err);
	if (f->driver)
		return &f->log;
	final_input_free(&f->log);
	return NULL;
}

const struct consume_driver final_driver = {
	.input_new = final_input_new,
	.input_free = final_input_free,
};
