/* The compare-and-set, decided over stored positions, and the name of an epoch. Postgres and Redis
 * decide it once more where their positions are (hta_advance in pg_schema.c, redis_apply.lua):
 * tests/store/cas.bats and tests/unit/keeper.c hold all of them to one table of cases. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "sink/driver.h"

void keeper_doc_fini(struct keeper_doc *doc)
{
	free(doc->group);
	free(doc->rules);
	for (size_t i = 0; i < doc->claims; i++)
		free(doc->claim[i].doc);
	free(doc->claim);
	positions_fini(&doc->pos);
	*doc = (struct keeper_doc){ .gen = "" };
}

void keeper_doc_claim(struct keeper_doc *doc, struct slice id, struct slice text)
{
	struct keeper_claim *c;

	doc->claim = mem_grow(doc->claim, doc->claims + 1, sizeof(*doc->claim));
	c = &doc->claim[doc->claims++];
	snprintf(c->id, sizeof(c->id), "%.*s", (int)id.n, id.p);
	c->doc = mem_dup(text.p, text.n);
}

static int conflict_error(const struct range *r, const struct position *p, struct err *err)
{
	if (!p)
		return err_set(err, EX_TEMPFAIL,
			       "%s/%d is not known here: the store was emptied or restored under "
			       "us; start again",
			       r->topic, r->partition);
	return err_set(err, EX_TEMPFAIL,
		       "%s/%d stands at %lld here, the epoch goes from %lld to %lld: another "
		       "pipeline has written it, or the store was restored; start again",
		       r->topic, r->partition, (long long)p->next, (long long)r->from,
		       (long long)r->to);
}

static enum sink_result set_conflict(const struct sink_batch *batch, const char *set,
				     struct err *err)
{
	err_set(err, EX_TEMPFAIL,
		"job %s counts by %s%s here, the epoch was counted by %s%s: another pipeline has "
		"changed the rules; start again with them",
		batch->job, *set ? "rules " : "no rules", set, batch->set ? "rules " : "no rules",
		batch->set ? batch->set : "");
	return SINK_CONFLICT;
}

enum sink_result cas_check(const struct sink_batch *batch, const char *gen, const char *set,
			   const struct positions *stored, struct err *err)
{
	const struct range *other = NULL;
	size_t fresh = 0, old = 0, all = 0;

	if (strcmp(gen, batch->gen) != 0) {
		err_set(err, EX_TEMPFAIL,
			"job %s has %s%s here, the epoch %s: the store was emptied, restored or "
			"started anew; start again",
			batch->job, *gen ? "generation " : "no generation", gen, batch->gen);
		return SINK_CONFLICT;
	}
	if (strcmp(set, batch->set ? batch->set : "") != 0)
		return set_conflict(batch, set, err);
	for (size_t i = 0; i < batch->ranges->n; i++) {
		const struct range *r = &batch->ranges->v[i];
		const struct position *p = positions_find(stored, slice_z(r->topic), r->partition);

		if (r->to <= r->from)
			continue;
		all++;
		fresh += p && p->next == r->from;
		old += p && p->next >= r->to;
		if (!p || p->next != r->from)
			other = r;
	}
	if (fresh == all)
		return SINK_OK;
	if (old == all)
		return SINK_APPLIED;
	conflict_error(other, positions_find(stored, slice_z(other->topic), other->partition), err);
	return SINK_CONFLICT;
}

static bool has_claim(const struct keeper_doc *doc, const char *id)
{
	for (size_t i = 0; i < doc->claims; i++)
		if (strcmp(doc->claim[i].id, id) == 0)
			return true;
	return false;
}

static bool same_claims(const struct keeper_doc *a, const struct keeper_doc *b)
{
	if (a->claims != b->claims)
		return false;
	for (size_t i = 0; i < a->claims; i++)
		if (!has_claim(b, a->claim[i].id))
			return false;
	return true;
}

bool change_check(const struct keeper_change *c, const struct keeper_doc *stored)
{
	const struct keeper_doc *found = c->found;
	bool same = strcmp(found->gen, stored->gen) == 0 && found->pos.n == stored->pos.n &&
		    same_claims(found, stored) &&
		    strcmp(found->rules ? found->rules : "", stored->rules ? stored->rules : "") ==
			    0;

	for (size_t i = 0; i < stored->pos.n && same; i++) {
		const struct position *now = &stored->pos.v[i],
				      *was = positions_find(&found->pos, slice_z(now->topic),
							    now->partition);

		same = was && was->next == now->next;
	}
	return same;
}

void batch_name(const struct sink_batch *batch, const char *sink, char name[BATCH_NAME_CHARS + 1])
{
	struct buf text = { 0 };
	uint8_t hash[BATCH_NAME_CHARS / 2];

	buf_printf(&text, "%s\n%s\n%s\n", batch->job, sink, batch->gen);
	for (size_t i = 0; i < batch->ranges->n; i++) {
		const struct range *r = &batch->ranges->v[i];

		if (r->to > r->from)
			buf_printf(&text, "%s %d %lld %lld\n", r->topic, r->partition,
				   (long long)r->from, (long long)r->to);
	}
	hash_128(text.p, text.n, hash);
	text.n = 0;
	buf_hex(&text, hash, sizeof(hash));
	memcpy(name, text.p, BATCH_NAME_CHARS);
	name[BATCH_NAME_CHARS] = 0;
	buf_fini(&text);
}
