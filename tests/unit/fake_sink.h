/* A store in memory that answers what a test has told it to, for tests of the sink framework: a
 * SINK_NAMED driver with a keeper of its own (fake_driver), the same without (fake_rows_driver: the
 * positions stand elsewhere), with plain rows (fake_plain_driver), and one of records
 * (fake_records_driver). What it holds is in memory
 * that forked processes share: it survives them as a store does. */
#ifndef TESTS_UNIT_FAKE_SINK_H
#define TESTS_UNIT_FAKE_SINK_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/mem.h"
#include "sink/driver.h"
#include "sink/sink_errors.h"

enum fake_call {
	FAKE_CONNECT,
	FAKE_METRICS,
	FAKE_METRICS_ADD,
	FAKE_LOAD,
	FAKE_INIT,
	FAKE_LATENESS,
	FAKE_WRITE,
	FAKE_STORE,
	FAKE_DROP,
	FAKE_RESET,
	FAKE_PUT,
	FAKE_CHANGE,
	FAKE_SETTLE,
	FAKE_CALLS,
};

enum { FAKE_NAME = 48, FAKE_MOST = 16 };

static struct fake {
	/* The next `times` calls answer this; lost: after they have done their work. */
	struct {
		enum sink_result answer;
		unsigned times, code;
		bool lost;
	} plan[FAKE_CALLS];
	unsigned calls[FAKE_CALLS];
	/* what metrics_add finds to be there when it answers SINK_APPLIED: this job's */
	char rival[FAKE_NAME];

	char gen[CTL_INC_CHARS + 1], group[FAKE_NAME];
	int64_t lateness_us;
	struct {
		char topic[FAKE_NAME];
		int32_t partition;
		int64_t next, watermark_us;
		bool idle;
	} pos[FAKE_MOST];
	struct {
		char name[FAKE_NAME], job[FAKE_NAME], cfg[FAKE_NAME];
		int64_t since_us;
	} metric[FAKE_MOST];
	char batch[FAKE_MOST][BATCH_NAME_CHARS + 1];   /* that were written */
	char burnt[FAKE_MOST][KEEPER_CLAIM_CHARS + 1]; /* ids that nothing is written under */
	struct {
		char id[KEEPER_CLAIM_CHARS + 1], doc[512];
	} claim[FAKE_MOST];
	size_t n_pos, metrics, batches, burns, claims;
	bool emptied;         /* holds() says no */
	char records[256];    /* "TOPIC/PARTITION:OFFSET LINE" each */
	uint64_t count, dead; /* of all rows; dead records */
} * fake;

static void fake_new(void)
{
	if (!fake)
		fake = mmap(NULL, sizeof(*fake), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			    -1, 0);
	memset(fake, 0, sizeof(*fake));
}

/* Before the work of a call, and after it: SINK_OK, or what the plan says. */
static enum sink_result fake_answer(enum fake_call c, bool after, struct err *err)
{
	static const unsigned usual[] = {
		[SINK_CONFLICT] = EX_TEMPFAIL, [SINK_RETRY] = EX_TEMPFAIL, [SINK_FATAL] = EX_CONFIG
	};

	fake->calls[c] += !after;
	if (fake->plan[c].times == 0 || fake->plan[c].lost != after)
		return SINK_OK;
	fake->plan[c].times--;
	err_set(err, fake->plan[c].code ? fake->plan[c].code : usual[fake->plan[c].answer],
		"the fake says so");
	return fake->plan[c].answer;
}

static void fake_text(char out[FAKE_NAME], struct slice text)
{
	snprintf(out, FAKE_NAME, "%.*s", (int)text.n, text.p ? text.p : "");
}

static void *fake_open(const struct sink_conf *conf, struct err *err)
{
	const struct sink_conf **d = mem_zalloc(sizeof(*d));

	(void)err;
	*d = conf;
	return d;
}

static void fake_disconnect(void *d)
{
	(void)d;
}

static enum sink_result fake_connect(void *d, struct err *err)
{
	(void)d;
	return fake_answer(FAKE_CONNECT, false, err);
}

/* "": plain. */
static struct slice fake_job(size_t k)
{
	return *fake->metric[k].job ? slice_z(fake->metric[k].job) : slice(NULL, 0);
}

static enum sink_result fake_metrics(void *d, const struct sink_metric *m, size_t n,
				     struct arena *arena, struct stored_metric *stored,
				     struct err *err)
{
	const struct sink_conf *const *conf = d;

	(void)arena;
	memset(stored, 0, n * sizeof(*stored));
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < fake->metrics; k++)
			if (slice_is(m[i].name, fake->metric[k].name))
				stored[i] = (struct stored_metric){
					.found = true,
					.job = fake_job(k),
					.sink = slice_z((*conf)->name),
					.cfg = slice_z(fake->metric[k].cfg),
					.def = slice_z("{}"),
				};
	return fake_answer(FAKE_METRICS, false, err);
}

static void fake_register(const char *job, const struct sink_metric *m)
{
	size_t k = fake->metrics++;

	fake_text(fake->metric[k].name, m->name);
	fake_text(fake->metric[k].job, slice_z(job));
	fake_text(fake->metric[k].cfg, m->cfg);
	fake->metric[k].since_us = m->since_us;
}

static enum sink_result fake_metrics_add(void *d, const char *job, const struct sink_metric *m,
					 size_t n, bool check_only, struct err *err)
{
	enum sink_result r = fake_answer(FAKE_METRICS_ADD, false, err);

	(void)d;
	if (r == SINK_APPLIED)
		fake_register(fake->rival, m);
	for (size_t i = 0; i < n && r == SINK_OK && !check_only; i++)
		if (m[i].fresh)
			fake_register(job ? job : "", &m[i]);
	return r == SINK_OK ? fake_answer(FAKE_METRICS_ADD, true, err) : r;
}

/* ---- the keeper */

static void fake_stored(struct positions *out)
{
	for (size_t i = 0; i < fake->n_pos; i++) {
		struct position *p = positions_add(out, slice_z(fake->pos[i].topic),
						   fake->pos[i].partition);

		p->next = fake->pos[i].next;
		p->watermark_us = fake->pos[i].watermark_us;
		p->idle = fake->pos[i].idle;
	}
}

static enum sink_result fake_load(void *k, const char *job, struct keeper_doc *doc, struct err *err)
{
	(void)k, (void)job;
	memcpy(doc->gen, fake->gen, sizeof(doc->gen));
	doc->group = mem_strdup(fake->group);
	fake_stored(&doc->pos);
	for (size_t i = 0; i < fake->claims; i++)
		keeper_doc_claim(doc, slice_z(fake->claim[i].id), slice_z(fake->claim[i].doc));
	return fake_answer(FAKE_LOAD, false, err);
}

static size_t fake_find(const struct range *r)
{
	for (size_t i = 0; i < fake->n_pos; i++)
		if (strcmp(fake->pos[i].topic, r->topic) == 0 &&
		    fake->pos[i].partition == r->partition)
			return i;
	return SIZE_MAX;
}

static void fake_start(const struct range *r)
{
	size_t i = fake->n_pos;

	if (fake_find(r) != SIZE_MAX)
		return;
	fake->n_pos++;
	fake_text(fake->pos[i].topic, slice_z(r->topic));
	fake->pos[i].partition = r->partition;
	fake->pos[i].next = r->from;
	fake->pos[i].watermark_us = POS_NONE;
}

static enum sink_result fake_init(void *k, const char *job, const char *group,
				  const struct ctl_init *init, struct err *err)
{
	enum sink_result r = fake_answer(FAKE_INIT, false, err);
	bool same = strcmp(fake->gen, init->gen) == 0, fresh = init->act != CTL_NEW;

	(void)k;
	if (r != SINK_OK)
		return r;
	if (!same && (fake->gen[0] || !fresh))
		return sink_error_generation(job, fake->gen, init->gen, err);
	if (same && fresh)
		return SINK_APPLIED;
	memcpy(fake->gen, init->gen, sizeof(fake->gen));
	if (fresh)
		fake_text(fake->group, slice_z(group ? group : ""));
	for (size_t i = 0; i < init->start.n; i++)
		fake_start(&init->start.v[i]);
	return fake_answer(FAKE_INIT, true, err);
}

static enum sink_result fake_lateness(void *k, const char *job, int64_t us, struct err *err)
{
	(void)k, (void)job;
	fake->lateness_us = us;
	return fake_answer(FAKE_LATENESS, false, err);
}

static void fake_advance(const struct range *r)
{
	size_t i = fake_find(r);

	if (i == SIZE_MAX || (r->to == r->from && fake->pos[i].next != r->to))
		return;
	fake->pos[i].next = r->to;
	fake->pos[i].idle = r->idle;
	if (r->watermark_us > fake->pos[i].watermark_us)
		fake->pos[i].watermark_us = r->watermark_us;
}

static enum sink_result fake_store(void *k, const struct sink_batch *batch,
				   struct sink_counts *counts, struct err *err)
{
	enum sink_result r = fake_answer(FAKE_STORE, false, err);
	struct positions stored = { 0 };

	(void)k, (void)counts;
	fake_stored(&stored);
	if (r == SINK_OK)
		r = cas_check(batch, fake->gen, "", &stored, err);
	for (size_t i = 0; i < batch->ranges->n && r == SINK_OK; i++)
		fake_advance(&batch->ranges->v[i]);
	positions_fini(&stored);
	return r == SINK_OK ? fake_answer(FAKE_STORE, true, err) : r;
}

static void fake_unclaim(const char *id)
{
	for (size_t i = 0; i < fake->claims; i++)
		if (strcmp(fake->claim[i].id, id) == 0)
			fake->claim[i--] = fake->claim[--fake->claims];
}

static enum sink_result fake_change(void *k, const char *job, const struct keeper_change *c,
				    struct err *err)
{
	enum sink_result r = fake_answer(FAKE_CHANGE, false, err);
	struct keeper_doc now = { .gen = "" };
	struct err ignored;

	if (r == SINK_OK)
		fake_load(k, job, &now, &ignored);
	if (r == SINK_OK && !change_check(c, &now))
		r = SINK_CONFLICT;
	for (size_t i = 0; i < c->drops && r == SINK_OK; i++)
		fake_unclaim(c->drop[i]);
	if (r == SINK_OK && c->claim) {
		size_t i = fake->claims++;

		snprintf(fake->claim[i].id, sizeof(fake->claim[i].id), "%s", c->claim);
		snprintf(fake->claim[i].doc, sizeof(fake->claim[i].doc), "%s", c->claim_doc);
	}
	keeper_doc_fini(&now);
	return r == SINK_OK ? fake_answer(FAKE_CHANGE, true, err) : r;
}

static enum sink_result fake_drop(void *k, const char *job, uint64_t *rows, struct err *err)
{
	enum sink_result r = fake_answer(FAKE_DROP, false, err);

	(void)k, (void)job, (void)rows;
	if (r != SINK_OK)
		return r;
	fake->gen[0] = fake->group[0] = 0;
	fake->n_pos = fake->claims = 0;
	return fake_answer(FAKE_DROP, true, err);
}

/* ---- rows */

/* A batch of a name that was written has no further effect. Each row counts as one that is past its
 * life. */
static enum sink_result fake_write(void *d, const struct sink_batch *batch,
				   struct sink_counts *counts, struct err *err)
{
	enum sink_result r = fake_answer(FAKE_WRITE, false, err);

	(void)d;
	counts->expired += batch->rows;
	for (size_t i = 0; i < fake->batches && r == SINK_OK; i++)
		if (strcmp(fake->batch[i], batch->name) == 0)
			return SINK_OK;
	for (size_t i = 0; i < fake->burns && r == SINK_OK; i++)
		if (strcmp(fake->burnt[i], batch->name) == 0) {
			err_set(err, EX_TEMPFAIL, "%s is burnt", batch->name);
			return SINK_CONFLICT;
		}
	if (r != SINK_OK)
		return r;
	memcpy(fake->batch[fake->batches++], batch->name, sizeof(fake->batch[0]));
	for (size_t i = 0; i < batch->rows; i++)
		fake->count += batch->row[i].count;
	for (size_t i = 0, n = 0; i < batch->records; i++)
		n += (size_t)snprintf(fake->records + n, sizeof(fake->records) - n,
				      "%.*s/%d:%lld %.*s\n", (int)batch->record[i].topic.n,
				      batch->record[i].topic.p, batch->record[i].partition,
				      (long long)batch->record[i].offset,
				      (int)batch->record[i].line.n, batch->record[i].line.p);
	fake->dead += batch->n_dead;
	return fake_answer(FAKE_WRITE, true, err);
}

static enum sink_result fake_prepare(void *d, const struct sink_batch *batch, struct buf *what,
				     struct err *err)
{
	(void)d, (void)err;
	buf_printf(what, "rows %zu", batch->rows);
	return SINK_OK;
}

static enum sink_result fake_settle(void *d, const char *id, struct slice what, bool *stored,
				    struct err *err)
{
	enum sink_result r = fake_answer(FAKE_SETTLE, false, err);

	(void)d;
	if (r == SINK_OK && !slice_is(what, "rows 1"))
		return err_set(err, EX_SOFTWARE, "what: %.*s", (int)what.n, what.p), SINK_FATAL;
	if (r != SINK_OK)
		return r;
	*stored = false;
	for (size_t i = 0; i < fake->batches; i++)
		*stored |= strcmp(fake->batch[i], id) == 0;
	if (!*stored)
		snprintf(fake->burnt[fake->burns++], sizeof(fake->burnt[0]), "%s", id);
	return fake_answer(FAKE_SETTLE, true, err);
}

static enum sink_result fake_holds(void *d, const char *id, struct slice what, bool *holds,
				   struct err *err)
{
	(void)d, (void)id, (void)what, (void)err;
	*holds = !fake->emptied;
	return SINK_OK;
}

static enum sink_result fake_reset(void *d, const char *job, uint64_t *rows, struct err *err)
{
	enum sink_result r = fake_answer(FAKE_RESET, false, err);

	(void)d, (void)job;
	if (r != SINK_OK)
		return r;
	*rows += fake->count;
	fake->count = fake->metrics = fake->batches = 0;
	return fake_answer(FAKE_RESET, true, err);
}

static enum sink_result fake_put(void *d, const struct sink_batch *batch, bool replace,
				 bool dry_run, struct sink_counts *counts, struct err *err)
{
	enum sink_result r = fake_answer(FAKE_PUT, false, err);

	(void)d, (void)replace, (void)dry_run;
	for (size_t i = 0; i < batch->rows && r == SINK_OK; i++)
		fake->count += batch->row[i].count;
	counts->fresh += r == SINK_OK ? batch->rows : 0;
	return r;
}

static const struct opt fake_opts[] = { SINK_PLACE_OPT("table", "there", "a place"), OPT_END };

static const struct position_keeper fake_keeper = {
	.load = fake_load,
	.init = fake_init,
	.lateness = fake_lateness,
	.change = fake_change,
	.store = fake_store,
	.drop = fake_drop,
};

#define FAKE_DRIVER                                                                  \
	.kind = "fake", .delivery = SINK_NAMED, .opts = fake_opts,                   \
	.conf_bytes = sizeof(struct sink_conf), .open = fake_open, .close = free,    \
	.connect = fake_connect, .disconnect = fake_disconnect, .write = fake_write, \
	.reset = fake_reset
#define FAKE_ROWS                                                             \
	FAKE_DRIVER, .takes = SINK_ROWS | SINK_DEAD, .metrics = fake_metrics, \
		     .metrics_add = fake_metrics_add

static const struct sink_driver fake_driver = { FAKE_ROWS, .keeper = &fake_keeper };
static const struct sink_driver fake_rows_driver = { FAKE_ROWS };
static const struct sink_driver fake_plain_driver = { FAKE_ROWS, .keeper = &fake_keeper,
						      .put = fake_put };
static const struct sink_driver fake_claimed_driver = {
	.kind = "fake",
	.takes = SINK_ROWS | SINK_DEAD,
	.delivery = SINK_CLAIMED,
	.opts = fake_opts,
	.conf_bytes = sizeof(struct sink_conf),
	.open = fake_open,
	.close = free,
	.connect = fake_connect,
	.disconnect = fake_disconnect,
	.prepare = fake_prepare,
	.write = fake_write,
	.settle = fake_settle,
	.holds = fake_holds,
	.reset = fake_reset,
};
static const struct sink_driver fake_records_driver = { FAKE_DRIVER, .takes = SINK_RECORDS,
							.keeper = &fake_keeper };

#endif
