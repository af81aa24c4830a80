/* An epoch of a SINK_CLAIMED driver:
 *
 *   load --> settle what is open on the batch's partitions, and our own claim of before; load again
 *     |        (stored: its positions move; not stored: it is dropped)
 *     |--> cas_check: APPLIED, CONFLICT end here
 *     |--> prepare, change(claim) --CONFLICT: something has moved--> load
 *     |--> write --RETRY--> the framework comes again: our own claim is settled first
 *     '--> store(positions)
 *
 * The id of our own open claim is remembered over a lost answer, so that the epoch is told apart
 * from one that another pipeline has written: it is not written a second time under that id.
 *
 * A done claim stays in the keeper until one of its partitions is claimed again. At a start the
 * driver is asked whether it holds what was written under it (`holds`): a store that was restored
 * from an older copy beside a keeper that was not is found out before anything is added to it. */
#include "sink/sink_claims.h"

#include <stdlib.h>
#include <string.h>

#include "base/crash.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "sink/sink_internal.h"

enum { CLAIM_TRIES = 1000 };

/* ---- documents */

void claim_doc_write(const char *id, const struct ranges *ranges, struct slice what,
		     struct buf *out)
{
	struct ctl_sink_state state = { .name = mem_strdup(id) };

	for (size_t i = 0; i < ranges->n; i++) {
		const struct range *r = &ranges->v[i];
		struct position *p;

		if (r->to <= r->from)
			continue;
		p = positions_add(&state.pos, slice_z(r->topic), r->partition);
		p->init = r->from;
		p->next = r->to;
		p->last = r->last;
		p->watermark_us = r->watermark_us;
		p->idle = r->idle;
	}
	ctl_sink_state_write(&state, out);
	buf_addc(out, '\n');
	buf_adds(out, what);
	ctl_sink_state_fini(&state);
}

int claim_doc_read(const char *text, struct claim_doc *out, struct err *err)
{
	size_t n = strcspn(text, "\n");
	struct ctl_sink_state state;

	*out = (struct claim_doc){ .what = slice_z(text[n] ? text + n + 1 : "") };
	if (ctl_sink_state_read(slice(text, n), &state, err))
		return err_in(err, "a claim in the store of positions is damaged");
	for (size_t i = 0; i < state.pos.n; i++) {
		const struct position *p = &state.pos.v[i];
		struct range *r = ranges_add(&out->ranges, slice_z(p->topic), p->partition);

		r->from = p->init;
		r->to = p->next;
		r->last = p->last;
		r->watermark_us = p->watermark_us;
		r->idle = p->idle;
	}
	ranges_sort(&out->ranges);
	ctl_sink_state_fini(&state);
	return 0;
}

void claim_doc_fini(struct claim_doc *c)
{
	ranges_fini(&c->ranges);
}

/* All of its positions move in one step, so one of them tells. A partition that is not known is one
 * of a job that has begun anew. */
enum claim_stands claim_stands(const struct claim_doc *c, const struct positions *pos)
{
	for (size_t i = 0; i < c->ranges.n; i++) {
		const struct range *r = &c->ranges.v[i];
		const struct position *p = positions_find(pos, slice_z(r->topic), r->partition);

		if (p && p->next == r->from)
			return CLAIM_OPEN;
	}
	return CLAIM_DONE;
}

static bool touches(const struct claim_doc *c, const struct ranges *ranges)
{
	for (size_t i = 0; i < c->ranges.n; i++) {
		const struct range *r = ranges_find(ranges, slice_z(c->ranges.v[i].topic),
						    c->ranges.v[i].partition);

		if (r && r->to > r->from)
			return true;
	}
	return false;
}

/* ---- settling */

static enum sink_result drop_claim(const struct sink *s, const char *job,
				   const struct keeper_doc *found, const char *id, struct err *err)
{
	const struct sink_store *k = s->positions;
	const struct keeper_change change = { .found = found, .drop = &id, .drops = 1 };

	return k->driver->keeper->change(k->d, job, &change, err);
}

static enum sink_result move_positions(const struct sink *s, const char *job,
				       const struct keeper_doc *found, const struct ranges *ranges,
				       struct err *err)
{
	const struct sink_store *k = s->positions;
	const struct sink_batch batch = { .job = job,
					  .gen = found->gen,
					  .set = *found->set ? found->set : NULL,
					  .ranges = ranges };
	struct sink_counts counts = { 0 };

	return k->driver->keeper->store(k->d, &batch, &counts, err);
}

/* Whatever has moved meanwhile is seen when the job is loaded again. */
static enum sink_result settle_claim(const struct sink *s, const char *job,
				     const struct keeper_doc *found,
				     const struct keeper_claim *claim, const struct claim_doc *c,
				     struct err *err)
{
	const struct sink_store *rows = &s->store;
	bool stored = false;
	enum sink_result r = rows->driver->settle(rows->d, claim->id, c->what, &stored, err);

	if (r == SINK_OK)
		r = stored ? move_positions(s, job, found, &c->ranges, err)
			   : drop_claim(s, job, found, claim->id, err);
	if (r == SINK_OK)
		log_info("an epoch that was left open is settled: it %s",
			 stored ? "was stored" : "was not stored, and comes again");
	return r == SINK_APPLIED || r == SINK_CONFLICT ? SINK_OK : r;
}

static bool is_own(const struct sink *s, const struct keeper_claim *claim)
{
	return strcmp(s->claim, claim->id) == 0;
}

/* Settles those that are open and touch the ranges (NULL: all), and our own. *settled: whether any
 * was. */
static enum sink_result settle_open(const struct sink *s, const char *job,
				    const struct keeper_doc *found, const struct ranges *ranges,
				    bool *settled, struct err *err)
{
	enum sink_result r = SINK_OK;

	*settled = false;
	for (size_t i = 0; i < found->claims && r == SINK_OK; i++) {
		const struct keeper_claim *claim = &found->claim[i];
		struct claim_doc c;

		if (claim_doc_read(claim->doc, &c, err)) {
			r = SINK_FATAL;
		} else if (claim_stands(&c, &found->pos) == CLAIM_OPEN &&
			   (!ranges || is_own(s, claim) || touches(&c, ranges))) {
			*settled = true;
			r = settle_claim(s, job, found, claim, &c, err);
		}
		claim_doc_fini(&c);
	}
	return r;
}

static enum sink_result load_settled(const struct sink *s, const char *job,
				     const struct ranges *ranges, struct keeper_doc *doc,
				     struct err *err)
{
	const struct sink_store *k = s->positions;

	for (int i = 0; i < CLAIM_TRIES; i++) {
		bool settled;
		enum sink_result r;

		keeper_doc_fini(doc);
		r = k->driver->keeper->load(k->d, job, doc, err);
		if (r == SINK_OK)
			r = settle_open(s, job, doc, ranges, &settled, err);
		if (r != SINK_OK || !settled)
			return r;
	}
	err_set(err, EX_TEMPFAIL, "job %s: its claims do not come to rest", job);
	return SINK_RETRY;
}

static enum sink_result check_held(const struct sink *s, const char *job,
				   const struct keeper_claim *claim, struct err *err)
{
	const struct sink_store *rows = &s->store;
	struct claim_doc c;
	bool holds = true;
	enum sink_result r = SINK_FATAL;

	if (claim_doc_read(claim->doc, &c, err) == 0)
		r = rows->driver->holds(rows->d, claim->id, c.what, &holds, err);
	claim_doc_fini(&c);
	if (r != SINK_OK || holds)
		return r;
	err_set(err, EX_CONFIG,
		"%s has lost what was stored of job %s (%s): it was emptied or restored from a "
		"copy, and its positions (--positions) were not; restore them from the same "
		"moment, or count anew: `%s --reset %s`",
		s->name, job, claim->id, s->program->name, job);
	return SINK_FATAL;
}

enum sink_result sink_claims_settle(const struct sink *s, const char *job, struct keeper_doc *doc,
				    struct err *err)
{
	enum sink_result r = SINK_OK;

	if (sink_delivery(s) != SINK_CLAIMED || !doc->claims)
		return SINK_OK;
	r = load_settled(s, job, NULL, doc, err);
	for (size_t i = 0; i < doc->claims && r == SINK_OK; i++)
		r = check_held(s, job, &doc->claim[i], err);
	return r;
}

/* ---- an epoch */

static void new_id(char id[KEEPER_CLAIM_CHARS + 1])
{
	uint8_t random[KEEPER_CLAIM_CHARS / 2];
	struct buf hex = { 0 };

	hash_random(random, sizeof(random));
	buf_hex(&hex, random, sizeof(random));
	memcpy(id, hex.p, KEEPER_CLAIM_CHARS);
	id[KEEPER_CLAIM_CHARS] = 0;
	buf_fini(&hex);
}

/* Done claims of the batch's partitions go with the new one. *n ids, lent by the document;
 * free() */
static const char **replaced_claims(const struct keeper_doc *found, const struct ranges *ranges,
				    size_t *n)
{
	const char **id = mem_zalloc((found->claims + 1) * sizeof(*id));
	struct err ignored;

	*n = 0;
	for (size_t i = 0; i < found->claims; i++) {
		struct claim_doc c;

		if (claim_doc_read(found->claim[i].doc, &c, &ignored) == 0 && touches(&c, ranges))
			id[(*n)++] = found->claim[i].id;
		claim_doc_fini(&c);
	}
	return id;
}

static enum sink_result take_claim(struct sink *s, struct sink_batch *batch,
				   const struct keeper_doc *found, struct err *err)
{
	const struct sink_store *rows = &s->store, *k = s->positions;
	struct keeper_change change = { .found = found, .claim = s->claim };
	struct buf what = { 0 }, doc = { 0 };
	enum sink_result r = SINK_OK;
	const char **drop;

	new_id(s->claim);
	batch->name = s->claim;
	if (rows->driver->prepare)
		r = rows->driver->prepare(rows->d, batch, &what, err);
	if (r == SINK_OK) {
		claim_doc_write(s->claim, batch->ranges, buf_slice(&what), &doc);
		change.claim_doc = buf_z(&doc);
		drop = replaced_claims(found, batch->ranges, &change.drops);
		change.drop = drop;
		r = k->driver->keeper->change(k->d, batch->job, &change, err);
		free(drop);
	}
	buf_fini(&what);
	buf_fini(&doc);
	return r;
}

static bool moves(const struct ranges *ranges)
{
	for (size_t i = 0; i < ranges->n; i++)
		if (ranges->v[i].to > ranges->v[i].from)
			return true;
	return false;
}

/* SINK_OK: claimed. SINK_APPLIED, SINK_CONFLICT: as cas_check decides. */
static enum sink_result claim_epoch(struct sink *s, struct sink_batch *batch, struct err *err)
{
	struct keeper_doc doc = { .gen = "" };
	enum sink_result r = SINK_CONFLICT;

	for (int i = 0; i < CLAIM_TRIES; i++) {
		r = load_settled(s, batch->job, batch->ranges, &doc, err);
		if (r == SINK_OK)
			r = cas_check(batch, doc.gen, doc.set, &doc.pos, err);
		if (r != SINK_OK || !moves(batch->ranges))
			break;
		r = take_claim(s, batch, &doc, err);
		if (r != SINK_CONFLICT)
			break;
		s->claim[0] = 0;
	}
	keeper_doc_fini(&doc);
	return r;
}

enum sink_result sink_apply_claimed(struct sink *s, const struct sink_batch *whole,
				    struct sink_counts *counts, struct err *err)
{
	const struct sink_store *rows = &s->store, *k = s->positions;
	struct sink_batch batch = *whole;
	enum sink_result r = claim_epoch(s, &batch, err);

	if (r == SINK_OK && moves(batch.ranges)) {
		crash_at(CRASH_SINK_CLAIMED);
		r = rows->driver->write(rows->d, &batch, counts, err);
		crash_at(CRASH_SINK_WRITTEN);
	}
	batch.rows = batch.records = batch.n_dead = 0;
	batch.name = NULL;
	if (r == SINK_OK)
		r = k->driver->keeper->store(k->d, &batch, counts, err);
	if (r == SINK_OK || r == SINK_APPLIED)
		s->claim[0] = 0;
	return r;
}
