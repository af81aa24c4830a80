/* The rules: replays, horizons, states that do not fit, what is dropped. The state is a fake one,
 * in memory, which keeps what it was given. All of it twice: entries loaded, and found in it. */
#include "tap.h"

#include <stdlib.h>

#include "base/mem.h"
#include "xform/dedup.h"

#define GEN "00000000000000aa"
enum { CHUNKS = 64, PARTS = 8 };

static struct fake {
	char *job, *key;
	char gen[17];
	struct {
		char *topic;
		int32_t partition;
		int64_t next, floor;
	} part[PARTS];
	size_t parts;
	struct fake_chunk {
		uint64_t id;
		struct buf ends, entries;
		uint64_t lowest, highest; /* of the keys' second halves */
	} chunk[CHUNKS];
	size_t chunks, saves;
} fake;

static void *fake_open(const char *where, struct err *err)
{
	(void)where, (void)err;
	return &fake;
}

static void fake_close(void *s)
{
	(void)s;
}

static int fake_load(void *s, struct dedup *into, struct err *err)
{
	(void)s;
	if (fake.job)
		dedup_load_about(into, slice_z(fake.job), slice_z(fake.gen), slice_z(fake.key));
	for (size_t i = 0; i < fake.parts; i++)
		if (dedup_load_part(into, slice_z(fake.part[i].topic), fake.part[i].partition,
				    fake.part[i].next, fake.part[i].floor, err))
			return -1;
	for (size_t i = 0; i < fake.chunks; i++)
		if (dedup_load_chunk(into, fake.chunk[i].id, buf_slice(&fake.chunk[i].ends),
				     buf_slice(&fake.chunk[i].entries), err))
			return -1;
	return 0;
}

/* An entry, and whether there is one so far in. */
static bool entry_of(const struct fake_chunk *c, size_t i, struct dedup_entry *e)
{
	if ((i + 1) * sizeof(*e) > c->entries.n)
		return false;
	memcpy(e, c->entries.p + i * sizeof(*e), sizeof(*e));
	return true;
}

static int fake_outlines(void *s, struct dedup *into, struct err *err)
{
	size_t chunks = fake.chunks;
	struct dedup_entry e;

	fake.chunks = 0;
	fake_load(s, into, err);
	fake.chunks = chunks;
	for (size_t k = 0; k < chunks; k++) {
		const struct fake_chunk *c = &fake.chunk[k];
		uint32_t newest_s = 0;
		size_t n = 0;

		for (; entry_of(c, n, &e); n++)
			newest_s = e.time_s > newest_s ? e.time_s : newest_s;
		if (dedup_load_outline(into, c->id, buf_slice(&c->ends), n, newest_s, err))
			return -1;
	}
	return 0;
}

static int fake_find(void *s, const uint64_t key[2], uint32_t part, int64_t offset,
		     struct dedup_seen *seen, struct err *err)
{
	struct dedup_entry e;

	(void)s, (void)err;
	for (size_t k = 0; k < fake.chunks; k++) {
		const struct fake_chunk *c = &fake.chunk[k];

		if (key[1] < c->lowest || key[1] > c->highest)
			continue;
		for (size_t i = 0; entry_of(c, i, &e); i++)
			if (e.key[1] == key[1])
				dedup_seen_add(seen, e.part == part && e.offset == offset,
					       e.time_s);
	}
	return 0;
}

static struct fake_chunk *chunk_of(uint64_t id)
{
	for (size_t i = 0; i < fake.chunks; i++)
		if (fake.chunk[i].id == id)
			return &fake.chunk[i];
	fake.chunk[fake.chunks].id = id;
	return &fake.chunk[fake.chunks++];
}

static int fake_save(void *s, const struct dedup_save *save, struct err *err)
{
	(void)s, (void)err;
	fake.saves++;
	free(fake.job);
	free(fake.key);
	fake.job = mem_strdup(save->about->job);
	fake.key = mem_strdup(save->about->key);
	memcpy(fake.gen, save->about->gen, sizeof(fake.gen));
	for (size_t i = 0; i < save->parts; i++) {
		if (!save->part[i].changed)
			continue;
		free(fake.part[i].topic);
		fake.part[i].topic = mem_strdup(save->part[i].topic);
		fake.part[i].partition = save->part[i].partition;
		fake.part[i].next = save->part[i].next;
		fake.part[i].floor = save->part[i].floor;
		fake.parts = i + 1 > fake.parts ? i + 1 : fake.parts;
	}
	if (save->chunk) {
		struct fake_chunk *c = chunk_of(save->chunk->id);

		c->ends.n = c->entries.n = 0;
		buf_add(&c->ends, save->chunk->end, save->chunk->ends * sizeof(struct dedup_end));
		buf_add(&c->entries, save->entry,
			save->chunk->entries * sizeof(struct dedup_entry));
		c->lowest = UINT64_MAX;
		c->highest = 0;
		for (size_t i = 0; i < save->chunk->entries; i++) {
			uint64_t half = save->entry[i].key[1];

			c->lowest = half < c->lowest ? half : c->lowest;
			c->highest = half > c->highest ? half : c->highest;
		}
	}
	for (size_t i = 0; i < save->drops; i++) {
		struct fake_chunk *c = chunk_of(save->dropped[i]);

		buf_fini(&c->ends);
		buf_fini(&c->entries);
		fake.chunks--;
		memmove(c, c + 1, (size_t)(&fake.chunk[fake.chunks] - c) * sizeof(*c));
		memset(&fake.chunk[fake.chunks], 0, sizeof(*c));
	}
	return 0;
}

static int fake_recall(void *s, uint64_t id, struct buf *entries, struct err *err)
{
	(void)s, (void)err;
	buf_adds(entries, buf_slice(&chunk_of(id)->entries));
	return 0;
}

static const struct dedup_state fake_state = {
	.open = fake_open,
	.close = fake_close,
	.load = fake_load,
	.save = fake_save,
	.recall = fake_recall,
};

static const struct dedup_state finding_state = {
	.open = fake_open,
	.close = fake_close,
	.load = fake_outlines,
	.save = fake_save,
	.find = fake_find,
};

static void forget_all(void)
{
	for (size_t i = 0; i < fake.chunks; i++) {
		buf_fini(&fake.chunk[i].ends);
		buf_fini(&fake.chunk[i].entries);
	}
	for (size_t i = 0; i < fake.parts; i++)
		free(fake.part[i].topic);
	free(fake.job);
	free(fake.key);
	memset(&fake, 0, sizeof(fake));
}

/* ---- a run */

static struct dedup_conf conf = { .max_keys = 1000, .ops = &fake_state, .where = "fake" };

static struct dedup *run(void)
{
	struct err err = ERR_INIT;
	struct dedup *d = dedup_new(&conf);

	ok(dedup_begin(d, "job", slice_z(".id"), &err) == 0, "the state is read");
	return d;
}

static bool unique(struct dedup *d, unsigned id, int32_t p, int64_t offset, uint32_t time_s)
{
	uint64_t key[2] = { id * 0x9e3779b97f4a7c15, id };
	struct dedup_place at = { .part = dedup_part_number(d, slice_z("t"), p),
				  .offset = offset,
				  .own_offset = offset,
				  .time_s = time_s };

	at.own_part = at.part;
	return dedup_judge(d, key, &at, NULL) == 1;
}

/* A record that was sent again, whose original stood at `own` of the same partition. */
static bool unique_again(struct dedup *d, unsigned id, int32_t p, int64_t offset, int64_t own)
{
	uint64_t key[2] = { id * 0x9e3779b97f4a7c15, id };
	struct dedup_place at = { .part = dedup_part_number(d, slice_z("t"), p),
				  .offset = offset,
				  .own_offset = own };

	at.own_part = at.part;
	return dedup_judge(d, key, &at, NULL) == 1;
}

/* What is read: partition 0, and 1 as the sinks have not begun it. Its exit code, 0 taken. */
static int announce_of(struct dedup *d, const char *gen, int64_t init, int64_t from, int64_t next)
{
	struct err err = ERR_INIT;
	struct ctl_reading_part part[] = {
		{ slice_z("t"), 0, init, from, next, false },
		{ slice_z("t"), 1, 0, 0, 0, true },
	};
	const struct ctl_reading r = { .gen = slice_z(gen), .part = part, .n = 2 };

	return dedup_read_on(d, &r, &err) ? err.code : 0;
}

static int announce(struct dedup *d, int64_t init, int64_t next)
{
	return announce_of(d, GEN, init, next, next);
}

/* A run that reads partition 0, which the sinks have up to `next`. */
static struct dedup *run_from(int64_t next)
{
	struct dedup *d = run();

	is_int(announce(d, 0, next), 0, "it is as new as the sinks");
	return d;
}

/* A barrier over one range: its exit code, 0 passed. */
static int barrier(struct dedup *d, int32_t p, int64_t from, int64_t to)
{
	struct err err = ERR_INIT;
	struct ranges r = { 0 };
	struct range *x = ranges_add(&r, slice_z("t"), p);
	int rc;

	x->from = from;
	x->to = to;
	rc = dedup_close_epoch(d, slice_z(GEN), &r, &err);
	ranges_fini(&r);
	return rc ? err.code : 0;
}

static void replays(void)
{
	struct dedup *d = run_from(0);

	ok(unique(d, 1, 0, 0, 0), "a new key");
	ok(!unique(d, 1, 0, 1, 0), "again");
	ok(unique(d, 2, 1, 0, 0) && !unique(d, 2, 0, 2, 0), "the first of two partitions wins");
	is_int(barrier(d, 0, 0, 3), 0, "an epoch of one");
	ok(unique(d, 3, 0, 3, 0), "a record beyond the barrier");
	dedup_free(d); /* killed */
	d = run_from(0);
	ok(unique(d, 1, 0, 0, 0) && !unique(d, 1, 0, 1, 0) && !unique(d, 2, 0, 2, 0),
	   "below the position the answers are those of the first run");
	ok(unique(d, 3, 1, 7, 0) && !unique(d, 3, 0, 3, 0),
	   "what had no barrier is as if it had not been: another record may win");
	is_int(barrier(d, 1, 0, 8), 0, "the other partition begins");
	dedup_free(d);
	d = run_from(0);
	ok(!unique(d, 3, 0, 3, 0) && unique(d, 3, 1, 7, 0), "and the winner stays");
	dedup_free(d);
	forget_all();
}

static void recurs(void)
{
	struct dedup *d;

	conf.horizon_s = 10;
	d = run_from(0);
	ok(unique(d, 1, 0, 0, 100) && !unique(d, 1, 0, 1, 110), "within the horizon");
	ok(unique(d, 1, 0, 2, 111), "beyond it: unique once more");
	ok(!unique(d, 1, 0, 3, 121) && !unique(d, 1, 0, 4, 90), "by the latest of its places");
	is_int(barrier(d, 0, 0, 5), 0, "stored");
	dedup_free(d);
	d = run_from(0);
	ok(unique(d, 1, 0, 0, 100) && !unique(d, 1, 0, 1, 110) && unique(d, 1, 0, 2, 111) &&
		   !unique(d, 1, 0, 3, 121),
	   "replayed: all places of the key are known");
	dedup_free(d);
	forget_all();
	conf.horizon_s = 0;
}

static void sent_again(void)
{
	struct dedup *d = run_from(0);

	ok(unique(d, 1, 0, 5, 0), "a record that becomes a dead letter further down");
	is_int(barrier(d, 0, 0, 10), 0, "stored");
	ok(unique_again(d, 1, 0, 10, 5), "sent again it is no duplicate");
	ok(unique_again(d, 2, 0, 11, 6), "nor one that was mended and has a key now");
	ok(!unique(d, 2, 0, 12, 0), "whose key is known from then on");
	is_int(barrier(d, 0, 10, 13), 0, "stored");
	dedup_free(d);
	d = run_from(0);
	ok(unique_again(d, 1, 0, 10, 5) && unique_again(d, 2, 0, 11, 6) && !unique(d, 2, 0, 12, 0),
	   "replayed");
	dedup_free(d);
	forget_all();
}

static void other_states(void)
{
	struct err err = ERR_INIT;
	struct dedup *d = run();

	is_int(announce_of(d, "00000000000000bb", 7, 12, 12), EX_CONFIG, "another generation");
	dedup_free(d);
	d = dedup_new(&conf);
	ok(dedup_begin(d, "other", slice_z(".id"), &err) && err.code == EX_CONFIG, "another job");
	dedup_free(d);
	d = dedup_new(&conf);
	ok(dedup_begin(d, "job", slice_z(".x"), &err) && err.code == EX_CONFIG, "another key");
	dedup_free(d);
}

static void refused(void)
{
	struct dedup *d = run();

	is_int(announce(d, 3, 7), EX_CONFIG, "an empty state in a job that has begun");
	dedup_free(d);
	d = run();
	is_int(announce(d, 7, 7), 0, "an empty state at the sinks' init");
	is_int(barrier(d, 0, 7, 12), 0, "an epoch");
	is_int(barrier(d, 0, 8, 12), 0, "an older one again");
	is_int(barrier(d, 0, 13, 14), EX_DATAERR, "one that leaves records out");
	dedup_free(d);
	d = run();
	is_int(announce(d, 7, 13), EX_CONFIG, "a state that is older than the sinks");
	dedup_free(d);
	other_states();
	conf.adopt = true;
	d = run();
	is_int(announce(d, 7, 20), 0, "--adopt");
	is_int(barrier(d, 0, 20, 22), 0, "... goes on from there");
	dedup_free(d);
	conf.adopt = false;
	d = run();
	is_int(announce(d, 7, 22), 0, "... and without it at the next start");
	is_int(barrier(d, 0, 19, 23), EX_CONFIG,
	       "... but a replay from where nothing is known has no answer");
	dedup_free(d);
	forget_all();
}

/* An epoch of n records with keys from `id` on, one a second. */
static void epoch(struct dedup *d, unsigned id, int64_t from, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		unique(d, id + i, 0, from + i, (uint32_t)from + i);
	if (barrier(d, 0, from, from + n))
		ok(false, "epoch at %lld", (long long)from);
}

static void drops(void)
{
	enum { N = 5000 /* a chunk of its own */ };
	struct dedup *d;

	conf.horizon_s = 2 * N;
	conf.max_keys = 1000000;
	d = run_from(0);
	for (unsigned e = 0; e < 11; e++)
		epoch(d, e * N, e * N, N);
	is_int(dedup_keys(d), 11 * N, "nothing goes before all sinks have it");
	for (unsigned e = 11; e < 30; e++)
		epoch(d, e * N, e * N, N);
	is_int(dedup_keys(d), 11 * N, "then what is older than the horizon goes");
	is_int(dedup_forgotten(d), 0, "... and is not missed");
	ok(!unique(d, 20 * N, 0, 30 * N, 22 * N), "what is left is known");
	is_int(barrier(d, 0, 18 * N, 30 * N), EX_CONFIG,
	       "a replay from below the floor is refused");
	dedup_free(d);
	conf.max_keys = 10 * N;
	d = run_from(0);
	for (unsigned e = 30; e < 40; e++)
		epoch(d, e * N, e * N, N);
	ok(dedup_keys(d) <= 10 * N + N, "not more than --max-keys and an epoch");
	ok(dedup_forgotten(d) > 0, "... what had to go is counted");
	is_int(fake.chunks, dedup_keys(d) / N, "the state has no more than that");
	dedup_free(d);
	forget_all();
	conf.horizon_s = 0;
	conf.max_keys = 1000;
}

static void small_epochs(void)
{
	struct dedup *d = run_from(0);

	for (unsigned e = 0; e < 100; e++)
		epoch(d, e * 10, e * 10, 10);
	is_int(fake.chunks, 1, "small epochs share a chunk");
	is_int(barrier(d, 0, 1000, 1001), 0, "an epoch without a unique record");
	is_int(fake.part[0].next, 1001, "... moves the position");
	is_int(barrier(d, 0, 1001, 1001), 0, "one without records");
	is_int(fake.saves, 101, "... stores nothing");
	dedup_free(d);
	d = run_from(0);
	is_int(dedup_keys(d), 1000, "all are read back");
	dedup_free(d);
	forget_all();
}

static void plain(void)
{
	struct dedup_conf bare = { .max_keys = 1000 };
	struct dedup *d = dedup_new(&bare);
	unsigned wrong = 0;

	for (unsigned i = 0; i < 100000; i++) {
		wrong += !unique(d, i, 0, i, 0);
		wrong += dedup_keys(d) > 1000;
		wrong += i > 500 && unique(d, i - 500, 0, i, 0);
	}
	is_int(wrong, 0, "plain: the newest half of --max-keys is always known");
	is_int(dedup_forgotten(d) + dedup_keys(d), 100000, "... the others are counted");
	dedup_free(d);
	bare = (struct dedup_conf){ .max_keys = 10000000, .horizon_s = 1000 };
	d = dedup_new(&bare);
	for (unsigned i = 0; i < 4000000; i++)
		unique(d, i, 0, i, i);
	ok(dedup_keys(d) < 3000000, "plain: what is older than the horizon makes room by itself");
	is_int(dedup_forgotten(d), 0, "... and is not missed");
	dedup_free(d);
}

static void both_ways(void)
{
	replays();
	recurs();
	sent_again();
	refused();
	drops();
	small_epochs();
}

int main(void)
{
	both_ways();
	conf.ops = &finding_state;
	both_ways();
	plain();
	return done();
}
