/* A state that judges by itself: what is asked of it, and what its refusals mean.
 *
 * Records wait until the caller wants their verdicts; those that stand behind each other in one
 * partition are one call. A record that was sent again is a call of its own, as it has two places.
 *
 * Local copies of positions serve the checks that need no server. Floors are not copied: another
 * host may raise them. */
#include "xform/dedup_shared.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "xform/dedup_internal.h"

bool dedup_is_shared(const struct dedup *d)
{
	return dedup_shared_of(d) != NULL;
}

/* ---- refusals */

static int refuse_for(struct dedup *d, const struct dedup_part *p, const struct dedup_refusal *why,
		      struct err *err)
{
	const char *where = d->conf.where;

	switch (why->why) {
	case DEDUP_STALE:
		return err_set(err, EX_TEMPFAIL, "%s: %s/%" PRId32 " was taken by another host",
			       where, p->topic, p->partition);
	case DEDUP_SERVER:
		return err_set(err, EX_TEMPFAIL,
			       "%s: the server has started anew: what it had not stored yet is "
			       "asked for again",
			       where);
	case DEDUP_BELOW:
		return err_set(err, EX_TEMPFAIL,
			       "%s: keys of %s/%" PRId32 " below %" PRId64 " were dropped, and "
			       "records from below come: where that does not pass, a sink has gone "
			       "back: restore a newer copy of it, or say --adopt, which takes keys "
			       "that are not known for new",
			       where, p->topic, p->partition, why->stored);
	case DEDUP_KEY:
		return err_set(err, EX_CONFIG, "%s: has keys of %s, not of %s", where, why->text,
			       d->about.key);
	case DEDUP_GENERATION:
		return err_set(err, EX_CONFIG,
			       "%s: is of another start of job %s (generation %s): delete it, or "
			       "name another --state",
			       where, d->about.job, why->text);
	case DEDUP_HOLE:
		return err_set(err, EX_CONFIG,
			       "%s: is older than this host knew it, in %s/%" PRId32, where,
			       p->topic, p->partition);
	case DEDUP_OLDER:
		break;
	}
	BUG("refusal %d", why->why);
}

/* ---- what is read */

static void ask_part(struct dedup *d, const struct ctl_reading_part *r, struct dedup_take_part *t)
{
	const struct dedup_part *p = dedup_part_of(d, dedup_part_number(d, r->topic, r->partition));

	*t = (struct dedup_take_part){
		.topic = p->topic,
		.partition = p->partition,
		.init = r->init,
		.from = r->from,
		.next = r->next,
		.idle = r->idle,
	};
}

static void have_part(struct dedup *d, const struct ctl_reading_part *r,
		      const struct dedup_take_part *t)
{
	struct dedup_part *p = dedup_part_of(d, dedup_part_number(d, r->topic, r->partition));

	if (t->adopted)
		log_warn("%s/%" PRId32 " is adopted from %" PRId64 ": earlier keys are not known",
			 p->topic, p->partition, r->next);
	p->next = t->stored;
	p->fence = t->fence;
	p->read = true;
	p->idle = r->idle;
	p->safe = r->from > p->safe ? r->from : p->safe;
}

static int refuse_take(struct dedup *d, const struct ctl_reading *reading,
		       const struct dedup_refusal *why, struct err *err)
{
	const struct ctl_reading_part *r = &reading->part[why->part];
	struct dedup_part *p;

	if (why->why != DEDUP_OLDER)
		return refuse_for(d, NULL, why, err);
	p = dedup_part_of(d, dedup_part_number(d, r->topic, r->partition));
	p->next = why->stored;
	return dedup_refuse_part(d, r, p, err);
}

int dedup_shared_read_on(struct dedup *d, const struct ctl_reading *reading, struct err *err)
{
	struct dedup_take_part *part = mem_array(reading->n + 1, sizeof(*part));
	struct dedup_take take = { .about = &d->about,
				   .gen = reading->gen,
				   .adopt = d->conf.adopt,
				   .part = part,
				   .n = reading->n };
	struct dedup_refusal why = { 0 };
	int rc;

	for (size_t i = 0; i < d->parts; i++)
		d->part[i].read = false;
	for (size_t i = 0; i < reading->n; i++)
		ask_part(d, &reading->part[i], &part[i]);
	rc = dedup_shared_of(d)->take(d->conf.state, &take, &why, err);
	if (rc == 0)
		rc = dedup_check_generation(d, reading->gen, err);
	for (size_t i = 0; i < reading->n && rc == 0; i++)
		have_part(d, &reading->part[i], &part[i]);
	d->shared_keys = take.keys;
	free(part);
	return rc > 0 ? refuse_take(d, reading, &why, err) : rc;
}

/* ---- records */

void dedup_ask(struct dedup *d, const uint64_t key[2], const struct dedup_place *at)
{
	struct dedup_part *p = dedup_part_of(d, at->part);

	if (!d->ask_entry) {
		d->ask_entry = mem_array(DEDUP_ASK_MOST, sizeof(*d->ask_entry));
		d->ask_place = mem_array(DEDUP_ASK_MOST, sizeof(*d->ask_place));
	}
	if (d->asked == DEDUP_ASK_MOST)
		BUG("too many records in a question");
	p->time_s = at->time_s > p->time_s ? at->time_s : p->time_s;
	d->ask_entry[d->asked] = (struct dedup_entry){
		.key = { key[0], key[1] },
		.part = at->own_part,
		.offset = at->own_offset,
		.time_s = at->time_s ? at->time_s : p->time_s,
	};
	d->ask_place[d->asked++] = *at;
}

static bool stands_elsewhere(const struct dedup_place *at)
{
	return at->part != at->own_part || at->offset != at->own_offset;
}

/* How many records from `i` on are one call. */
static size_t group_of(const struct dedup *d, size_t i)
{
	const struct dedup_place *at = d->ask_place;
	size_t n = 1;

	while (!stands_elsewhere(&at[i]) && i + n < d->asked && at[i + n].part == at[i].part &&
	       !stands_elsewhere(&at[i + n]))
		n++;
	return n;
}

static int claim_group(struct dedup *d, size_t i, size_t n, uint8_t *unique, struct err *err)
{
	const struct dedup_place *at = &d->ask_place[i];
	struct dedup_claim claim = {
		.part = dedup_part_of(d, at->part),
		.own = dedup_part_of(d, at->own_part),
		.stands = stands_elsewhere(at) ? at->offset : -1,
		.first = at->offset,
		.last = at->offset,
		.horizon_s = d->conf.horizon_s,
		.adopt = d->conf.adopt,
		.entry = &d->ask_entry[i],
		.n = n,
	};
	struct dedup_refusal why = { 0 };
	int rc;

	for (size_t k = 0; k < n; k++) {
		uint32_t time_s = claim.entry[k].time_s;

		claim.first = at[k].offset < claim.first ? at[k].offset : claim.first;
		claim.last = at[k].offset > claim.last ? at[k].offset : claim.last;
		claim.newest_s = time_s > claim.newest_s ? time_s : claim.newest_s;
	}
	if (!claim.part->read)
		return err_set(err, EX_DATAERR,
			       "a record of %s/%" PRId32 ", which the source did not say that it "
			       "reads: a filter above has changed the stream",
			       claim.part->topic, claim.part->partition);
	rc = dedup_shared_of(d)->claim(d->conf.state, &claim, unique, &why, err);
	return rc > 0 ? refuse_for(d, claim.part, &why, err) : rc;
}

int dedup_answer(struct dedup *d, uint8_t *unique, struct err *err)
{
	size_t n;

	for (size_t i = 0; i < d->asked; i += n) {
		n = group_of(d, i);
		if (claim_group(d, i, n, unique + i, err))
			return -1;
	}
	d->asked = 0;
	return 0;
}

/* ---- barriers */

/* Those that are read, each with its range. Returns how many. */
static size_t list_parts(struct dedup *d, const struct ranges *ranges,
			 struct dedup_advance_part *out)
{
	size_t n = 0;

	for (size_t i = 0; i < d->parts; i++)
		out[i] = (struct dedup_advance_part){ .part = &d->part[i] };
	for (size_t i = 0; i < ranges->n; i++) {
		const struct range *r = &ranges->v[i];
		uint32_t number = dedup_part_number(d, slice_z(r->topic), r->partition);

		out[number - 1].from = r->from;
		out[number - 1].to = r->to;
	}
	for (size_t i = 0; i < d->parts; i++)
		if (d->part[i].read)
			out[n++] = out[i];
	return n;
}

static void move_positions(struct dedup *d, const struct ranges *ranges)
{
	for (size_t i = 0; i < ranges->n; i++) {
		const struct range *r = &ranges->v[i];
		uint32_t number = dedup_part_number(d, slice_z(r->topic), r->partition);
		struct dedup_part *p = dedup_part_of(d, number);

		p->next = r->to > p->next ? r->to : p->next;
	}
}

static void note_answer(struct dedup *d, const struct dedup_advance *a)
{
	d->shared_keys = a->keys;
	d->forgotten += a->forgotten;
	if (a->released)
		log_warn("%" PRIu64 " keys are free again, of records that another host had asked "
			 "for and that the log does not have any more",
			 a->released);
}

int dedup_shared_close(struct dedup *d, struct slice gen, const struct ranges *ranges,
		       struct err *err)
{
	struct dedup_advance_part *part;
	struct dedup_advance a = {
		.gen = gen,
		.horizon_s = d->conf.horizon_s,
		.max_keys = d->conf.max_keys,
		.adopt = d->conf.adopt,
	};
	struct dedup_refusal why = { 0 };
	int rc;

	if (dedup_check_generation(d, gen, err) || dedup_check_ranges(d, ranges, err))
		return -1;
	dedup_fly(d, ranges);
	part = mem_array(d->parts + 1, sizeof(*part));
	a.part = part;
	a.n = list_parts(d, ranges, part);
	/* a host without partitions has nothing to store */
	rc = a.n ? dedup_shared_of(d)->advance(d->conf.state, &a, &why, err) : 0;
	if (rc > 0)
		rc = refuse_for(d, part[why.part].part, &why, err);
	free(part);
	if (rc)
		return -1;
	move_positions(d, ranges);
	if (a.n)
		note_answer(d, &a);
	return 0;
}
