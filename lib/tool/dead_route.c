#include "tool/dead_route.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"

enum { TOLD_MOST = 5, LIMIT_FROM_RECORDS = 1000 };

int dead_route_open(struct dead_route *r, const struct dead_options *o, struct err *err)
{
	*r = (struct dead_route){ .o = o, .to = DEAD_TOLD };
	if (!o->to)
		return 0;
	r->to = strcmp(o->to, "drop") == 0 ? DEAD_DROP : DEAD_FILE;
	if (r->to == DEAD_FILE)
		r->file = dead_file_open(o->to, err);
	return r->to == DEAD_FILE && !r->file ? -1 : 0;
}

int dead_route_close(struct dead_route *r, struct err *err)
{
	int rc = dead_file_close(r->file, err);

	r->file = NULL;
	buf_fini(&r->line);
	return rc;
}

/* Where a record stood, for people: "access.log:12" or "events/3@1200". */
static void tell_dead_record(const struct dead_record *d)
{
	const struct origin *o = d->origin;
	struct err e = ERR_INIT;

	if (o->file)
		err_set(&e, EX_DATAERR, "%s:%" PRIu64 ": %s", o->file, o->line + d->nth, d->reason);
	else
		err_set(&e, EX_DATAERR, "%.*s/%" PRId32 "@%" PRId64 ": %s", (int)o->topic.n,
			o->topic.p, o->partition, o->offset, d->reason);
	log_err(&e);
}

static int put_in_band(struct dead_route *r, const struct dead_record *d, const struct ctl_inc *inc,
		       struct out *out, struct err *err)
{
	const struct origin *o = d->origin;
	struct ctl_dead dead = {
		.stage = slice_z(prog_common()->name),
		.topic = o->topic,
		.partition = o->partition,
		.inexact = o->inexact,
		.offset = origin_offset(o, d->nth, d->at),
		.retries = o->retries,
		.why = slice_z(d->reason),
		.size = d->size,
		.record = d->record,
	};

	r->line.n = 0;
	ctl_dead_write(inc, &dead, &r->line);
	buf_addc(&r->line, '\n');
	return out_write(out, r->line.p, r->line.n, err);
}

int dead_route_put(struct dead_route *r, const struct dead_record *d, const struct ctl_inc *inc,
		   struct out *out, struct err *err)
{
	r->total++;
	switch (r->to) {
	case DEAD_DROP:
		break;
	case DEAD_FILE:
		r->unsynced = true;
		return dead_file_write(r->file, prog_common()->name, d->origin, d->nth, d->at,
				       d->record, d->size, d->reason, err);
	case DEAD_IN_BAND:
		return put_in_band(r, d, inc, out, err);
	case DEAD_TOLD:
		if (r->total <= TOLD_MOST)
			tell_dead_record(d);
		break;
	}
	return 0;
}

int dead_route_barrier(struct dead_route *r, const struct account *a, const char *what,
		       const char *hint, struct err *err)
{
	if (a->in >= LIMIT_FROM_RECORDS && (double)a->dead > r->o->limit * (double)a->in)
		return err_set(err, EX_DATAERR,
			       "%" PRIu64 " of the %" PRIu64 " records of this epoch are %s, more "
			       "than --dead-limit %g%%: %snothing of this epoch is stored",
			       a->dead, a->in, what, r->o->limit * 100, hint);
	if (!r->unsynced)
		return 0;
	r->unsynced = false;
	return dead_file_sync(r->file, err);
}
