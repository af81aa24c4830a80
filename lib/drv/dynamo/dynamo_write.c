/* An epoch: dead letters, the days that are new, the events. Its records are sorted by key, and
 * those of one key by their place in the log (epoch_batch_sort_events): of these one is written,
 * the last, as if all had been, one after the other; with --if-absent the first, as the others
 * would have been refused. So no key is twice among the requests that are under way, whose order
 * nobody knows. */
#include <stdio.h>
#include <stdlib.h>

#include "base/crash.h"
#include "base/mem.h"
#include "base/tm.h"
#include "drv/dynamo/dynamo_batch.h"

/* ---- dead letters */

static enum sink_result write_dead(struct dynamo *d, const struct sink_batch *batch,
				   struct err *err)
{
	struct dynamo_batch *b;
	int64_t now_us = tm_now_us();
	enum sink_result r = SINK_OK;

	if (!batch->n_dead)
		return SINK_OK;
	b = dynamo_batch_new(&d->conn, d->dead, DYNAMO_LETTER);
	for (size_t i = 0; i < batch->n_dead && r == SINK_OK; i++) {
		struct buf *item = dynamo_batch_item(b, NULL, &r, err);

		if (!item)
			break;
		dynamo_put_dead(&batch->dead[i], batch->job, d->conf->sink.name, now_us, item);
		dynamo_batch_added(b);
	}
	if (r == SINK_OK)
		r = dynamo_batch_flush(b, err);
	dynamo_batch_free(b);
	return r;
}

/* ---- days */

static size_t day_place(const struct dynamo_days *days, int64_t day)
{
	size_t low = 0, high = days->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (days->v[mid] < day)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool has_day(const struct dynamo_days *days, int64_t day)
{
	size_t at = day_place(days, day);

	return at < days->n && days->v[at] == day;
}

static void add_day(struct dynamo_days *days, int64_t day)
{
	size_t at = day_place(days, day);

	mem_reserve(&days->v, &days->cap, days->n + 1, sizeof(*days->v));
	memmove(&days->v[at + 1], &days->v[at], (days->n - at) * sizeof(*days->v));
	days->v[at] = day;
	days->n++;
}

/* Rounded up. 0: never. */
static int64_t expiry_of(const struct dynamo *d, int64_t us)
{
	return d->conf->ttl_us ? (us + d->conf->ttl_us + TM_S - 1) / TM_S : 0;
}

/* A day stays as long as any of its events may: one that was written with a longer --ttl, or with
 * none, is not shortened. */
static enum sink_result write_days(struct dynamo *d, const struct dynamo_days *fresh,
				   struct err *err)
{
	struct dynamo_batch *b = dynamo_batch_new(
		&d->conn, d->table, d->conf->ttl_us ? DYNAMO_LONGER : DYNAMO_TOGETHER);
	enum sink_result r = SINK_OK;

	for (size_t i = 0; i < fresh->n && r == SINK_OK; i++) {
		int64_t expires_s = expiry_of(d, (fresh->v[i] + 1) * 86400 * TM_S);
		struct buf *item = dynamo_batch_item(b, NULL, &r, err);

		if (!item)
			break;
		dynamo_put_day(fresh->v[i], expires_s, item);
		if (expires_s)
			dynamo_put_expires(expires_s, item);
		dynamo_batch_added(b);
	}
	if (r == SINK_OK)
		r = dynamo_batch_flush(b, err);
	for (size_t i = 0; i < fresh->n && r == SINK_OK; i++)
		add_day(&d->days, fresh->v[i]);
	dynamo_batch_free(b);
	return r;
}

/* ---- events */

struct writing {
	struct dynamo *d;
	struct dynamo_batch *batch;
	struct dynamo_days fresh;
	int64_t now_us;
	struct sink_counts counts;
};

/* How many records from here on have the same key. */
static size_t copies_of(const struct sink_batch *batch, size_t i)
{
	size_t n = 1;

	while (i + n < batch->records &&
	       memcmp(batch->record[i].event->key, batch->record[i + n].event->key,
		      EVENT_KEY_BYTES) == 0)
		n++;
	return n;
}

static enum sink_result write_event(struct writing *w, const struct sink_record *record,
				    struct err *err)
{
	int64_t us = record->event->ts_us, expires_s = expiry_of(w->d, us);
	int64_t day = dynamo_day_of(us);
	enum sink_result r;
	struct buf *item;

	if (expires_s && expires_s * TM_S <= w->now_us) {
		w->counts.expired++;
		return SINK_OK;
	}
	if (!has_day(&w->d->days, day) && !has_day(&w->fresh, day))
		add_day(&w->fresh, day);
	item = dynamo_batch_item(w->batch, record, &r, err);
	if (!item)
		return r;
	dynamo_put_event(record, w->now_us, expires_s, item);
	dynamo_batch_added(w->batch);
	w->counts.fresh++;
	return SINK_OK;
}

static enum sink_result write_all_events(struct writing *w, const struct sink_batch *batch,
					 struct err *err)
{
	bool first = w->d->conf->if_absent;
	enum sink_result r = SINK_OK;

	for (size_t i = 0, n; i < batch->records && r == SINK_OK; i += n) {
		n = copies_of(batch, i);
		r = write_event(w, &batch->record[first ? i : i + n - 1], err);
		if (first)
			w->counts.duplicate += n - 1;
	}
	if (r == SINK_OK)
		crash_at(CRASH_SINK_INSIDE);
	if (r == SINK_OK)
		r = dynamo_batch_flush(w->batch, err);
	if (r == SINK_OK)
		r = write_days(w->d, &w->fresh, err);
	return r;
}

/* An epoch that is written once more, since its positions were not stored, counts once. */
static void count_totals(struct dynamo *d, const char *name, uint64_t duplicates, uint64_t expired)
{
	if (name && strcmp(name, d->last.name) == 0) {
		d->duplicates -= d->last.duplicates;
		d->expired -= d->last.expired;
	}
	snprintf(d->last.name, sizeof(d->last.name), "%s", name ? name : "");
	d->last.duplicates = duplicates;
	d->last.expired = expired;
	d->duplicates += duplicates;
	d->expired += expired;
}

static enum sink_result write_events(struct dynamo *d, const struct sink_batch *batch,
				     struct sink_counts *counts, struct err *err)
{
	struct writing w = { .d = d, .now_us = tm_now_us() };
	enum sink_result r;

	w.batch = dynamo_batch_new(&d->conn, d->table,
				   d->conf->if_absent ? DYNAMO_ABSENT : DYNAMO_TOGETHER);
	r = write_all_events(&w, batch, err);
	if (r == SINK_OK) {
		uint64_t there = dynamo_batch_duplicates(w.batch);

		counts->fresh += w.counts.fresh - there;
		counts->duplicate += w.counts.duplicate + there;
		counts->expired += w.counts.expired;
		count_totals(d, batch->name, w.counts.duplicate + there, w.counts.expired);
		crash_at(CRASH_SINK_SENT);
	}
	dynamo_batch_free(w.batch);
	free(w.fresh.v);
	return r;
}

enum sink_result dynamo_write(void *self, const struct sink_batch *batch,
			      struct sink_counts *counts, struct err *err)
{
	enum sink_result r = write_dead(self, batch, err);

	return r == SINK_OK ? write_events(self, batch, counts, err) : r;
}

enum sink_result dynamo_put(void *self, const struct sink_batch *batch, bool replace, bool dry_run,
			    struct sink_counts *counts, struct err *err)
{
	(void)replace, (void)dry_run;
	return write_events(self, batch, counts, err);
}
