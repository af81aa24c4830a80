/* The records of a batch as a table of SQLite's, hta_batch, in this program's memory:
 *
 *   INSERT INTO hta_events (..) SELECT .. FROM hta_batch
 *
 * One statement for all of them keeps its place in the table and in each index from one record to
 * the next, and what goes in right behind it is not looked for from the root. A statement a record
 * takes a fifth more of the whole time, half as much again where pages are large.
 *
 * The table has no CREATE of its own (xCreate NULL): it is there for the connection and in no file.
 * Texts are lent: SQLite has copied a row when it asks for the next one. */
#include <stdlib.h>

#include "base/mem.h"
#include "drv/sqlite/sqlite_internal.h"

enum batch_column {
	BATCH_TOPIC,
	BATCH_PARTITION,
	BATCH_OFFSET,
	BATCH_ID,
	BATCH_TYPE,
	BATCH_USER,
	BATCH_SOURCE,
	BATCH_TS,
	BATCH_RECORD,
	BATCH_KEY,
};
static const char declaration[] = "CREATE TABLE x (topic, partition, record_offset, event_id, "
				  "event_type, user_id, source, ts, record, key_hash)";

struct batch_table {
	sqlite3_vtab base;
	const struct sqlite *s;
};

struct batch_cursor {
	sqlite3_vtab_cursor base;
	const struct sink_record *at, *end;
	char ts[TM_TEXT_BYTES];
};

static int batch_connect(sqlite3 *db, void *s, int argc, const char *const *argv,
			 sqlite3_vtab **out, char **why)
{
	struct batch_table *t;
	int code = sqlite3_declare_vtab(db, declaration);

	(void)argc, (void)argv, (void)why;
	if (code != SQLITE_OK)
		return code;
	t = mem_zalloc(sizeof(*t));
	t->s = s;
	*out = &t->base;
	return SQLITE_OK;
}

static int batch_disconnect(sqlite3_vtab *t)
{
	free(t);
	return SQLITE_OK;
}

static int batch_best_index(sqlite3_vtab *t, sqlite3_index_info *info)
{
	(void)t;
	info->estimatedCost = info->estimatedRows = 100000;
	return SQLITE_OK;
}

static int batch_open(sqlite3_vtab *t, sqlite3_vtab_cursor **out)
{
	(void)t;
	*out = mem_zalloc(sizeof(struct batch_cursor));
	return SQLITE_OK;
}

static int batch_close(sqlite3_vtab_cursor *c)
{
	free(c);
	return SQLITE_OK;
}

static int batch_rewind(sqlite3_vtab_cursor *base, int index, const char *text, int argc,
			sqlite3_value **argv)
{
	struct batch_cursor *c = (struct batch_cursor *)base;
	const struct sqlite *s = ((const struct batch_table *)base->pVtab)->s;

	(void)index, (void)text, (void)argc, (void)argv;
	c->at = s->record;
	c->end = s->record + s->records;
	return SQLITE_OK;
}

static int batch_next(sqlite3_vtab_cursor *c)
{
	((struct batch_cursor *)c)->at++;
	return SQLITE_OK;
}

static int batch_eof(sqlite3_vtab_cursor *base)
{
	const struct batch_cursor *c = (const struct batch_cursor *)base;

	return c->at >= c->end;
}

static void give_text(sqlite3_context *x, struct slice text)
{
	if (text.p)
		sqlite3_result_text(x, text.p, (int)text.n, SQLITE_STATIC);
}

static int batch_column(sqlite3_vtab_cursor *base, sqlite3_context *x, int column)
{
	struct batch_cursor *c = (struct batch_cursor *)base;
	const struct sink_event *e = c->at->event;

	switch ((enum batch_column)column) {
	case BATCH_TOPIC:
		give_text(x, e->text[EVENT_TOPIC]);
		break;
	case BATCH_PARTITION:
		if (c->at->topic.p)
			sqlite3_result_int(x, c->at->partition);
		break;
	case BATCH_OFFSET:
		if (c->at->topic.p)
			sqlite3_result_int64(x, c->at->offset);
		break;
	case BATCH_ID:
	case BATCH_TYPE:
	case BATCH_USER:
	case BATCH_SOURCE:
		give_text(x, e->text[EVENT_ID + (column - BATCH_ID)]);
		break;
	case BATCH_TS:
		if (e->ts_us != POS_NONE)
			give_text(x, slice(c->ts, sqlite_events_time(e->ts_us, c->ts)));
		break;
	case BATCH_RECORD:
		give_text(x, c->at->line);
		break;
	case BATCH_KEY:
		sqlite3_result_blob(x, e->key, EVENT_KEY_BYTES, SQLITE_STATIC);
		break;
	}
	return SQLITE_OK;
}

static int batch_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
	const struct batch_cursor *c = (const struct batch_cursor *)base;

	*out = c->end - c->at;
	return SQLITE_OK;
}

static const sqlite3_module batch_module = {
	.iVersion = 1,
	.xConnect = batch_connect,
	.xBestIndex = batch_best_index,
	.xDisconnect = batch_disconnect,
	.xOpen = batch_open,
	.xClose = batch_close,
	.xFilter = batch_rewind,
	.xNext = batch_next,
	.xEof = batch_eof,
	.xColumn = batch_column,
	.xRowid = batch_rowid,
};

int sqlite_batch_table(struct sqlite *s)
{
	return sqlite3_create_module(s->db, "hta_batch", &batch_module, s);
}
