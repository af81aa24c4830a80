/* Views named as metrics (sink/metric_sql.h): NAME has a metric's rows, NAME_hours and NAME_days
 * have them put together. Each is told from what others have made by a comment in its text, and
 * made anew where its text is another than today's. Reading them needs nothing but SQLite; numbers
 * are doubles there, and added as such. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/mem.h"
#include "drv/sqlite/sqlite_internal.h"
#include "sink/metric_sql.h"

/* ---- making one */

enum sqlite_held sqlite_look_up_view(struct sqlite *s, const char *name, const char *text,
				     const char *mark)
{
	enum sqlite_held held = SQLITE_HELD_FREE;
	sqlite3_stmt *q = NULL;

	if (sqlite3_prepare_v2(s->db,
			       "SELECT sql IS ?, type = 'view' AND instr(sql, ?) > 0 FROM "
			       "sqlite_master WHERE name = ? COLLATE NOCASE",
			       -1, &q, NULL) == SQLITE_OK &&
	    sqlite3_bind_text(q, 1, text, -1, SQLITE_STATIC) == SQLITE_OK &&
	    sqlite3_bind_text(q, 2, mark, -1, SQLITE_STATIC) == SQLITE_OK &&
	    sqlite3_bind_text(q, 3, name, -1, SQLITE_STATIC) == SQLITE_OK &&
	    sqlite3_step(q) == SQLITE_ROW)
		held = sqlite3_column_int(q, 0)   ? SQLITE_HELD_SAME
		       : sqlite3_column_int(q, 1) ? SQLITE_HELD_OLDER
						  : SQLITE_HELD_TAKEN;
	sqlite3_finalize(q);
	return held;
}

/* All statements or none, in a transaction or not. */
static enum sink_result run_script(struct sqlite *s, const char *script, struct err *err)
{
	enum sink_result r = SINK_OK;

	if (sqlite3_exec(s->db, script, NULL, NULL, NULL) != SQLITE_OK) {
		r = sqlite_failed(s, err);
		sqlite3_exec(s->db, "ROLLBACK TO hta_view; RELEASE hta_view", NULL, NULL, NULL);
	}
	return r;
}

static enum sink_result make_anew(struct sqlite *s, const char *name, const char *text, bool drop,
				  struct err *err)
{
	struct buf script = { 0 };
	enum sink_result r;

	buf_addz(&script, "SAVEPOINT hta_view; ");
	if (drop) {
		buf_addz(&script, "DROP VIEW ");
		metric_sql_name(slice_z(name), &script);
		buf_addz(&script, "; ");
	}
	buf_printf(&script, "%s; RELEASE hta_view", text);
	r = run_script(s, buf_z(&script), err);
	buf_fini(&script);
	if (r == SINK_FATAL) {
		log_warn("view %s is not made: %s", name, err->msg);
		err->msg[0] = 0;
		r = SINK_OK;
	}
	return r;
}

static enum sink_result make_one(struct sqlite *s, const struct metric_shape *shape, size_t i,
				 struct err *err)
{
	struct buf name = { 0 }, text = { 0 }, mark = { 0 };
	enum sink_result r = SINK_OK;
	enum sqlite_held held = SQLITE_HELD_SAME;

	if (sqlite_view_sql(s, shape, i, &name, &text, &mark))
		held = sqlite_look_up_view(s, buf_z(&name), buf_z(&text), buf_z(&mark));
	if (held == SQLITE_HELD_TAKEN)
		log_warn("metric %.*s has no view %s: the name is taken by what this program has "
			 "not made, or by another metric: rename that and start once with --init, "
			 "or give the metric another name or file",
			 (int)shape->name.n, shape->name.p, buf_z(&name));
	else if (held != SQLITE_HELD_SAME)
		r = make_anew(s, buf_z(&name), buf_z(&text), held == SQLITE_HELD_OLDER, err);
	buf_fini(&name);
	buf_fini(&text);
	buf_fini(&mark);
	return r;
}

static enum sink_result make_all(struct sqlite *s, const struct metric_shape *shape,
				 struct err *err)
{
	enum sink_result r = SINK_OK;

	if (shape->name.n >= 4 && strncasecmp(shape->name.p, "hta_", 4) == 0) {
		log_info("metric %.*s has no view: names that begin with hta_ are our tables'",
			 (int)shape->name.n, shape->name.p);
		return SINK_OK;
	}
	for (size_t i = 0; i < SQLITE_VIEWS && r == SINK_OK; i++)
		r = make_one(s, shape, i, err);
	return r;
}

/* A job counts without views, too. */
static enum sink_result tell_unmade(enum sink_result r, struct err *err)
{
	if (r != SINK_FATAL)
		return r;
	log_warn("views of metrics are not made: %s", err->msg);
	err->msg[0] = 0;
	return SINK_OK;
}

enum sink_result sqlite_views_of(struct sqlite *s, const struct sink_metric *m, struct err *err)
{
	struct metric_shape shape = { .name = m->name, .column = m->column, .columns = m->columns };
	struct arena arena = { 0 };
	enum sink_result r = SINK_FATAL;

	if (metric_shape_read(&shape, m->shape, &arena, err) == 0)
		r = make_all(s, &shape, err);
	arena_fini(&arena);
	return tell_unmade(r, err);
}

/* ---- of all metrics that are stored */

/* A plain metric has no definition: some of its rows show what it is. */
#define SAMPLE "(SELECT * FROM \"%w\" WHERE metric = m.metric LIMIT 1000)"
static const char stored_metrics[] =
	"SELECT metric, CASE WHEN job IS NOT NULL THEN definition ELSE json_object('dims', (SELECT "
	"json_group_array(key) FROM (SELECT DISTINCT j.key AS key FROM " SAMPLE
	" r, json_each(r.dims) j ORDER BY 1)), 'value', json((SELECT CASE WHEN count(value_count) "
	"> 0 THEN 'true' ELSE 'false' END FROM " SAMPLE
	")), 'uniq', json((SELECT CASE WHEN count(uniq) > 0 THEN 'true' ELSE 'false' END "
	"FROM " SAMPLE "))) END, %s, EXISTS " SAMPLE " FROM hta_metric m WHERE rollups = %Q";
static const char stored_columns[] =
	"(SELECT columns FROM \"%w\" WHERE metric = m.metric AND columns IS NOT NULL LIMIT 1)";

/* The columns of a row. */
static bool read_columns(struct slice text, struct metric_shape *shape, struct arena *arena)
{
	struct json j = { 0 };
	struct cell cell[COLUMNS_MAX];
	struct buf scratch = { 0 };
	struct column *column;
	bool good = true;

	shape->columns = 0;
	if (text.p) {
		text = arena_copy(arena, text);
		buf_room(&scratch, text.n);
		good = json_parse(&j, text, NULL) == 0 &&
		       cells_parse(&j, 0, cell, &shape->columns, &scratch, NULL) == 0;
	}
	column = arena_alloc(arena, (shape->columns + 1) * sizeof(*column));
	for (size_t i = 0; good && i < shape->columns; i++)
		column[i] = cell[i].column;
	shape->column = column;
	json_fini(&j);
	buf_fini(&scratch);
	return good;
}

struct stored_shapes {
	struct metric_shape *v;
	size_t n;
	struct arena arena;
};

static int take_shape(sqlite3_stmt *q, struct stored_shapes *all, struct err *err)
{
	struct metric_shape shape = { .name = arena_copy(&all->arena, sqlite_column(q, 0)) };

	/* without a row nobody knows what the measures keep; the first epoch will tell */
	if (!sqlite3_column_int(q, 3))
		return 0;
	if (metric_shape_read(&shape, sqlite_column(q, 1), &all->arena, err))
		return -1;
	if (!read_columns(sqlite_column(q, 2), &shape, &all->arena))
		return err_set(err, EX_DATAERR, "metric %.*s: columns that are none",
			       (int)shape.name.n, shape.name.p);
	all->v = mem_grow(all->v, all->n + 1, sizeof(*all->v));
	all->v[all->n++] = shape;
	return 0;
}

static enum sink_result read_shapes(struct sqlite *s, struct stored_shapes *all, struct err *err)
{
	char *columns = s->has_columns ? sqlite3_mprintf(stored_columns, s->table)
				       : sqlite3_mprintf("NULL");
	char *text = sqlite3_mprintf(stored_metrics, s->table, s->table, s->table, columns,
				     s->table, s->table);
	sqlite3_stmt *q = NULL;
	enum sink_result r = SINK_OK;
	int code = sqlite3_prepare_v2(s->db, text, -1, &q, NULL);

	while (code == SQLITE_OK && r == SINK_OK && (code = sqlite3_step(q)) == SQLITE_ROW) {
		r = take_shape(q, all, err) ? SINK_FATAL : SINK_OK;
		code = SQLITE_OK;
	}
	if (r == SINK_OK && code != SQLITE_DONE)
		r = sqlite_failed(s, err);
	sqlite3_finalize(q);
	sqlite3_free(text);
	sqlite3_free(columns);
	return r;
}

enum sink_result sqlite_views_all(struct sqlite *s, struct err *err)
{
	struct stored_shapes all = { 0 };
	enum sink_result r = read_shapes(s, &all, err);

	for (size_t i = 0; i < all.n && r == SINK_OK; i++)
		r = make_all(s, &all.v[i], err);
	free(all.v);
	arena_fini(&all.arena);
	return tell_unmade(r, err);
}

/* ---- of metrics that are gone */

static const char orphans[] =
	"SELECT group_concat(printf('DROP VIEW \"%%w\"', name), '; ') FROM sqlite_master WHERE "
	"type = 'view' AND CASE WHEN instr(sql, %Q) > 0 THEN json_extract(substr(sql, instr(sql, "
	"'/* hta {') + 7, instr(sql, '} */') - instr(sql, '/* hta {') - 6), '$.metric') NOT IN "
	"(SELECT metric FROM hta_metric WHERE rollups = %Q) END";

enum sink_result sqlite_views_prune(struct sqlite *s, struct err *err)
{
	struct buf mark = { 0 };
	sqlite3_stmt *q = NULL;
	char *text, *drop = NULL;
	enum sink_result r = SINK_OK;
	struct slice found;

	buf_addz(&mark, "/* ");
	metric_sql_mark(slice_z(s->table), slice_z(""), "", &mark);
	mark.n -= strlen("\"\",\"view\":\"\"}");
	text = sqlite3_mprintf(orphans, buf_z(&mark), s->table);
	if (sqlite3_prepare_v2(s->db, text, -1, &q, NULL) != SQLITE_OK ||
	    sqlite3_step(q) != SQLITE_ROW)
		r = sqlite_failed(s, err);
	else if ((found = sqlite_column(q, 0)).p)
		drop = mem_dup(found.p, found.n);
	sqlite3_finalize(q);
	sqlite3_free(text);
	buf_fini(&mark);
	if (drop && sqlite3_exec(s->db, drop, NULL, NULL, NULL) != SQLITE_OK)
		r = sqlite_failed(s, err);
	free(drop);
	return r;
}
