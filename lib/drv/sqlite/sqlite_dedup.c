/* The state of hta-dedup in a file: a row a partition, a row a chunk of entries. Entries lie in
 * it as they lie in memory, so some INSERTs of blobs make an epoch of a million keys durable; rows
 * a key would cost ten times the time and three times the bytes.
 *
 *   hta_dedup        one row: what the state is of, and the byte order of this machine
 *   hta_dedup_part   number, topic, partition, next, floor
 *   hta_dedup_chunk  id, ends (struct dedup_end), entries (struct dedup_entry)
 *   hta_dedup_more   those beyond PIECE_ENTRIES, in pieces: id (MORE_BITS), entries
 *
 * Pieces, since SQLite copies a row before it writes it: into memory that is made for a row of
 * many megabytes, and is there already for one that is not. Format 1 had no pieces.
 *
 * One transaction a barrier, synced: the log (WAL) is flushed before COMMIT returns. The file is
 * locked from its opening on (locking_mode = EXCLUSIVE), and the lock goes with the process; one
 * that has just been killed may hold it for a moment, so it is waited for. With it there is no
 * shared memory, and no other program can read the file meanwhile. Pages are large, as blobs are,
 * and the log is taken over into the file after some 64 MB, not after each epoch. */
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "base/crash.h"
#include "base/mem.h"
#include "drv/sqlite/sqlite.h"
#include "xform/dedup.h"

enum {
	LOCK_WAIT_MS = 10000,
	FORMAT = 2,
	PIECE_ENTRIES = 32768,
	MORE_BITS = 20, /* chunk << MORE_BITS | number of the piece, from 0 */
};

#define MORE_OF_CHUNK " FROM hta_dedup_more WHERE id BETWEEN ?1 << 20 AND ?1 << 20 | 1048575"

struct dedup_file {
	char *where;
	sqlite3 *db;
	sqlite3_stmt *about, *part, *chunk, *drop, *recall;
	sqlite3_stmt *more, *drop_more, *recall_more;
};

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS hta_dedup (format INTEGER NOT NULL, byte_order BLOB NOT NULL,"
	" job TEXT NOT NULL, generation TEXT NOT NULL, key TEXT NOT NULL);"
	"CREATE TABLE IF NOT EXISTS hta_dedup_part (part INTEGER PRIMARY KEY, topic TEXT NOT NULL,"
	" partition INTEGER NOT NULL, next INTEGER NOT NULL, floor INTEGER NOT NULL,"
	" UNIQUE (topic, partition));"
	"CREATE TABLE IF NOT EXISTS hta_dedup_chunk (id INTEGER PRIMARY KEY, ends BLOB NOT NULL,"
	" entries BLOB NOT NULL);"
	"CREATE TABLE IF NOT EXISTS hta_dedup_more (id INTEGER PRIMARY KEY,"
	" entries BLOB NOT NULL);";

static const uint32_t byte_order = 0x01020304;

static int dedup_file_failed(struct dedup_file *f, struct err *err)
{
	int code = sqlite3_errcode(f->db) & 0xff, exit = EX_DATAERR;

	if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
		return err_set(err, EX_CONFIG, "%s: another process has it: one hta-dedup a file",
			       f->where);
	if (code == SQLITE_FULL || code == SQLITE_IOERR)
		exit = EX_IOERR;
	else if (code == SQLITE_READONLY || code == SQLITE_CANTOPEN || code == SQLITE_NOTADB ||
		 code == SQLITE_PERM || code == SQLITE_AUTH || code == SQLITE_ERROR)
		exit = EX_CONFIG;
	return err_set(err, exit, "%s: %s", f->where, sqlite3_errmsg(f->db));
}

static int dedup_file_exec(struct dedup_file *f, const char *text, struct err *err)
{
	return sqlite3_exec(f->db, text, NULL, NULL, NULL) == SQLITE_OK ? 0
									: dedup_file_failed(f, err);
}

/* ---- open, close */

static void dedup_file_close(void *s)
{
	struct dedup_file *f = s;

	if (!f)
		return;
	sqlite3_finalize(f->about);
	sqlite3_finalize(f->part);
	sqlite3_finalize(f->chunk);
	sqlite3_finalize(f->drop);
	sqlite3_finalize(f->recall);
	sqlite3_finalize(f->more);
	sqlite3_finalize(f->drop_more);
	sqlite3_finalize(f->recall_more);
	sqlite3_close(f->db);
	free(f->where);
	free(f);
}

static int prepare_all(struct dedup_file *f, struct err *err)
{
	const struct {
		sqlite3_stmt **q;
		const char *text;
	} all[] = {
		{ &f->about, "INSERT OR REPLACE INTO hta_dedup (rowid, format, byte_order, job, "
			     "generation, key) VALUES (1, ?, ?, ?, ?, ?)" },
		{ &f->part, "INSERT OR REPLACE INTO hta_dedup_part VALUES (?, ?, ?, ?, ?)" },
		{ &f->chunk, "INSERT INTO hta_dedup_chunk VALUES (?, ?, ?)" },
		{ &f->drop, "DELETE FROM hta_dedup_chunk WHERE id = ?" },
		{ &f->recall, "SELECT entries FROM hta_dedup_chunk WHERE id = ?" },
		{ &f->more, "INSERT INTO hta_dedup_more VALUES (?, ?)" },
		{ &f->drop_more, "DELETE" MORE_OF_CHUNK },
		{ &f->recall_more, "SELECT entries" MORE_OF_CHUNK " ORDER BY id" },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (sqlite3_prepare_v3(f->db, all[i].text, -1, SQLITE_PREPARE_PERSISTENT, all[i].q,
				       NULL) != SQLITE_OK)
			return dedup_file_failed(f, err);
	return 0;
}

/* What lasts no longer than this program, or is no file, is no state. */
static int check_file(struct dedup_file *f, struct err *err)
{
	const char *path = sqlite3_db_filename(f->db, "main");

	if (path && *path && strncmp(path, "/dev/", 5) != 0)
		return 0;
	return err_set(err, EX_USAGE, "\"%s\" would be gone with this program: name a file",
		       f->where);
}

static int dedup_file_begin(struct dedup_file *f, struct err *err)
{
	if (check_file(f, err))
		return -1;
	sqlite3_busy_timeout(f->db, LOCK_WAIT_MS);
	return dedup_file_exec(f,
			       "PRAGMA page_size = 32768; PRAGMA locking_mode = EXCLUSIVE;"
			       "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
			       "PRAGMA wal_autocheckpoint = 2000; BEGIN IMMEDIATE",
			       err) ||
			       dedup_file_exec(f, schema, err) ||
			       dedup_file_exec(f, "COMMIT", err) || prepare_all(f, err)
		       ? -1
		       : 0;
}

static void *dedup_file_open(const char *where, struct err *err)
{
	struct dedup_file *f = mem_zalloc(sizeof(*f));

	f->where = mem_strdup(where);
	if (sqlite3_open_v2(where, &f->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) !=
	    SQLITE_OK)
		dedup_file_failed(f, err);
	else if (dedup_file_begin(f, err) == 0)
		return f;
	dedup_file_close(f);
	return NULL;
}

/* ---- load */

static struct slice text_column(sqlite3_stmt *q, int at)
{
	const char *p = sqlite3_column_blob(q, at);

	return p ? slice(p, (size_t)sqlite3_column_bytes(q, at)) : slice("", 0);
}

static int load_about_row(struct dedup_file *f, sqlite3_stmt *q, struct dedup *into,
			  struct err *err)
{
	struct slice order = text_column(q, 1);

	if (sqlite3_column_int(q, 0) > FORMAT)
		return err_set(err, EX_CONFIG, "%s: is a state of a newer program (format %d)",
			       f->where, sqlite3_column_int(q, 0));
	if (order.n != sizeof(byte_order) || memcmp(order.p, &byte_order, order.n) != 0)
		return err_set(err, EX_CONFIG, "%s: was made on a machine of another byte order",
			       f->where);
	dedup_load_about(into, text_column(q, 2), text_column(q, 3), text_column(q, 4));
	return 0;
}

static int load_part_row(struct dedup_file *f, sqlite3_stmt *q, struct dedup *into, struct err *err)
{
	(void)f;
	return dedup_load_part(into, text_column(q, 0), sqlite3_column_int(q, 1),
			       sqlite3_column_int64(q, 2), sqlite3_column_int64(q, 3), err);
}

/* Appends the entries that are beyond the first piece. */
static int recall_more(struct dedup_file *f, sqlite3_int64 chunk, struct buf *entries,
		       struct err *err)
{
	int code, rc;

	sqlite3_bind_int64(f->recall_more, 1, chunk);
	while ((code = sqlite3_step(f->recall_more)) == SQLITE_ROW)
		buf_adds(entries, text_column(f->recall_more, 0));
	rc = code == SQLITE_DONE ? 0 : dedup_file_failed(f, err);
	sqlite3_reset(f->recall_more);
	return rc;
}

static int load_chunk_row(struct dedup_file *f, sqlite3_stmt *q, struct dedup *into,
			  struct err *err)
{
	sqlite3_int64 id = sqlite3_column_int64(q, 0);
	struct slice first = text_column(q, 2);
	struct buf all = { 0 };
	int rc = 0;

	if (first.n == PIECE_ENTRIES * sizeof(struct dedup_entry)) {
		buf_adds(&all, first);
		rc = recall_more(f, id, &all, err);
	}
	if (rc == 0)
		rc = dedup_load_chunk(into, (uint64_t)id, text_column(q, 1),
				      all.n ? buf_slice(&all) : first, err);
	buf_fini(&all);
	return rc;
}

static int dedup_file_load(void *s, struct dedup *into, struct err *err)
{
	static const struct {
		const char *text;
		int (*row)(struct dedup_file *f, sqlite3_stmt *q, struct dedup *into,
			   struct err *err);
	} all[] = {
		{ "SELECT format, byte_order, job, generation, key FROM hta_dedup",
		  load_about_row },
		{ "SELECT topic, partition, next, floor FROM hta_dedup_part ORDER BY part",
		  load_part_row },
		{ "SELECT id, ends, entries FROM hta_dedup_chunk ORDER BY id", load_chunk_row },
	};
	struct dedup_file *f = s;

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		sqlite3_stmt *q = NULL;
		int code, rc = 0;

		if (sqlite3_prepare_v2(f->db, all[i].text, -1, &q, NULL) != SQLITE_OK)
			return dedup_file_failed(f, err);
		while ((code = sqlite3_step(q)) == SQLITE_ROW && rc == 0)
			rc = all[i].row(f, q, into, err);
		if (rc == 0 && code != SQLITE_DONE)
			rc = dedup_file_failed(f, err);
		sqlite3_finalize(q);
		if (rc)
			return -1;
	}
	return 0;
}

/* ---- save */

static int run_bound(struct dedup_file *f, sqlite3_stmt *q, struct err *err)
{
	int code = sqlite3_step(q), rc = code == SQLITE_DONE ? 0 : dedup_file_failed(f, err);

	sqlite3_reset(q);
	sqlite3_clear_bindings(q);
	return rc;
}

static void bind_text(sqlite3_stmt *q, int at, const char *text)
{
	sqlite3_bind_text(q, at, text, -1, SQLITE_STATIC);
}

static int save_about(struct dedup_file *f, const struct dedup_about *a, struct err *err)
{
	sqlite3_bind_int(f->about, 1, FORMAT);
	sqlite3_bind_blob(f->about, 2, &byte_order, sizeof(byte_order), SQLITE_STATIC);
	bind_text(f->about, 3, a->job);
	bind_text(f->about, 4, a->gen);
	bind_text(f->about, 5, a->key);
	return run_bound(f, f->about, err);
}

static int save_part(struct dedup_file *f, const struct dedup_part *p, size_t number,
		     struct err *err)
{
	sqlite3_bind_int64(f->part, 1, (sqlite3_int64)number);
	bind_text(f->part, 2, p->topic);
	sqlite3_bind_int(f->part, 3, p->partition);
	sqlite3_bind_int64(f->part, 4, p->next);
	sqlite3_bind_int64(f->part, 5, p->floor);
	return run_bound(f, f->part, err);
}

static int drop_chunk_row(struct dedup_file *f, uint64_t chunk, struct err *err)
{
	sqlite3_bind_int64(f->drop, 1, (sqlite3_int64)chunk);
	sqlite3_bind_int64(f->drop_more, 1, (sqlite3_int64)chunk);
	return run_bound(f, f->drop, err) || run_bound(f, f->drop_more, err) ? -1 : 0;
}

/* The entries from `from` on, at most as many as a piece has. */
static void bind_piece(sqlite3_stmt *q, int at, const struct dedup_save *save, uint64_t from)
{
	uint64_t n = save->chunk->entries - from;

	n = n < PIECE_ENTRIES ? n : PIECE_ENTRIES;
	sqlite3_bind_blob64(q, at, save->entry + from, n * sizeof(*save->entry), SQLITE_STATIC);
}

static int save_chunk(struct dedup_file *f, const struct dedup_save *save, struct err *err)
{
	const struct dedup_chunk *c = save->chunk;

	if (drop_chunk_row(f, c->id, err))
		return -1;
	sqlite3_bind_int64(f->chunk, 1, (sqlite3_int64)c->id);
	sqlite3_bind_blob64(f->chunk, 2, c->end, c->ends * sizeof(*c->end), SQLITE_STATIC);
	bind_piece(f->chunk, 3, save, 0);
	if (run_bound(f, f->chunk, err))
		return -1;
	for (uint64_t from = PIECE_ENTRIES; from < c->entries; from += PIECE_ENTRIES) {
		uint64_t piece = from / PIECE_ENTRIES - 1;

		sqlite3_bind_int64(f->more, 1, (sqlite3_int64)(c->id << MORE_BITS | piece));
		bind_piece(f->more, 2, save, from);
		if (run_bound(f, f->more, err))
			return -1;
	}
	return 0;
}

static int save_inside(struct dedup_file *f, const struct dedup_save *save, struct err *err)
{
	if (save_about(f, save->about, err))
		return -1;
	for (size_t i = 0; i < save->parts; i++)
		if (save->part[i].changed && save_part(f, &save->part[i], i + 1, err))
			return -1;
	if (save->chunk && save_chunk(f, save, err))
		return -1;
	for (size_t i = 0; i < save->drops; i++)
		if (drop_chunk_row(f, save->dropped[i], err))
			return -1;
	crash_at(CRASH_STATE_INSIDE);
	return 0;
}

/* A failure ends the stage, and the transaction with it. */
static int dedup_file_save(void *s, const struct dedup_save *save, struct err *err)
{
	struct dedup_file *f = s;

	return dedup_file_exec(f, "BEGIN IMMEDIATE", err) || save_inside(f, save, err) ||
			       dedup_file_exec(f, "COMMIT", err)
		       ? -1
		       : 0;
}

static int dedup_file_recall(void *s, uint64_t chunk, struct buf *entries, struct err *err)
{
	struct dedup_file *f = s;
	int code, rc = 0;

	sqlite3_bind_int64(f->recall, 1, (sqlite3_int64)chunk);
	code = sqlite3_step(f->recall);
	if (code == SQLITE_ROW)
		buf_adds(entries, text_column(f->recall, 0));
	else if (code != SQLITE_DONE)
		rc = dedup_file_failed(f, err);
	sqlite3_reset(f->recall);
	return rc || recall_more(f, (sqlite3_int64)chunk, entries, err) ? -1 : 0;
}

const struct dedup_state sqlite_dedup = {
	.open = dedup_file_open,
	.close = dedup_file_close,
	.load = dedup_file_load,
	.save = dedup_file_save,
	.recall = dedup_file_recall,
};
