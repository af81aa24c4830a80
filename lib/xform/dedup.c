/* Verdicts, and what a state tells at the start. A verdict is one look-up in the table and, for a
 * unique record, one insertion and 32 bytes behind the entries of the open chunk. Nothing is read
 * from the state while records come, unless it finds keys itself: then the table has the keys that
 * are not saved yet, and the state is asked for each record. Both have to be: a key may have places
 * in both, and the record's own be the older one. */
#include "xform/dedup.h"

#include <stdlib.h>

#include "base/mem.h"
#include "xform/dedup_internal.h"

enum { SWEEP_FIRST = 1 << 20 };

struct dedup *dedup_new(const struct dedup_conf *conf)
{
	struct dedup *d = mem_zalloc(sizeof(*d));

	d->conf = *conf;
	d->table = dedup_table_new();
	d->sweep_at = SWEEP_FIRST < conf->max_keys ? SWEEP_FIRST : conf->max_keys;
	d->open.id = 1;
	return d;
}

void dedup_chunk_fini(struct dedup_chunk *c)
{
	free(c->end);
	*c = (struct dedup_chunk){ 0 };
}

void dedup_free(struct dedup *d)
{
	if (!d)
		return;
	dedup_table_free(d->table);
	for (size_t i = 0; i < d->parts; i++)
		free(d->part[i].topic);
	free(d->part);
	partition_index_fini(&d->index);
	for (size_t i = 0; i < d->chunks; i++)
		dedup_chunk_fini(&d->chunk[i]);
	free(d->chunk);
	dedup_chunk_fini(&d->open);
	free(d->entry);
	free(d->ask_entry);
	free(d->ask_place);
	for (size_t i = 0; i < DEDUP_FLIGHTS; i++)
		free(d->flight[i].v);
	free(d->about.job);
	free(d->about.key);
	free(d);
}

void dedup_add_chunk(struct dedup *d, const struct dedup_chunk *c)
{
	mem_reserve(&d->chunk, &d->chunk_cap, d->chunks + 1, sizeof(*d->chunk));
	d->chunk[d->chunks++] = *c;
	d->kept += c->entries;
	d->open = (struct dedup_chunk){ .id = c->id + 1 };
}

/* ---- partitions */

uint32_t dedup_part_number(struct dedup *d, struct slice topic, int32_t partition)
{
	size_t i = partition_index_find(&d->index, d->part, sizeof(*d->part), d->parts, topic,
					partition);

	if (i < d->parts)
		return (uint32_t)i + 1;
	mem_reserve(&d->part, &d->part_cap, d->parts + 1, sizeof(*d->part));
	d->part[d->parts++] = (struct dedup_part){
		.topic = mem_dup(topic.p, topic.n),
		.partition = partition,
		.next = -1,
		.safe = -1,
		.changed = true,
	};
	partition_index_added(&d->index, d->part, sizeof(*d->part), d->parts);
	return (uint32_t)d->parts;
}

/* ---- what was stored */

void dedup_load_about(struct dedup *d, struct slice job, struct slice gen, struct slice key)
{
	d->about.job = mem_dup(job.p, job.n);
	d->about.key = mem_dup(key.p, key.n);
	memcpy(d->about.gen, gen.p, gen.n < CTL_INC_CHARS ? gen.n : CTL_INC_CHARS);
}

int dedup_load_part(struct dedup *d, struct slice topic, int32_t partition, int64_t next,
		    int64_t floor, struct err *err)
{
	size_t before = d->parts;
	uint32_t number = dedup_part_number(d, topic, partition);
	struct dedup_part *p = dedup_part_of(d, number);

	if (d->parts == before)
		return err_set(err, EX_DATAERR, "%s: partition %s/%d stands there twice",
			       d->conf.where, p->topic, (int)partition);
	p->next = next;
	p->floor = floor;
	p->changed = false;
	return 0;
}

static bool is_part(const struct dedup *d, uint32_t number)
{
	return number > 0 && number <= d->parts;
}

static int load_entries(struct dedup *d, struct dedup_chunk *c, struct slice entries)
{
	for (size_t at = 0; at < entries.n; at += sizeof(struct dedup_entry)) {
		struct dedup_entry e;

		memcpy(&e, entries.p + at, sizeof(e));
		if (!is_part(d, e.part))
			return -1;
		dedup_table_add(d->table, &e);
		c->newest_s = e.time_s > c->newest_s ? e.time_s : c->newest_s;
	}
	c->entries = entries.n / sizeof(struct dedup_entry);
	return 0;
}

static int load_ends(const struct dedup *d, struct dedup_chunk *c, struct slice ends)
{
	c->ends = ends.n / sizeof(*c->end);
	c->cap = c->ends + 1;
	c->end = mem_array(c->cap, sizeof(*c->end));
	if (ends.n)
		memcpy(c->end, ends.p, c->ends * sizeof(*c->end));
	for (size_t i = 0; i < c->ends; i++)
		if (!is_part(d, c->end[i].part))
			return -1;
	return ends.n % sizeof(*c->end) == 0 ? 0 : -1;
}

static int refuse_chunk(const struct dedup *d, struct dedup_chunk *c, struct err *err)
{
	unsigned long long id = c->id;

	dedup_chunk_fini(c);
	return err_set(err, EX_DATAERR, "%s: is damaged, in chunk %llu", d->conf.where, id);
}

int dedup_load_chunk(struct dedup *d, uint64_t id, struct slice ends, struct slice entries,
		     struct err *err)
{
	struct dedup_chunk c = { .id = id };

	if (load_ends(d, &c, ends) || entries.n % sizeof(struct dedup_entry) != 0 ||
	    load_entries(d, &c, entries))
		return refuse_chunk(d, &c, err);
	dedup_add_chunk(d, &c);
	return 0;
}

int dedup_load_outline(struct dedup *d, uint64_t id, struct slice ends, uint64_t entries,
		       uint32_t newest_s, struct err *err)
{
	struct dedup_chunk c = { .id = id, .entries = entries, .newest_s = newest_s };

	if (load_ends(d, &c, ends))
		return refuse_chunk(d, &c, err);
	dedup_add_chunk(d, &c);
	return 0;
}

int dedup_begin(struct dedup *d, const char *job, struct slice key, struct err *err)
{
	const struct dedup_shared *shared = dedup_shared_of(d);

	if ((shared ? shared->load : d->conf.ops->load)(d->conf.state, d, err))
		return -1;
	if (!d->about.job) {
		d->about.job = mem_strdup(job);
		d->about.key = mem_dup(key.p, key.n);
		return 0;
	}
	if (strcmp(d->about.job, job) != 0)
		return err_set(err, EX_CONFIG,
			       "%s: is the state of job %s, this is job %s: name another --state",
			       d->conf.where, d->about.job, job);
	if (!slice_is(key, d->about.key))
		return err_set(err, EX_CONFIG,
			       "%s: has keys of %s, not of %.*s: name another --state, which "
			       "needs --adopt once the job has begun",
			       d->conf.where, d->about.key, (int)key.n, key.p);
	return 0;
}

/* ---- records */

void dedup_prefetch(const struct dedup *d, const uint64_t key[2])
{
	dedup_table_prefetch(d->table, key);
}

void dedup_prefetch_entry(const struct dedup *d, const uint64_t key[2])
{
	dedup_table_prefetch_entry(d->table, key);
}

static void remember_entry(struct dedup *d, const struct dedup_entry *e)
{
	dedup_table_add(d->table, e);
	if (!d->conf.ops) {
		d->latest = e->offset;
		d->newest_s = e->time_s > d->newest_s ? e->time_s : d->newest_s;
		if (dedup_table_count(d->table) >= d->sweep_at)
			dedup_sweep(d);
		return;
	}
	mem_reserve(&d->entry, &d->entry_cap, d->open.entries + 1, sizeof(*d->entry));
	d->entry[d->open.entries++] = *e;
	d->open.newest_s = e->time_s > d->open.newest_s ? e->time_s : d->open.newest_s;
}

int dedup_judge(struct dedup *d, const uint64_t key[2], const struct dedup_place *at,
		struct err *err)
{
	struct dedup_seen seen = dedup_table_find(d->table, key, at->own_part, at->own_offset);
	struct dedup_part *p = dedup_part_of(d, at->part);
	struct dedup_entry e = { .key = { key[0], key[1] },
				 .part = at->own_part,
				 .offset = at->own_offset };

	p->time_s = at->time_s > p->time_s ? at->time_s : p->time_s;
	e.time_s = at->time_s ? at->time_s : p->time_s;
	if (!seen.same && dedup_finds(d) &&
	    d->conf.ops->find(d->conf.state, key, at->own_part, at->own_offset, &seen, err))
		return -1;
	if (seen.same)
		return 1;
	if (at->offset < p->next && at->offset >= p->floor)
		return 0;
	if (seen.any && (!d->conf.horizon_s ||
			 (int64_t)e.time_s - (int64_t)seen.latest_s <= (int64_t)d->conf.horizon_s))
		return 0;
	remember_entry(d, &e);
	return 1;
}

uint64_t dedup_keys(const struct dedup *d)
{
	if (dedup_shared_of(d))
		return d->shared_keys;
	return d->conf.ops ? d->kept + d->open.entries : dedup_table_count(d->table);
}

uint64_t dedup_forgotten(const struct dedup *d)
{
	return d->forgotten;
}
