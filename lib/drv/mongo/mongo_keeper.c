/* Positions: a document of hta_job for each job and sink, replaced as a whole where its version is
 * the one that was read. So the compare-and-set is decided by keeper.c over what was read, and
 * holds when the replacement does: an update of one document is atomic.
 *
 *   read (v) --> decide --> replace {_id, v} by {.., v + 1} --matched--> done
 *    ^                                  '--not: somebody was quicker--.
 *    '----------------------------------------------------------------'
 *
 * A replacement whose answer was lost shows when it is tried again: the positions have moved
 * (SINK_APPLIED). One that comes late, of a connection that is given up, finds another version. */
#include <stdio.h>
#include <stdlib.h>

#include "base/crash.h"
#include "base/mem.h"
#include "drv/mongo/mongo_internal.h"
#include "sink/sink_errors.h"

enum { KEEPER_TRIES = 1000 };

/* What the document has beside the doc. */
struct kept {
	int64_t version; /* 0: there is no document */
	int64_t lateness_us;
	struct keeper_doc doc;
};

static void append_key(const struct mongo *m, bson_t *to, const char *job)
{
	char *id = mem_printf("%s\n%s", job, m->conf->name);

	bson_append_utf8(to, "_id", 3, id, -1);
	free(id);
}

/* ---- reading */

struct slice mongo_text(const bson_t *doc, const char *name)
{
	bson_iter_t it;
	uint32_t n;
	const char *p;

	if (!bson_iter_init_find(&it, doc, name) || !BSON_ITER_HOLDS_UTF8(&it))
		return slice(NULL, 0);
	p = bson_iter_utf8(&it, &n);
	return slice(p, n);
}

int64_t mongo_number(const bson_t *doc, const char *name)
{
	bson_iter_t it;

	return bson_iter_init_find(&it, doc, name) ? bson_iter_as_int64(&it) : 0;
}

static int take_document(const bson_t *from, struct kept *k, struct err *err)
{
	struct slice group = mongo_text(from, "group"), set = mongo_text(from, "set"),
		     rules = mongo_text(from, "rules");
	struct ctl_sink_state state;

	if (ctl_sink_state_read(mongo_text(from, "state"), &state, err))
		return err_in(err, "the positions in hta_job are damaged");
	k->version = mongo_number(from, "version");
	k->lateness_us = mongo_number(from, "lateness_us");
	memcpy(k->doc.gen, state.gen, sizeof(k->doc.gen));
	k->doc.by_now = state.by_now;
	k->doc.pos = state.pos;
	k->doc.group = group.p ? mem_dup(group.p, group.n) : NULL;
	k->doc.rules = rules.p ? mem_dup(rules.p, rules.n) : NULL;
	snprintf(k->doc.set, sizeof(k->doc.set), "%.*s", (int)set.n, set.p ? set.p : "");
	state.pos = (struct positions){ 0 };
	ctl_sink_state_fini(&state);
	return 0;
}

static enum sink_result read_kept(struct mongo *m, const char *job, struct kept *k, struct err *err)
{
	bson_t key = BSON_INITIALIZER,
	       *one = BCON_NEW("limit", BCON_INT64(1), "singleBatch", BCON_BOOL(true));
	mongoc_cursor_t *cursor;
	const bson_t *doc;
	bson_error_t why;
	enum sink_result r = SINK_OK;

	*k = (struct kept){ .doc.gen = "" };
	append_key(m, &key, job);
	cursor = mongoc_collection_find_with_opts(m->jobs, &key, one, NULL);
	if (mongoc_cursor_next(cursor, &doc))
		r = take_document(doc, k, err) ? SINK_FATAL : SINK_OK;
	else if (mongoc_cursor_error(cursor, &why))
		r = mongo_failed(m, &why, err);
	mongoc_cursor_destroy(cursor);
	bson_destroy(one);
	bson_destroy(&key);
	return r;
}

static enum sink_result mongo_load(void *d, const char *job, struct keeper_doc *doc,
				   struct err *err)
{
	struct kept k;
	enum sink_result r = read_kept(d, job, &k, err);

	if (r == SINK_OK)
		*doc = k.doc;
	return r;
}

/* ---- writing */

static void append_kept(const struct mongo *m, bson_t *to, const char *job, const struct kept *k)
{
	struct ctl_sink_state state = { .name = mem_strdup(m->conf->name),
					.by_now = k->doc.by_now,
					.records = true,
					.pos = k->doc.pos };
	struct buf text = { 0 };

	memcpy(state.gen, k->doc.gen, sizeof(state.gen));
	ctl_sink_state_write(&state, &text);
	append_key(m, to, job);
	bson_append_utf8(to, "job", -1, job, -1);
	bson_append_utf8(to, "sink", -1, m->conf->name, -1);
	bson_append_int64(to, "version", -1, k->version + 1);
	bson_append_int64(to, "lateness_us", -1, k->lateness_us);
	if (k->doc.group)
		bson_append_utf8(to, "group", -1, k->doc.group, -1);
	if (*k->doc.set)
		bson_append_utf8(to, "set", -1, k->doc.set, -1);
	if (k->doc.rules)
		bson_append_utf8(to, "rules", -1, k->doc.rules, -1);
	bson_append_utf8(to, "state", -1, text.p, (int)text.n);
	buf_fini(&text);
	free(state.name);
}

static bool count_of(const bson_t *reply, const char *name)
{
	return mongo_number(reply, name) > 0;
}

/* SINK_CONFLICT: it is not what was read any more. */
static enum sink_result write_kept(struct mongo *m, const char *job, const struct kept *k,
				   struct err *err)
{
	bson_t doc = BSON_INITIALIZER, key = BSON_INITIALIZER, reply;
	bson_error_t why = { 0 };
	enum sink_result r = SINK_OK;
	bool good;

	append_kept(m, &doc, job, k);
	append_key(m, &key, job);
	bson_append_int64(&key, "version", -1, k->version);
	good = k->version ? mongoc_collection_replace_one(m->jobs, &key, &doc, NULL, &reply, &why)
			  : mongoc_collection_insert_one(m->jobs, &doc, NULL, &reply, &why);
	if (good)
		r = k->version && !count_of(&reply, "matchedCount") ? SINK_CONFLICT : SINK_OK;
	else if (!k->version && why.code == MONGOC_ERROR_DUPLICATE_KEY)
		r = SINK_CONFLICT;
	else
		r = mongo_write_failed(m, &reply, &why, err);
	bson_destroy(&doc);
	bson_destroy(&key);
	bson_destroy(&reply);
	return r;
}

/* Decides over what was read, and changes it: SINK_OK where it is to be written. */
typedef enum sink_result decide_fn(struct kept *k, const char *job, void *arg, struct err *err);

static enum sink_result change_kept(struct mongo *m, const char *job, decide_fn *decide, void *arg,
				    struct err *err)
{
	enum sink_result r = SINK_OK;

	for (int i = 0; i < KEEPER_TRIES; i++) {
		struct kept k;

		r = read_kept(m, job, &k, err);
		if (r != SINK_OK)
			return r;
		r = decide(&k, job, arg, err);
		if (r != SINK_OK) {
			keeper_doc_fini(&k.doc);
			return r;
		}
		r = write_kept(m, job, &k, err);
		keeper_doc_fini(&k.doc);
		if (r != SINK_CONFLICT)
			return r;
	}
	err_set(err, EX_TEMPFAIL, "%s: hta_job does not come to rest", m->host);
	return SINK_RETRY;
}

/* ---- the calls */

struct init_arg {
	const char *group;
	const struct ctl_init *init;
};

static enum sink_result decide_init(struct kept *k, const char *job, void *arg, struct err *err)
{
	const struct init_arg *a = arg;
	const struct ctl_init *init = a->init;
	bool fresh = init->act != CTL_NEW, same = strcmp(k->doc.gen, init->gen) == 0;

	if (!same && (*k->doc.gen || !fresh))
		return sink_error_generation(job, k->doc.gen, init->gen, err);
	if (same && fresh)
		return SINK_APPLIED;
	memcpy(k->doc.gen, init->gen, sizeof(k->doc.gen));
	if (fresh) {
		k->doc.group = a->group ? mem_strdup(a->group) : NULL;
		k->doc.by_now = init->by_now;
	}
	for (size_t i = 0; i < init->start.n; i++) {
		const struct range *x = &init->start.v[i];
		struct position *p;

		if (positions_find(&k->doc.pos, slice_z(x->topic), x->partition))
			continue;
		p = positions_add(&k->doc.pos, slice_z(x->topic), x->partition);
		p->init = p->next = x->from;
	}
	return SINK_OK;
}

static enum sink_result mongo_init(void *d, const char *job, const char *group,
				   const struct ctl_init *init, struct err *err)
{
	struct init_arg a = { group, init };

	return change_kept(d, job, decide_init, &a, err);
}

static enum sink_result decide_change(struct kept *k, const char *job, void *arg, struct err *err)
{
	const struct keeper_change *c = arg;

	(void)job, (void)err;
	if (!change_check(c, &k->doc))
		return SINK_CONFLICT;
	snprintf(k->doc.set, sizeof(k->doc.set), "%s", c->set ? c->set : "");
	free(k->doc.rules);
	k->doc.rules = c->rules ? mem_strdup(c->rules) : NULL;
	return SINK_OK;
}

/* Of rules: claims are not taken here, and windows that are whole concern no events. */
static enum sink_result mongo_change(void *d, const char *job, const struct keeper_change *c,
				     struct err *err)
{
	return change_kept(d, job, decide_change, (void *)(uintptr_t)c, err);
}

static enum sink_result decide_lateness(struct kept *k, const char *job, void *arg, struct err *err)
{
	const int64_t *us = arg;

	(void)job, (void)err;
	if (!*k->doc.gen || k->lateness_us == *us)
		return SINK_APPLIED;
	k->lateness_us = *us;
	return SINK_OK;
}

static enum sink_result mongo_lateness(void *d, const char *job, int64_t us, struct err *err)
{
	enum sink_result r = change_kept(d, job, decide_lateness, &us, err);

	return r == SINK_APPLIED ? SINK_OK : r;
}

static void advance(struct position *p, const struct range *r)
{
	if (r->to == r->from && p->next != r->to)
		return;
	p->next = r->to;
	p->idle = r->idle;
	if (r->last.offset >= 0)
		p->last = r->last;
	if (r->watermark_us > p->watermark_us)
		p->watermark_us = r->watermark_us;
}

static enum sink_result decide_store(struct kept *k, const char *job, void *arg, struct err *err)
{
	const struct sink_batch *batch = arg;
	enum sink_result r = cas_check(batch, k->doc.gen, k->doc.set, &k->doc.pos, err);

	(void)job;
	for (size_t i = 0; i < batch->ranges->n && r == SINK_OK; i++) {
		const struct range *x = &batch->ranges->v[i];
		struct position *p = positions_find(&k->doc.pos, slice_z(x->topic), x->partition);

		if (p)
			advance(p, x);
	}
	return r;
}

static enum sink_result mongo_store(void *d, const struct sink_batch *batch,
				    struct sink_counts *counts, struct err *err)
{
	enum sink_result r;

	(void)counts;
	r = change_kept(d, batch->job, decide_store, (void *)(uintptr_t)batch, err);
	if (r == SINK_OK)
		crash_at(CRASH_SINK_SENT);
	return r;
}

/* Who has taken which letter, whose _id begins with job and sink (mongo_dead_key). */
static void append_taken(const struct mongo *m, const char *job, bson_t *to)
{
	char *from = mem_printf("%s\n%s\n", job, m->conf->name),
	     *until = mem_printf("%s\n%s\v", job, m->conf->name);
	bson_t range;

	bson_append_document_begin(to, "_id", -1, &range);
	bson_append_utf8(&range, "$gte", -1, from, -1);
	bson_append_utf8(&range, "$lt", -1, until, -1);
	bson_append_document_end(to, &range);
	free(from);
	free(until);
}

static enum sink_result mongo_drop(void *d, const char *job, uint64_t *rows, struct err *err)
{
	struct mongo *m = d;
	bson_t key = BSON_INITIALIZER, dead = BSON_INITIALIZER, taken = BSON_INITIALIZER;
	bson_error_t why;
	enum sink_result r = SINK_OK;

	(void)rows;
	append_key(m, &key, job);
	append_taken(m, job, &taken);
	bson_append_utf8(&dead, "job", -1, job, -1);
	bson_append_utf8(&dead, "sink", -1, m->conf->name, -1);
	if (!mongoc_collection_delete_one(m->jobs, &key, NULL, NULL, &why) ||
	    !mongoc_collection_delete_many(m->taken, &taken, NULL, NULL, &why) ||
	    !mongoc_collection_delete_many(m->dead, &dead, NULL, NULL, &why))
		r = mongo_failed(m, &why, err);
	bson_destroy(&key);
	bson_destroy(&dead);
	bson_destroy(&taken);
	return r;
}

const struct position_keeper mongo_keeper = {
	.load = mongo_load,
	.init = mongo_init,
	.change = mongo_change,
	.lateness = mongo_lateness,
	.store = mongo_store,
	.drop = mongo_drop,
};
