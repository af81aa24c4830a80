/* What is read, and barriers.
 *
 *   ahead of the first record       the state has of the partition
 *                                   nothing                  next
 *   no sink has more than its start next = the start         next >= it, else 78
 *   one of them has                 78                       next >= that, else 78
 * This is asked of all partitions that are read, those without new records too: the key of one
 * there may come in another. --adopt takes all of these, and a range from below the floor: the
 * floor is raised to where the state begins to know, so that a later replay is told apart.
 *
 * What all sinks have is not told to a stage while it runs. But it is told at the beginning, and
 * later positions follow DEDUP_FLIGHTS epochs behind, since no source has more on their way. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "xform/dedup_internal.h"

/* ---- is the state as new as the sinks? */

int dedup_check_generation(struct dedup *d, struct slice gen, struct err *err)
{
	if (d->announced || d->about.gen[0] || !gen.n) {
		d->announced = true;
		if (slice_is(gen, d->about.gen))
			return 0;
		return err_set(err, EX_CONFIG,
			       "%s: is of another start of job %s (generation %s, the sinks have "
			       "%.*s): delete it, or name another --state",
			       d->conf.where, d->about.job, d->about.gen, (int)gen.n, gen.p);
	}
	d->announced = true;
	memcpy(d->about.gen, gen.p, gen.n < CTL_INC_CHARS ? gen.n : CTL_INC_CHARS);
	return 0;
}

int dedup_refuse_part(const struct dedup *d, const struct ctl_reading_part *r,
		      const struct dedup_part *p, struct err *err)
{
	const char *way = "or say --adopt: keys of the records that it has not seen are not known "
			  "then, and pass once more";

	if (p->next < 0)
		return err_set(err, EX_CONFIG,
			       "%s: knows nothing of %s/%" PRId32 ", of which the sinks have the "
			       "records below %" PRId64 ": put the state back that belongs to "
			       "this job, %s",
			       d->conf.where, p->topic, p->partition, r->next, way);
	return err_set(err, EX_CONFIG,
		       "%s: is older than the sinks: it knows %s/%" PRId32 " up to %" PRId64
		       ", the sinks have %" PRId64 ": put the newer state back, %s",
		       d->conf.where, p->topic, p->partition, p->next, r->next, way);
}

static int take_part(struct dedup *d, const struct ctl_reading_part *r, struct err *err)
{
	struct dedup_part *p = dedup_part_of(d, dedup_part_number(d, r->topic, r->partition));

	if (p->next < 0 && r->next == r->init) {
		p->next = r->init;
		p->changed = true;
	} else if (p->next < r->next) {
		if (!d->conf.adopt)
			return dedup_refuse_part(d, r, p, err);
		log_warn("%s/%" PRId32 " is adopted from %" PRId64 ": earlier keys are not known",
			 p->topic, p->partition, r->next);
		p->next = p->floor = r->next;
		p->changed = true;
	}
	p->read = true;
	p->idle = r->idle;
	p->safe = r->from > p->safe ? r->from : p->safe;
	return 0;
}

int dedup_read_on(struct dedup *d, const struct ctl_reading *reading, struct err *err)
{
	if (dedup_shared_of(d))
		return dedup_shared_read_on(d, reading, err);
	if (dedup_check_generation(d, reading->gen, err))
		return -1;
	for (size_t i = 0; i < d->parts; i++)
		d->part[i].read = false;
	for (size_t i = 0; i < reading->n; i++)
		if (take_part(d, &reading->part[i], err))
			return -1;
	return 0;
}

static int check_range(const struct dedup *d, const struct range *r, const struct dedup_part *p,
		       struct err *err)
{
	if (!p->read || r->from > p->next)
		return err_set(err, EX_DATAERR,
			       "barrier: offset %" PRId64 " of %s/%" PRId32 " is not where the "
			       "source said that it reads: a filter above has changed the stream",
			       r->from, p->topic, p->partition);
	if (r->from >= p->floor || d->conf.adopt)
		return 0;
	return err_set(err, EX_CONFIG,
		       "%s: has dropped keys of %s/%" PRId32 " below %" PRId64 ", and a sink has "
		       "gone back to %" PRId64 ": say --adopt, which takes keys that are not "
		       "known for new, or restore a newer copy of the sink",
		       d->conf.where, r->topic, r->partition, p->floor, r->from);
}

int dedup_check_ranges(struct dedup *d, const struct ranges *ranges, struct err *err)
{
	for (size_t i = 0; i < ranges->n; i++) {
		const struct range *r = &ranges->v[i];
		uint32_t number = dedup_part_number(d, slice_z(r->topic), r->partition);

		if (r->from < r->to && check_range(d, r, dedup_part_of(d, number), err))
			return -1;
	}
	return 0;
}

/* ---- where the partitions are */

static void note_end(struct dedup_chunk *c, uint32_t part, int64_t to)
{
	for (size_t i = 0; i < c->ends; i++)
		if (c->end[i].part == part) {
			c->end[i].to = to > c->end[i].to ? to : c->end[i].to;
			return;
		}
	mem_reserve(&c->end, &c->cap, c->ends + 1, sizeof(*c->end));
	/* no padding may reach a file unset */
	memset(&c->end[c->ends], 0, sizeof(*c->end));
	c->end[c->ends].part = part;
	c->end[c->ends++].to = to;
}

/* The epoch that left DEDUP_FLIGHTS barriers ago is in all sinks. Its place is the new one's. */
static struct dedup_flight *land_flight(struct dedup *d)
{
	struct dedup_flight *f = &d->flight[d->epochs++ % DEDUP_FLIGHTS];

	for (size_t i = 0; i < f->n; i++) {
		struct dedup_part *p = dedup_part_of(d, f->v[i].part);

		p->safe = f->v[i].to > p->safe ? f->v[i].to : p->safe;
		p->safe_s = f->v[i].time_s > p->safe_s ? f->v[i].time_s : p->safe_s;
	}
	f->n = 0;
	return f;
}

void dedup_fly(struct dedup *d, const struct ranges *ranges)
{
	struct dedup_flight *f = land_flight(d);

	for (size_t i = 0; i < ranges->n; i++) {
		const struct range *r = &ranges->v[i];
		uint32_t number = dedup_part_number(d, slice_z(r->topic), r->partition);
		struct dedup_part *p = dedup_part_of(d, number);

		p->idle = r->idle;
		mem_reserve(&f->v, &f->cap, f->n + 1, sizeof(*f->v));
		f->v[f->n++] = (struct dedup_reached){ number, p->time_s, r->to };
	}
}

/* Whether a position has moved. */
static bool advance_parts(struct dedup *d, const struct ranges *ranges)
{
	bool moved = false;

	dedup_fly(d, ranges);
	for (size_t i = 0; i < ranges->n; i++) {
		const struct range *r = &ranges->v[i];
		uint32_t number = dedup_part_number(d, slice_z(r->topic), r->partition);
		struct dedup_part *p = dedup_part_of(d, number);

		if (r->from == r->to)
			continue;
		note_end(&d->open, number, r->to);
		p->changed = p->changed || r->to > p->next;
		p->next = r->to > p->next ? r->to : p->next;
		moved = true;
	}
	return moved;
}

/* ---- the whole */

static void close_chunk(struct dedup *d)
{
	if (d->open.entries < DEDUP_CHUNK_ENTRIES)
		return;
	dedup_add_chunk(d, &d->open);
	d->saved = 0;
}

int dedup_close_epoch(struct dedup *d, struct slice gen, const struct ranges *ranges,
		      struct err *err)
{
	uint64_t *dropped = NULL;
	struct dedup_save save = { .about = &d->about, .entry = d->entry, .known = d->saved };
	bool moved;
	int rc = 0;

	if (dedup_shared_of(d))
		return dedup_shared_close(d, gen, ranges, err);
	if (dedup_check_generation(d, gen, err) || dedup_check_ranges(d, ranges, err))
		return -1;
	moved = advance_parts(d, ranges);
	if (dedup_drop_chunks(d, &dropped, &save.drops, err)) {
		free(dropped);
		return -1;
	}
	save.part = d->part;
	save.parts = d->parts;
	save.chunk = d->open.entries > d->saved ? &d->open : NULL;
	save.dropped = dropped;
	if (moved || save.drops)
		rc = d->conf.ops->save(d->conf.state, &save, err);
	free(dropped);
	if (rc)
		return -1;
	for (size_t i = 0; i < d->parts && (moved || save.drops); i++)
		d->part[i].changed = false;
	if (dedup_finds(d))
		dedup_table_clear(d->table);
	d->saved = d->open.entries;
	close_chunk(d);
	return 0;
}
