/* Views named as metrics (sink/metric_sql.h) in the schema of the rollups table, and a function
 * NAME_by that puts a metric's rows together by steps of time. Both are told from what others have
 * made by their comment, which ends in a hash of their text: where it is today's nothing is done.
 *
 * They are made behind the transaction that registers a metric, each metric's in one of its own,
 * under the lock of the schema: a job counts whether or not it can have a view. A new text replaces
 * the old one in place, so that grants stay; where its columns do not allow that, the view is
 * dropped first, which fails where another view stands on it. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "drv/pg/pg_internal.h"
#include "sink/metric_sql.h"

enum { HASH_CHARS = 16 };

#define BY_ARGUMENTS "(text, text, timestamptz, timestamptz)"

/* ---- what there is */

struct pg_view {
	struct slice metric;
	struct buf name, by;      /* names without quotes */
	struct buf view, body;    /* a select; the function's text */
	struct buf mark, by_mark; /* without the hash */
	char hash[HASH_CHARS + 1];
	char *schema;
	bool may_create;
	bool taken, by_taken; /* by others */
	bool there, by_there; /* ours */
	bool same;
};

static void view_fini(struct pg_view *v)
{
	buf_fini(&v->name);
	buf_fini(&v->by);
	buf_fini(&v->view);
	buf_fini(&v->body);
	buf_fini(&v->mark);
	buf_fini(&v->by_mark);
	free(v->schema);
}

static bool is_marked(struct slice comment, const struct buf *mark)
{
	return comment.n >= mark->n && memcmp(comment.p, mark->p, mark->n) == 0;
}

/* A relation or a type: a view is both. */
static const char look_up[] =
	"SELECT n.nspname, has_schema_privilege(n.oid, 'CREATE'), c.oid IS NOT NULL OR EXISTS "
	"(SELECT 1 FROM pg_type y WHERE y.typnamespace = n.oid AND y.typname = $2), c.relkind = "
	"'v', coalesce(obj_description(c.oid, 'pg_class'), ''), f.oid IS NOT NULL, "
	"coalesce(obj_description(f.oid, 'pg_proc'), '') FROM pg_class t JOIN pg_namespace n ON "
	"n.oid = t.relnamespace LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = $2 "
	"LEFT JOIN pg_proc f ON f.pronamespace = n.oid AND f.proname = $3 WHERE t.oid = "
	"to_regclass($1) ORDER BY left(obj_description(f.oid, 'pg_proc'), 5) = 'hta {' LIMIT 1";

static enum sink_result look_up_view(struct pg *p, struct pg_view *v, struct err *err)
{
	const char *value[] = { p->table, buf_z(&v->name), buf_z(&v->by) };
	PGresult *res;
	enum sink_result r = pg_query(p, &res, err, look_up, 3, value);
	struct slice comment;

	if (r != SINK_OK)
		return r;
	comment = slice_z(PQgetvalue(res, 0, 4));
	free(v->schema);
	v->schema = mem_strdup(PQgetvalue(res, 0, 0));
	v->may_create = *PQgetvalue(res, 0, 1) == 't';
	v->there = *PQgetvalue(res, 0, 3) == 't' && is_marked(comment, &v->mark);
	v->taken = *PQgetvalue(res, 0, 2) == 't' && !v->there;
	v->same = v->there && comment.n > HASH_CHARS &&
		  strcmp(comment.p + comment.n - HASH_CHARS, v->hash) == 0;
	v->by_there = is_marked(slice_z(PQgetvalue(res, 0, 6)), &v->by_mark);
	v->by_taken = *PQgetvalue(res, 0, 5) == 't' && !v->by_there;
	v->same = v->same && (v->by_there || v->by_taken || v->by.n > PG_NAME_BYTES);
	PQclear(res);
	return SINK_OK;
}

/* ---- texts */

static void fill_view(struct pg *p, const struct metric_shape *shape, struct pg_view *v)
{
	struct buf hex = { 0 };
	uint8_t hash[8];
	uint64_t h;

	v->metric = shape->name;
	buf_adds(&v->name, shape->name);
	buf_adds(&v->by, shape->name);
	buf_addz(&v->by, "_by");
	metric_sql_mark(slice_z(p->rollups), shape->name, "rows", &v->mark);
	metric_sql_mark(slice_z(p->rollups), shape->name, "by", &v->by_mark);
	pg_view_sql(p, shape, &v->view, &v->body);
	h = hash_64(v->view.p, v->view.n) ^ hash_64(v->body.p, v->body.n);
	for (int i = 0; i < 8; i++)
		hash[i] = (uint8_t)(h >> (8 * i));
	buf_hex(&hex, hash, sizeof(hash));
	memcpy(v->hash, buf_z(&hex), sizeof(v->hash));
	buf_fini(&hex);
}

static void put_name(const struct pg_view *v, const struct buf *name, struct buf *out)
{
	metric_sql_name(slice_z(v->schema), out);
	buf_addc(out, '.');
	metric_sql_name(buf_slice(name), out);
}

static void put_comment(struct pg *p, const struct buf *mark, const char *hash, struct buf *out)
{
	struct buf comment = { 0 };

	buf_adds(&comment, buf_slice(mark));
	buf_printf(&comment, " %s", hash);
	buf_addz(out, " IS ");
	pg_put_literal(p, buf_slice(&comment), out);
	buf_addz(out, "; ");
	buf_fini(&comment);
}

static void put_function(struct pg *p, const struct pg_view *v, struct buf *out)
{
	buf_addz(out, "CREATE OR REPLACE FUNCTION ");
	put_name(v, &v->by, out);
	buf_addz(out, "(step text, zone text DEFAULT 'UTC', since timestamptz DEFAULT '-infinity', "
		      "until timestamptz DEFAULT 'infinity') RETURNS SETOF ");
	put_name(v, &v->name, out);
	buf_addz(out, " LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS ");
	pg_put_literal(p, buf_slice(&v->body), out);
	buf_addz(out, "; COMMENT ON FUNCTION ");
	put_name(v, &v->by, out);
	buf_addz(out, BY_ARGUMENTS);
	put_comment(p, &v->by_mark, v->hash, out);
}

/* anew: what is there of ours goes first. */
static void put_script(struct pg *p, const struct pg_view *v, bool anew, struct buf *out)
{
	if (anew && v->by_there) {
		buf_addz(out, "DROP FUNCTION ");
		put_name(v, &v->by, out);
		buf_addz(out, BY_ARGUMENTS "; ");
	}
	if (anew && v->there) {
		buf_addz(out, "DROP VIEW ");
		put_name(v, &v->name, out);
		buf_addz(out, "; ");
	}
	buf_addz(out, "CREATE OR REPLACE VIEW ");
	put_name(v, &v->name, out);
	buf_addz(out, " AS ");
	buf_adds(out, buf_slice(&v->view));
	buf_addz(out, "; COMMENT ON VIEW ");
	put_name(v, &v->name, out);
	put_comment(p, &v->mark, v->hash, out);
	if (!v->by_taken && v->by.n <= PG_NAME_BYTES)
		put_function(p, v, out);
}

/* ---- making one */

/* False: there is none to be made, which is told. */
static bool may_make(struct pg *p, const struct pg_view *v)
{
	if (v->taken)
		log_warn("metric %.*s has no view: %s.%s is there and is not made by this program, "
			 "or is another table's: rename that and start once with --init, or give "
			 "the metric another name, or the table a schema (--table SCHEMA.NAME)",
			 (int)v->metric.n, v->metric.p, v->schema, v->name.p);
	else if (!v->may_create && !p->views_denied)
		log_info("metrics have no views: this role may not create in schema %s", v->schema);
	else if (v->by_taken && v->may_create)
		log_warn("metric %.*s has no function %s: there is one in schema %s that is not "
			 "made by this program: rename that and start once with --init",
			 (int)v->metric.n, v->metric.p, v->by.p, v->schema);
	p->views_denied |= !v->may_create;
	return !v->taken && v->may_create;
}

static enum sink_result try_making(struct pg *p, struct pg_view *v, bool anew, struct err *err)
{
	struct buf script = { 0 };
	enum sink_result r = pg_begin(p, PG_BEGIN, err);

	if (r == SINK_OK)
		r = pg_schema_lock(p, err);
	if (r == SINK_OK)
		r = look_up_view(p, v, err);
	if (r == SINK_OK && !v->same && may_make(p, v)) {
		put_script(p, v, anew, &script);
		r = pg_script(p, buf_z(&script), err);
	}
	if (r == SINK_OK)
		r = pg_script(p, "COMMIT", err);
	buf_fini(&script);
	return pg_rollback(p, r);
}

static enum sink_result make_view(struct pg *p, struct pg_view *v, struct err *err)
{
	static const char other_columns[] = "42P16";
	enum sink_result r = look_up_view(p, v, err);

	if (r != SINK_OK || v->same)
		return r;
	r = try_making(p, v, false, err);
	if (r == SINK_FATAL && strcmp(p->state, other_columns) == 0)
		r = try_making(p, v, true, err);
	if (r == SINK_OK || PQstatus(p->c) != CONNECTION_OK)
		return r;
	log_warn("metric %.*s has no view of today: %s", (int)v->metric.n, v->metric.p, err->msg);
	err->msg[0] = 0;
	return SINK_OK;
}

/* A job counts without views, too. */
static enum sink_result tell_unmade(const struct pg *p, enum sink_result r, struct err *err)
{
	if (r == SINK_OK || PQstatus(p->c) != CONNECTION_OK)
		return r;
	log_warn("views of metrics are not made: %s", err->msg);
	err->msg[0] = 0;
	return SINK_OK;
}

static enum sink_result make_for(struct pg *p, const struct metric_shape *shape, struct err *err)
{
	struct pg_view v = { 0 };
	enum sink_result r = SINK_OK;

	if (shape->name.n > PG_NAME_BYTES) {
		log_info("metric %.*s has no view: its name has more than %d bytes",
			 (int)shape->name.n, shape->name.p, PG_NAME_BYTES);
	} else if (shape->name.n >= 4 && strncasecmp(shape->name.p, "hta_", 4) == 0) {
		log_info("metric %.*s has no view: names that begin with hta_ are our tables'",
			 (int)shape->name.n, shape->name.p);
	} else {
		fill_view(p, shape, &v);
		r = make_view(p, &v, err);
		view_fini(&v);
	}
	return r;
}

enum sink_result pg_views_of(struct pg *p, const struct sink_metric *m, struct err *err)
{
	struct metric_shape shape = { .name = m->name, .column = m->column, .columns = m->columns };
	struct arena arena = { 0 };
	enum sink_result r = SINK_FATAL;

	if (metric_shape_read(&shape, m->shape, &arena, err) == 0)
		r = make_for(p, &shape, err);
	arena_fini(&arena);
	return tell_unmade(p, r, err);
}

/* ---- of all metrics that are stored */

/* A plain metric has no definition: some of its rows show what it is. */
#define SAMPLE "(SELECT * FROM %1$s WHERE metric = m.metric LIMIT 1000) r"
static const char stored_metrics[] =
	"SELECT metric, CASE WHEN job IS NOT NULL THEN definition ELSE jsonb_build_object('dims', "
	"coalesce((SELECT jsonb_agg(DISTINCT k) FROM " SAMPLE
	", jsonb_object_keys(r.dims) k), '[]'), 'value', EXISTS (SELECT 1 FROM " SAMPLE
	" WHERE value_count IS NOT NULL), 'uniq', EXISTS (SELECT 1 FROM " SAMPLE
	" WHERE uniq IS NOT NULL)) END, to_jsonb(m)->>'columns' FROM hta_metric m WHERE rollups = "
	"$1";

static enum sink_result make_stored(struct pg *p, const PGresult *res, int row, struct err *err)
{
	struct metric_shape shape = { .name = slice_z(PQgetvalue(res, row, 0)) };
	struct column column[COLUMNS_MAX];
	struct json j = { 0 };
	struct arena arena = { 0 };
	struct slice columns = slice_z(PQgetvalue(res, row, 2));
	enum sink_result r = SINK_FATAL;

	shape.column = column;
	if (metric_shape_read(&shape, slice_z(PQgetvalue(res, row, 1)), &arena, err) == 0 &&
	    (!columns.n || (json_parse(&j, columns, err) == 0 &&
			    columns_parse(&j, 0, column, &shape.columns, err) == 0)))
		r = make_for(p, &shape, err);
	json_fini(&j);
	arena_fini(&arena);
	return r;
}

enum sink_result pg_views_all(struct pg *p, struct err *err)
{
	const char *value[] = { p->rollups };
	char *text = mem_printf(stored_metrics, p->table);
	PGresult *res;
	enum sink_result r = pg_query(p, &res, err, text, 1, value);

	free(text);
	if (r != SINK_OK)
		return tell_unmade(p, r, err);
	for (int i = 0; i < PQntuples(res) && r == SINK_OK; i++)
		r = tell_unmade(p, make_stored(p, res, i, err), err);
	PQclear(res);
	return r;
}

/* ---- of metrics that are gone */

#define ORPHAN                                                                             \
	"d.objsubid = 0 AND CASE WHEN left(d.description, length($2)) = $2 THEN "          \
	"substr(d.description, 5, length(d.description) - 21)::jsonb ->> 'metric' NOT IN " \
	"(SELECT metric FROM hta_metric WHERE rollups = $1) ELSE false END"

static const char orphans[] =
	"SELECT string_agg(x, '; ' ORDER BY x) FROM (SELECT 'DROP FUNCTION ' || "
	"d.objoid::regprocedure AS x FROM pg_description d JOIN pg_proc c ON c.oid = d.objoid JOIN "
	"pg_class t ON t.relnamespace = c.pronamespace WHERE t.oid = to_regclass($3) AND "
	"d.classoid = 'pg_proc'::regclass AND " ORPHAN
	" UNION ALL SELECT 'DROP VIEW ' || d.objoid::regclass FROM pg_description d JOIN pg_class "
	"c ON c.oid = d.objoid JOIN pg_class t ON t.relnamespace = c.relnamespace WHERE t.oid = "
	"to_regclass($3) AND d.classoid = 'pg_class'::regclass AND " ORPHAN ") x";

enum sink_result pg_views_prune(struct pg *p, struct err *err)
{
	struct buf mark = { 0 };
	const char *value[] = { p->rollups, NULL, p->table };
	PGresult *res;
	enum sink_result r;

	metric_sql_mark(slice_z(p->rollups), slice_z(""), "", &mark);
	mark.n -= strlen("\"\",\"view\":\"\"}");
	value[1] = buf_z(&mark);
	r = pg_query(p, &res, err, orphans, 3, value);
	buf_fini(&mark);
	if (r == SINK_OK) {
		if (!PQgetisnull(res, 0, 0))
			r = pg_script(p, PQgetvalue(res, 0, 0), err);
		PQclear(res);
	}
	if (r == SINK_OK || PQstatus(p->c) != CONNECTION_OK)
		return r;
	log_warn("views of metrics that are gone stay: %s", err->msg);
	err->msg[0] = 0;
	return SINK_OK;
}
