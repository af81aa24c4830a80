/* What lies in the folder: five trees.
 *
 *   about  "about"            format, generation, job, key fields
 *   part   number             next, floor, partition, topic
 *   chunk  id                 how many entries, their highest time, ends (struct dedup_end)
 *   entry  id, n (big-endian) entries of the chunk from n * PIECE on: what goes when it is dropped
 *   place  key                its places, 16 bytes each
 *
 * A verdict is one descent in `place`. A save sorts the new entries by key first, so that it walks
 * through the tree once; without it the same pages would be copied and flushed again. `entry` is
 * written from the piece on that has grown, always at the end of the tree; a piece is as large as
 * two fill a page, so that dropping it leaves whole pages for what comes. In memory are the open
 * epoch and the outlines of chunks.
 *
 * Places of a key in one value, not as sorted duplicates of LMDB: nearly every key has one, and
 * each of the others would be a search of its own. */
#include "drv/lmdb/lmdb_dedup.h"

#include <stdlib.h>
#include <string.h>

#include "base/crash.h"
#include "base/mem.h"
#include "drv/lmdb/lmdb_internal.h"
#include "xform/dedup.h"

enum { FORMAT = 1, PIECE = 62, KEY_BYTES = 16 };

struct lmdb_about {
	uint32_t format;
	char gen[CTL_INC_CHARS + 1]; /* behind it job and key fields, each with its NUL */
};

struct lmdb_part {
	int64_t next, floor;
	int32_t partition; /* behind it the topic */
};

struct lmdb_chunk {
	uint64_t entries;
	uint32_t newest_s, zero; /* behind it the ends */
};

struct lmdb_place {
	int64_t offset;
	uint32_t part, time_s;
};

struct lmdb_piece {
	uint8_t id[8], n[4];
};

/* A save under way. */
struct lmdb_save {
	struct lmdb_state *l;
	const struct dedup_save *save;
	struct buf scratch;
};

static MDB_val val(const void *p, size_t n)
{
	return (MDB_val){ .mv_size = n, .mv_data = (void *)(uintptr_t)p };
}

static struct slice val_slice(MDB_val v, size_t from)
{
	return from <= v.mv_size ? slice((const char *)v.mv_data + from, v.mv_size - from)
				 : slice("", 0);
}

static struct lmdb_piece piece_key(uint64_t id, uint64_t n)
{
	struct lmdb_piece k;

	for (unsigned i = 0; i < sizeof(k.id); i++)
		k.id[i] = (uint8_t)(id >> (56 - 8 * i));
	for (unsigned i = 0; i < sizeof(k.n); i++)
		k.n[i] = (uint8_t)(n >> (24 - 8 * i));
	return k;
}

/* ---- load */

static int load_about(struct lmdb_state *l, struct dedup *into, MDB_val v, struct err *err)
{
	struct lmdb_about a;
	struct slice job, key;
	const char *nul;

	if (v.mv_size < sizeof(a) + 2)
		return lmdb_state_failed(l, MDB_CORRUPTED, err);
	memcpy(&a, v.mv_data, sizeof(a));
	if (a.format != FORMAT)
		return err_set(err, EX_CONFIG, "%s: is a state of a newer program (format %u)",
			       l->where, a.format);
	job = val_slice(v, sizeof(a));
	nul = memchr(job.p, 0, job.n - 1);
	if (!nul || job.p[job.n - 1])
		return lmdb_state_failed(l, MDB_CORRUPTED, err);
	key = slice(nul + 1, (size_t)(job.p + job.n - 1 - (nul + 1)));
	dedup_load_about(into, slice(job.p, (size_t)(nul - job.p)),
			 slice(a.gen, strnlen(a.gen, CTL_INC_CHARS)), key);
	return 0;
}

static int load_part(struct lmdb_state *l, struct dedup *into, MDB_val k, MDB_val v,
		     struct err *err)
{
	struct lmdb_part p;

	(void)k;
	if (v.mv_size < sizeof(p))
		return lmdb_state_failed(l, MDB_CORRUPTED, err);
	memcpy(&p, v.mv_data, sizeof(p));
	return dedup_load_part(into, val_slice(v, sizeof(p)), p.partition, p.next, p.floor, err);
}

static int load_chunk(struct lmdb_state *l, struct dedup *into, MDB_val k, MDB_val v,
		      struct err *err)
{
	struct lmdb_chunk c;
	uint64_t id;

	if (v.mv_size < sizeof(c) || k.mv_size != sizeof(id))
		return lmdb_state_failed(l, MDB_CORRUPTED, err);
	memcpy(&c, v.mv_data, sizeof(c));
	memcpy(&id, k.mv_data, sizeof(id));
	return dedup_load_outline(into, id, val_slice(v, sizeof(c)), c.entries, c.newest_s, err);
}

static int load_rows(struct lmdb_state *l, struct dedup *into, enum lmdb_table table,
		     int (*row)(struct lmdb_state *l, struct dedup *into, MDB_val k, MDB_val v,
				struct err *err),
		     struct err *err)
{
	MDB_cursor *at;
	MDB_val k, v;
	int code = mdb_cursor_open(l->read, l->table[table], &at), rc = 0;

	if (code)
		return lmdb_state_failed(l, code, err);
	while (rc == 0 && (code = mdb_cursor_get(at, &k, &v, MDB_NEXT)) == 0)
		rc = row(l, into, k, v, err);
	if (rc == 0 && code != MDB_NOTFOUND)
		rc = lmdb_state_failed(l, code, err);
	mdb_cursor_close(at);
	return rc;
}

static int lmdb_dedup_load(void *s, struct dedup *into, struct err *err)
{
	struct lmdb_state *l = s;
	MDB_val k = val("about", 5), v;
	int code = mdb_get(l->read, l->table[LMDB_ABOUT], &k, &v);

	if (code == MDB_NOTFOUND)
		return 0;
	if (code)
		return lmdb_state_failed(l, code, err);
	return load_about(l, into, v, err) || load_rows(l, into, LMDB_PART, load_part, err) ||
			       load_rows(l, into, LMDB_CHUNK, load_chunk, err)
		       ? -1
		       : 0;
}

/* ---- find */

static int lmdb_dedup_find(void *s, const uint64_t key[2], uint32_t part, int64_t offset,
			   struct dedup_seen *seen, struct err *err)
{
	struct lmdb_state *l = s;
	MDB_val k = val(key, KEY_BYTES), v;
	int code = mdb_get(l->read, l->table[LMDB_PLACE], &k, &v);

	if (code)
		return code == MDB_NOTFOUND ? 0 : lmdb_state_failed(l, code, err);
	for (size_t at = 0; at + sizeof(struct lmdb_place) <= v.mv_size;
	     at += sizeof(struct lmdb_place)) {
		struct lmdb_place p;

		memcpy(&p, (const char *)v.mv_data + at, sizeof(p));
		dedup_seen_add(seen, p.part == part && p.offset == offset, p.time_s);
	}
	return 0;
}

/* ---- places */

static int compare_keys(const void *a, const void *b)
{
	return memcmp(((const struct dedup_entry *)a)->key, ((const struct dedup_entry *)b)->key,
		      KEY_BYTES);
}

static int add_place(struct lmdb_save *s, MDB_txn *txn, const struct dedup_entry *e)
{
	const struct lmdb_place p = { .offset = e->offset, .part = e->part, .time_s = e->time_s };
	MDB_dbi table = s->l->table[LMDB_PLACE];
	MDB_val k = val(e->key, KEY_BYTES), v = val(&p, sizeof(p));
	int code = mdb_put(txn, table, &k, &v, MDB_NOOVERWRITE);

	if (code != MDB_KEYEXIST)
		return code;
	s->scratch.n = 0;
	buf_adds(&s->scratch, val_slice(v, 0));
	buf_add(&s->scratch, &p, sizeof(p));
	v = val(s->scratch.p, s->scratch.n);
	return mdb_put(txn, table, &k, &v, 0);
}

static int remove_place(struct lmdb_save *s, MDB_txn *txn, const struct dedup_entry *e)
{
	MDB_dbi table = s->l->table[LMDB_PLACE];
	MDB_val k = val(e->key, KEY_BYTES), v;
	int code = mdb_get(txn, table, &k, &v);

	if (code)
		return code == MDB_NOTFOUND ? 0 : code;
	s->scratch.n = 0;
	for (size_t at = 0; at + sizeof(struct lmdb_place) <= v.mv_size;
	     at += sizeof(struct lmdb_place)) {
		struct lmdb_place p;

		memcpy(&p, (const char *)v.mv_data + at, sizeof(p));
		if (p.part != e->part || p.offset != e->offset)
			buf_add(&s->scratch, &p, sizeof(p));
	}
	if (s->scratch.n == 0)
		return mdb_del(txn, table, &k, NULL);
	v = val(s->scratch.p, s->scratch.n);
	return mdb_put(txn, table, &k, &v, 0);
}

/* All of them, in the order of the tree. */
static int change_places(struct lmdb_save *s, MDB_txn *txn, struct dedup_entry *e, size_t n,
			 int (*change)(struct lmdb_save *s, MDB_txn *txn,
				       const struct dedup_entry *e))
{
	int code = 0;

	qsort(e, n, sizeof(*e), compare_keys);
	for (size_t i = 0; i < n && code == 0; i++)
		code = change(s, txn, &e[i]);
	return code;
}

/* ---- save */

static int save_about(struct lmdb_save *s, MDB_txn *txn)
{
	const struct dedup_about *about = s->save->about;
	struct lmdb_about a = { .format = FORMAT };
	MDB_val k = val("about", 5), v;

	memcpy(a.gen, about->gen, sizeof(a.gen));
	s->scratch.n = 0;
	buf_add(&s->scratch, &a, sizeof(a));
	buf_add(&s->scratch, about->job, strlen(about->job) + 1);
	buf_add(&s->scratch, about->key, strlen(about->key) + 1);
	v = val(s->scratch.p, s->scratch.n);
	return mdb_put(txn, s->l->table[LMDB_ABOUT], &k, &v, 0);
}

static int save_part(struct lmdb_save *s, MDB_txn *txn, const struct dedup_part *part,
		     uint32_t number)
{
	struct lmdb_part p;
	MDB_val k = val(&number, sizeof(number)), v;

	memset(&p, 0, sizeof(p));
	p.next = part->next;
	p.floor = part->floor;
	p.partition = part->partition;
	s->scratch.n = 0;
	buf_add(&s->scratch, &p, sizeof(p));
	buf_addz(&s->scratch, part->topic);
	v = val(s->scratch.p, s->scratch.n);
	return mdb_put(txn, s->l->table[LMDB_PART], &k, &v, 0);
}

/* Pieces from the one on in which entries were added. */
static int save_pieces(struct lmdb_save *s, MDB_txn *txn)
{
	const struct dedup_chunk *c = s->save->chunk;
	int code = 0;

	for (uint64_t n = s->save->known / PIECE; n * PIECE < c->entries && code == 0; n++) {
		struct lmdb_piece id = piece_key(c->id, n);
		uint64_t left = c->entries - n * PIECE, take = left < PIECE ? left : PIECE;
		MDB_val k = val(&id, sizeof(id)),
			v = val(s->save->entry + n * PIECE, take * sizeof(*s->save->entry));

		code = mdb_put(txn, s->l->table[LMDB_ENTRY], &k, &v, 0);
	}
	return code;
}

static int save_chunk(struct lmdb_save *s, MDB_txn *txn)
{
	const struct dedup_chunk *c = s->save->chunk;
	const struct lmdb_chunk outline = { .entries = c->entries, .newest_s = c->newest_s };
	size_t n = c->entries - s->save->known;
	struct dedup_entry *sorted = mem_array(n, sizeof(*sorted));
	MDB_val k = val(&c->id, sizeof(c->id)), v;
	int code;

	s->scratch.n = 0;
	buf_add(&s->scratch, &outline, sizeof(outline));
	buf_add(&s->scratch, c->end, c->ends * sizeof(*c->end));
	v = val(s->scratch.p, s->scratch.n);
	code = mdb_put(txn, s->l->table[LMDB_CHUNK], &k, &v, 0);
	if (code == 0)
		code = save_pieces(s, txn);
	memcpy(sorted, s->save->entry + s->save->known, n * sizeof(*sorted));
	if (code == 0)
		code = change_places(s, txn, sorted, n, add_place);
	free(sorted);
	return code;
}

/* Takes the pieces of a chunk out; their entries are appended. */
static int take_pieces(struct lmdb_save *s, MDB_txn *txn, uint64_t id, struct buf *entries)
{
	MDB_dbi table = s->l->table[LMDB_ENTRY];

	for (uint64_t n = 0;; n++) {
		struct lmdb_piece piece = piece_key(id, n);
		MDB_val k = val(&piece, sizeof(piece)), v;
		int code = mdb_get(txn, table, &k, &v);

		if (code)
			return code == MDB_NOTFOUND ? 0 : code;
		buf_adds(entries, val_slice(v, 0));
		code = mdb_del(txn, table, &k, NULL);
		if (code)
			return code;
	}
}

static int drop_chunk(struct lmdb_save *s, MDB_txn *txn, uint64_t id)
{
	MDB_val k = val(&id, sizeof(id));
	struct buf entries = { 0 };
	int code = mdb_del(txn, s->l->table[LMDB_CHUNK], &k, NULL);

	if (code == 0)
		code = take_pieces(s, txn, id, &entries);
	if (code == 0)
		code = change_places(s, txn, (struct dedup_entry *)(void *)entries.p,
				     entries.n / sizeof(struct dedup_entry), remove_place);
	buf_fini(&entries);
	return code;
}

static int write_save(MDB_txn *txn, void *arg)
{
	struct lmdb_save *s = arg;
	const struct dedup_save *save = s->save;
	int code = save_about(s, txn);

	for (size_t i = 0; i < save->parts && code == 0; i++)
		if (save->part[i].changed)
			code = save_part(s, txn, &save->part[i], (uint32_t)i + 1);
	for (size_t i = 0; i < save->drops && code == 0; i++)
		code = drop_chunk(s, txn, save->dropped[i]);
	if (save->chunk && code == 0)
		code = save_chunk(s, txn);
	crash_at(CRASH_STATE_INSIDE);
	return code;
}

static int lmdb_dedup_save(void *s, const struct dedup_save *save, struct err *err)
{
	struct lmdb_save all = { .l = s, .save = save };
	int rc = lmdb_state_write(all.l, write_save, &all, err);

	buf_fini(&all.scratch);
	return rc;
}

/* ---- the whole */

static void *lmdb_dedup_open(const char *where, struct err *err)
{
	return lmdb_state_open(where, err);
}

static void lmdb_dedup_close(void *s)
{
	lmdb_state_close(s);
}

const struct dedup_state lmdb_dedup = {
	.scheme = "lmdb:",
	.open = lmdb_dedup_open,
	.close = lmdb_dedup_close,
	.load = lmdb_dedup_load,
	.save = lmdb_dedup_save,
	.find = lmdb_dedup_find,
};
