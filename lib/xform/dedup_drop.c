/* What is forgotten, and when.
 *
 * With a state, chunks are dropped from the oldest on, at barriers. A chunk has to be behind all
 * sinks: else a crash would bring its records once more, and they would be taken for duplicates of
 * nothing. Its keys leave the table one by one, which costs what their coming cost; a state that
 * finds keys itself removes them with the next save.
 *
 * A plain stream has no barriers: the table is swept when it is as large as it may be, or twice as
 * large as the last sweep left it. By time where there is a horizon; where that does not make room
 * enough, the records that were read first go, a quarter of the stretch at a time. */
#include <stdlib.h>

#include "base/mem.h"
#include "xform/dedup_internal.h"

/* ---- plain streams */

void dedup_sweep(struct dedup *d)
{
	uint32_t horizon_s = d->conf.horizon_s;
	size_t most = d->conf.max_keys - d->conf.max_keys / 4;

	if (horizon_s && d->newest_s > horizon_s)
		dedup_table_sweep(d->table, d->newest_s - horizon_s, INT64_MIN);
	while (dedup_table_count(d->table) >= d->conf.max_keys ||
	       (d->sweep_at >= d->conf.max_keys && dedup_table_count(d->table) > most)) {
		d->oldest += (d->latest - d->oldest) / 4 + 1;
		d->forgotten += dedup_table_sweep(d->table, 0, d->oldest);
	}
	d->sweep_at = dedup_table_count(d->table) * 2;
	if (d->sweep_at < d->conf.max_keys / 4)
		d->sweep_at = d->conf.max_keys / 4 + 1;
	if (d->sweep_at > d->conf.max_keys)
		d->sweep_at = d->conf.max_keys;
}

/* ---- states */

/* The time of the partition that is furthest behind, of those that are read and not at the log's
 * end; of all where every one is. 0: not known. */
static uint32_t lowest_time(const struct dedup *d)
{
	uint32_t low = UINT32_MAX, high = 0;

	for (size_t i = 0; i < d->parts; i++) {
		const struct dedup_part *p = &d->part[i];

		if (!p->read)
			continue;
		high = p->safe_s > high ? p->safe_s : high;
		if (!p->idle && p->safe_s < low)
			low = p->safe_s;
	}
	return low == UINT32_MAX ? high : low;
}

static bool is_behind_sinks(const struct dedup *d, const struct dedup_chunk *c)
{
	for (size_t i = 0; i < c->ends; i++) {
		const struct dedup_part *p = dedup_part_of(d, c->end[i].part);

		if (p->read ? p->safe < c->end[i].to : d->epochs < DEDUP_UNREAD_EPOCHS)
			return false;
	}
	return true;
}

static int drop_chunk(struct dedup *d, const struct dedup_chunk *c, struct err *err)
{
	struct buf entries = { 0 };
	int rc = dedup_finds(d) ? 0 : d->conf.ops->recall(d->conf.state, c->id, &entries, err);

	for (size_t at = 0; rc == 0 && at + sizeof(struct dedup_entry) <= entries.n;
	     at += sizeof(struct dedup_entry)) {
		struct dedup_entry e;

		memcpy(&e, entries.p + at, sizeof(e));
		dedup_table_remove(d->table, &e);
	}
	buf_fini(&entries);
	d->kept -= c->entries;
	for (size_t i = 0; i < c->ends && rc == 0; i++) {
		struct dedup_part *p = dedup_part_of(d, c->end[i].part);

		p->changed = p->changed || c->end[i].to > p->floor;
		p->floor = c->end[i].to > p->floor ? c->end[i].to : p->floor;
	}
	return rc;
}

int dedup_drop_chunks(struct dedup *d, uint64_t **ids, size_t *n, struct err *err)
{
	uint32_t low_s = lowest_time(d);
	size_t cap = 0, k = 0;
	int rc = 0;

	for (; k < d->chunks && rc == 0; k++) {
		const struct dedup_chunk *c = &d->chunk[k];
		bool full = dedup_keys(d) > d->conf.max_keys;
		bool old = d->conf.horizon_s && (uint64_t)c->newest_s + d->conf.horizon_s < low_s;

		if ((!full && !old) || !is_behind_sinks(d, c))
			break;
		if (!old)
			d->forgotten += c->entries;
		rc = drop_chunk(d, c, err);
		mem_reserve(ids, &cap, *n + 1, sizeof(**ids));
		(*ids)[(*n)++] = c->id;
	}
	for (size_t i = 0; i < k; i++)
		dedup_chunk_fini(&d->chunk[i]);
	d->chunks -= k;
	if (k)
		memmove(d->chunk, d->chunk + k, d->chunks * sizeof(*d->chunk));
	return rc;
}
