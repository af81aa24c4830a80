/* How many records make the rows that a sink likes to take at once? The last epoch that was
 * large enough to tell anything says so: rows per record. Rows grow slower than records (keys
 * repeat), so the estimate errs on the small side and the next epochs correct it; a lucky small
 * epoch is not believed for more than GROWTH times its own size. */
#include "job/epochs.h"

#include <stdlib.h>

#include "base/mem.h"

enum { FIRST_RECORDS = 5000, GROWTH = 8 };

struct part {
	char *topic;
	int32_t partition;
	int64_t from, to; /* of the open epoch */
	struct pos_last last;
	bool idle, idle_sent;
};

struct flight {
	uint64_t number, records;
	struct ranges ranges;
};

struct epochs {
	struct epochs_conf conf;
	struct part *part;
	size_t parts;
	uint64_t last_number, records, limit;
	int64_t since_us;      /* first change of the open epoch; INT64_MAX: none */
	struct flight *flight; /* oldest first */
	size_t flights, cap;
	struct ranges acked;
};

struct epochs *epochs_new(const struct epochs_conf *conf)
{
	struct epochs *e = mem_zalloc(sizeof(*e));

	e->conf = *conf;
	e->limit = conf->records < FIRST_RECORDS ? conf->records : FIRST_RECORDS;
	e->since_us = INT64_MAX;
	return e;
}

static void forget_parts(struct epochs *e)
{
	for (size_t i = 0; i < e->parts; i++)
		free(e->part[i].topic);
	free(e->part);
	e->part = NULL;
	e->parts = 0;
}

void epochs_free(struct epochs *e)
{
	if (!e)
		return;
	forget_parts(e);
	for (size_t i = 0; i < e->flights; i++)
		ranges_fini(&e->flight[i].ranges);
	free(e->flight);
	ranges_fini(&e->acked);
	free(e);
}

void epochs_assign(struct epochs *e, const struct ranges *start)
{
	if (epochs_changed(e))
		BUG("a new assignment inside an epoch");
	forget_parts(e);
	e->part = mem_array(start->n ? start->n : 1, sizeof(*e->part));
	e->parts = start->n;
	e->since_us = INT64_MAX;
	for (size_t i = 0; i < start->n; i++) {
		const struct range *r = &start->v[i];
		e->part[i] = (struct part){ .topic = mem_strdup(r->topic),
					    .partition = r->partition,
					    .from = r->from,
					    .to = r->from,
					    .last = { .offset = -1, .time_us = POS_NONE },
					    .idle = r->idle,
					    .idle_sent = r->idle };
	}
}

static bool part_changed(const struct part *p)
{
	return p->to != p->from || p->idle != p->idle_sent;
}

void epochs_read(struct epochs *e, size_t id, uint64_t records, int64_t position,
		 const struct pos_last *last, bool end, int64_t now_us)
{
	struct part *p = &e->part[id];

	if (id >= e->parts || position < p->to)
		BUG("partition %zu read back to %lld", id, (long long)position);
	p->to = position;
	p->idle = end;
	if (last)
		p->last = *last;
	e->records += records;
	if (part_changed(p))
		e->since_us = e->since_us < now_us ? e->since_us : now_us;
	else if (!epochs_changed(e))
		e->since_us = INT64_MAX; /* idle and back */
}

uint64_t epochs_room(const struct epochs *e)
{
	return e->records < e->limit ? e->limit - e->records : 0;
}

bool epochs_changed(const struct epochs *e)
{
	for (size_t i = 0; i < e->parts; i++)
		if (part_changed(&e->part[i]))
			return true;
	return false;
}

bool epochs_due(const struct epochs *e, int64_t now_us)
{
	if (e->since_us == INT64_MAX || e->flights >= e->conf.in_flight)
		return false;
	return epochs_room(e) == 0 || now_us >= epochs_deadline_us(e);
}

int64_t epochs_deadline_us(const struct epochs *e)
{
	if (e->since_us == INT64_MAX || e->flights >= e->conf.in_flight)
		return INT64_MAX;
	return e->since_us + e->conf.epoch_us;
}

size_t epochs_in_flight(const struct epochs *e)
{
	return e->flights;
}

const struct ranges *epochs_cut(struct epochs *e, uint64_t *number)
{
	struct flight *f;

	mem_reserve(&e->flight, &e->cap, e->flights + 1, sizeof(*e->flight));
	f = &e->flight[e->flights++];
	*f = (struct flight){ .number = ++e->last_number, .records = e->records };
	for (size_t i = 0; i < e->parts; i++) {
		struct part *p = &e->part[i];
		struct range *r;

		if (!part_changed(p))
			continue;
		r = ranges_add(&f->ranges, slice_z(p->topic), p->partition);
		r->from = p->from;
		r->to = p->to;
		r->last = p->last;
		r->idle = p->idle;
		r->watermark_us = e->conf.times ? p->to : POS_NONE;
		p->from = p->to;
		p->idle_sent = p->idle;
		p->last = (struct pos_last){ .offset = -1, .time_us = POS_NONE };
	}
	if (f->ranges.n == 0)
		BUG("an epoch without a change");
	ranges_sort(&f->ranges);
	e->records = 0;
	e->since_us = INT64_MAX;
	*number = f->number;
	return &f->ranges;
}

/* What the ack of an epoch of so many records teaches. */
static void learn_rate(struct epochs *e, uint64_t records, uint64_t rows)
{
	double fit;
	uint64_t most = records > UINT64_MAX / GROWTH ? UINT64_MAX : records * GROWTH;

	if (records == 0 || (records < e->limit / GROWTH && rows < e->conf.rows / GROWTH))
		return;
	if (most < FIRST_RECORDS)
		most = FIRST_RECORDS;
	if (most > e->conf.records)
		most = e->conf.records;
	fit = rows ? (double)records / (double)rows * (double)e->conf.rows : (double)most;
	e->limit = fit < (double)most ? (uint64_t)fit : most;
	if (e->limit == 0)
		e->limit = 1;
}

const struct ranges *epochs_acked(struct epochs *e, uint64_t number, uint64_t rows, struct err *err)
{
	if (e->flights == 0 || e->flight[0].number != number) {
		err_set(err, EX_PROTOCOL, "epoch %llu was acknowledged, expected %llu",
			(unsigned long long)number,
			(unsigned long long)(e->flights ? e->flight[0].number : 0));
		return NULL;
	}
	learn_rate(e, e->flight[0].records, rows);
	ranges_fini(&e->acked);
	e->acked = e->flight[0].ranges;
	e->flights--;
	memmove(e->flight, e->flight + 1, e->flights * sizeof(*e->flight));
	return &e->acked;
}
