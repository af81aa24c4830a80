/* --events: records into the batch, each with what a store finds it by. A line that is no JSON
 * object, or has no key, leaves the main path here, as at any filter of records: on an acknowledged
 * stream into this store's own dead letters, in the epoch's transaction, on a plain one it is told.
 *
 *   good good good | bad | good good | blank | good
 *   `---- owed ---'        `- owed -'          `- ..
 *
 * Good lines are owed to the stage below and written as one block. Behind a line that is not handed
 * on the place of the next one is said anew, so that it is right below, too. */
#include <stdlib.h>

#include "base/mem.h"
#include "proto/ctl.h"
#include "sink/sink_internal.h"
#include "tool/dead_route.h"

struct sink_events {
	struct events *events;
	struct scan_batch batch;
	struct dead_options dead_options;
	struct dead_route dead; /* plain: who is told; acknowledged: the limit */
	struct buf line;        /* of a dead letter */
	struct ctl ctl;
};

int sink_events_open(struct sink *s, struct err *err)
{
	const struct sink_conf *conf = s->store.conf;
	struct sink_events *e;

	if (!conf->events.on)
		return 0;
	e = mem_zalloc(sizeof(*e));
	s->events = e;
	e->dead_options.limit = 0.5;
	e->events = events_new(&conf->events, err);
	return e->events && dead_route_open(&e->dead, &e->dead_options, err) == 0 ? 0 : -1;
}

void sink_events_close(struct sink *s)
{
	struct sink_events *e = s->events;

	if (!e)
		return;
	events_free(e->events);
	buf_fini(&e->line);
	buf_fini(&e->dead.line);
	ctl_fini(&e->ctl);
	free(e);
	s->events = NULL;
}

bool sink_events_keyed(const struct sink *s)
{
	return s->events && (s->store.driver->event_key || events_keyed(s->events->events));
}

/* ---- lines */

/* A run at work. */
struct taking {
	struct sink *s;
	struct stage *st;
	const struct run *run;
	uint64_t nth;
	const char *owed; /* first byte that is not written */
	uint64_t owed_lines;
};

static int write_owed(struct taking *t, const char *to, const char *next, struct err *err)
{
	struct slice block = slice(t->owed, (size_t)(to - t->owed));
	uint64_t lines = t->owed_lines, nth = t->nth - lines;
	size_t at = (size_t)(t->owed - t->run->block.p);

	t->owed = next;
	t->owed_lines = 0;
	return lines && (stage_acknowledged(t->st) || t->s->pass)
		       ? stage_pass_at(t->st, t->run, nth, at, false, block, lines, err)
		       : 0;
}

/* To this store's own dead letters. */
static int bury_line(struct taking *t, struct slice line, const struct err *why, struct err *err)
{
	struct sink_events *e = t->s->events;
	const struct origin *o = &t->run->origin;
	const struct ctl_dead d = {
		.stage = slice_z(t->s->program->name),
		.topic = o->topic,
		.partition = o->partition,
		.offset = origin_offset(o, t->nth, (size_t)(line.p - t->run->block.p)),
		.inexact = o->inexact,
		.retries = o->retries,
		.why = slice_z(why->msg),
		.size = line.n,
		.record = line,
	};

	e->line.n = 0;
	ctl_dead_write(stage_inc(t->st), &d, &e->line);
	return ctl_parse(&e->ctl, buf_slice(&e->line), err) || sink_take_dead(t->s, &e->ctl, err)
		       ? -1
		       : 0;
}

static int tell_line(struct taking *t, struct slice line, const struct err *why, struct err *err)
{
	const struct dead_record d = {
		.origin = &t->run->origin,
		.nth = t->nth,
		.at = (size_t)(line.p - t->run->block.p),
		.record = line,
		.size = line.n,
		.reason = why->msg,
	};

	return dead_route_put(&t->s->events->dead, &d, NULL, NULL, err);
}

/* A line that goes no further. why: it is bad; NULL: it is blank. */
static int leave_line(struct taking *t, struct slice line, const struct err *why, struct err *err)
{
	struct account *account = stage_account(t->st);

	if (write_owed(t, line.p, line.p + line.n + 1, err))
		return -1;
	stage_moved(t->st);
	*(why ? &account->dead : &account->filtered) += 1;
	counters_add(stage_counters(t->st), why ? COUNTER_DEAD : COUNTER_FILTERED, 1);
	if (!why)
		return 0;
	return stage_acknowledged(t->st) ? bury_line(t, line, why, err)
					 : tell_line(t, line, why, err);
}

/* A dead letter that was sent again is the event that it was first: it may be stored already, where
 * a stage below found it bad. */
static int take_event(struct taking *t, struct slice line, const struct field *field,
		      struct err *err)
{
	const struct sink_store *store = &t->s->store;
	const struct origin *o = &t->run->origin;
	struct sink_event event;
	struct sink_record record = { .topic = o->topic, .line = line, .event = &event };
	struct err why = ERR_INIT;

	if (o->from_topic.p)
		record.topic = o->from_topic;
	if (events_read(t->s->events->events, field, record.topic, &event, &why))
		return leave_line(t, line, &why, err);
	record.partition = o->from_topic.p ? o->from_partition : o->partition;
	if (o->from_topic.p)
		record.offset = o->from_offset;
	else if (o->topic.p)
		record.offset = origin_offset(o, t->nth, (size_t)(line.p - t->run->block.p));
	else
		record.offset = (int64_t)(o->line + t->nth);
	if (store->driver->event_key && store->driver->event_key(store->d, &record, &event, &why))
		return leave_line(t, line, &why, err);
	epoch_batch_record(t->s->epoch, &record);
	t->owed_lines++;
	return 0;
}

static int take_line(struct taking *t, struct slice line, const struct field *field,
		     enum scan_status status, struct err *err)
{
	struct err why = ERR_INIT;

	if (status == SCAN_OK)
		return take_event(t, line, field, err);
	if (status == SCAN_BAD)
		scan_why(line, &why);
	return leave_line(t, line, status == SCAN_BAD ? &why : NULL, err);
}

static int check_place(const struct sink *s, const struct stage *st, const struct origin *origin,
		       struct err *err)
{
	if (sink_events_keyed(s))
		return 0;
	if (!stage_acknowledged(st))
		return err_set(err, EX_USAGE,
			       "events of a plain stream have no offset to be known by: say which "
			       "members they are known by (--key topic,event_id), or read them "
			       "with hta-consume -g GROUP or --job NAME");
	if (origin->inexact)
		return err_set(err, EX_USAGE,
			       "a filter above (--foreign) leaves records without an offset of "
			       "their own, by which events are known: put %s above it, or say "
			       "which members they are known by (--key topic,event_id)",
			       s->program->name);
	return origin->topic.p ? 0 : err_set(err, EX_DATAERR, "records before any `at`");
}

int sink_events_take(struct sink *s, struct stage *st, const struct run *run, uint64_t *lines,
		     struct err *err)
{
	struct taking t = { .s = s, .st = st, .run = run, .owed = run->block.p };
	struct scan_batch *b = &s->events->batch;
	struct slice rest = run->block;
	const char *end = rest.p + rest.n;

	if (check_place(s, st, &run->origin, err))
		return -1;
	while (rest.n) {
		size_t width = events_scan(s->events->events, rest.p, rest.n, b);

		for (unsigned i = 0; i < b->lines; i++, t.nth++)
			if (take_line(&t, slice(b->start[i], b->length[i]), b->field + i * width,
				      scan_status(b, i), err))
				return -1;
		rest = slice(rest.p + b->used, rest.n - b->used);
	}
	*lines = t.nth;
	return write_owed(&t, end, end, err);
}

/* ---- between them */

/* A stage that writes several records at the offset of one. */
int sink_events_check(const struct sink *s, const struct ctl_hello *above, struct err *err)
{
	if (!above->multiplies.p || sink_events_keyed(s))
		return 0;
	return err_set(err, EX_USAGE,
		       "%.*s above may make several records of one, and events are known by "
		       "their offset: put %s above it, or say which members they are known by "
		       "(--key topic,event_id)",
		       (int)above->multiplies.n, above->multiplies.p, s->program->name);
}

int sink_events_barrier(struct sink *s, struct stage *st, struct err *err)
{
	if (sink_events_keyed(s))
		epoch_batch_sort_events(s->epoch);
	return dead_route_barrier(&s->events->dead, stage_account(st), "bad",
				  "has a field been renamed? ", err);
}

int sink_events_finish(const struct sink *s, struct stage *st, struct err *err)
{
	uint64_t n = s->events->dead.total;

	if (out_flush(stage_out(st), err))
		return -1;
	return n ? err_set(err, EX_DATAERR, "%llu lines were bad; the others are stored",
			   (unsigned long long)n)
		 : 0;
}
