/* Reading what is stored. Rows are ClickHouse's; metrics and positions are where the sinks keep
 * them (?positions= in the URL, else HTA_POSITIONS), read before the rows: a position moves after
 * what it stands for is there, so rows are never older than the mark that they are final by. Where
 * nobody says where that is, metrics are those that have rows, those of jobs with none of them
 * final.
 *
 * They stand there under the name of a sink (--name). Each epoch writes it beside its marker, in a
 * row that is the same each time: merges make one of them, so it is found by the primary key,
 * however many markers there are. The default name is looked at too: older versions wrote none. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "drv/clickhouse/clickhouse_reader.h"
#include "read/stores.h"
#include "sink/sink_errors.h"

int clickhouse_answer_broken(const struct clickhouse *c, struct err *err)
{
	return err_set(err, EX_DATAERR, "%s: an answer is cut short", c->url.host);
}

static void reader_close(void *d)
{
	struct clickhouse_reader *r = d;

	if (!r)
		return;
	for (size_t i = 0; i < r->sinks; i++) {
		struct clickhouse_positions *p = &r->positions[i];

		if (p->store.d)
			p->store.driver->close(p->store.d);
		free(p->sink);
	}
	free(r->positions);
	clickhouse_driver.close(r->c);
	free(r);
}

/* Takes the name. */
static void add_sink(struct clickhouse_reader *r, char *name)
{
	for (size_t i = 0; i < r->sinks; i++)
		if (strcmp(r->positions[i].sink, name) == 0) {
			free(name);
			return;
		}
	r->positions = mem_grow(r->positions, r->sinks + 1, sizeof(*r->positions));
	r->positions[r->sinks++] = (struct clickhouse_positions){ .sink = name };
}

static int find_sinks(struct clickhouse_reader *r, struct err *err)
{
	struct rowbinary answer;
	int rc = sink_error_result(
		clickhouse_query(r->c, &answer, err,
				 "SELECT DISTINCT toString(metric) AS name FROM %s WHERE claim = "
				 "'" CLICKHOUSE_SINK "' ORDER BY name",
				 r->c->table),
		err);

	while (rc == 0 && rowbinary_more(&answer)) {
		struct slice name = rowbinary_get_text(&answer);

		if (answer.broken)
			return clickhouse_answer_broken(r->c, err);
		add_sink(r, mem_dup(name.p, name.n));
	}
	add_sink(r, mem_printf("%s:%s", clickhouse_driver.kind, r->conf.place));
	return rc;
}

static int open_positions(struct clickhouse_reader *r, struct err *err)
{
	const char *env = getenv("HTA_POSITIONS"), *where = r->c->url.positions
								    ? r->c->url.positions
							    : env && *env ? env
									  : NULL;
	const struct read_kind *kind = where && r->conf.stores
					       ? read_stores_kind(r->conf.stores, where)
					       : NULL;

	if (!kind)
		return 0;
	if (!kind->driver || kind->driver == &clickhouse_reader)
		return err_set(err, EX_CONFIG, "positions: they cannot be read from %s here",
			       kind->name);
	if (find_sinks(r, err))
		return -1;
	for (size_t i = 0; i < r->sinks; i++) {
		struct clickhouse_positions *p = &r->positions[i];

		p->conf = (struct sink_conf){ .where = where,
					      .where_env = true,
					      .place = p->sink,
					      .positions_only = true,
					      .read_for_us = r->conf.read_for_us,
					      .loop = r->conf.loop };
		p->store.driver = kind->driver;
		p->store.d = kind->driver->open(&p->conf, err);
		if (!p->store.d)
			return err_in(err, "positions");
	}
	return 0;
}

static void *reader_open(const struct sink_conf *conf, struct err *err)
{
	struct clickhouse_reader *r = mem_zalloc(sizeof(*r));

	r->conf = *conf;
	r->conf.name = "";
	r->c = clickhouse_driver.open(&r->conf, err);
	if (r->c)
		r->c->reads = true;
	if (r->c && sink_error_result(clickhouse_driver.connect(r->c, err), err) == 0 &&
	    open_positions(r, err) == 0)
		return r;
	reader_close(r);
	return NULL;
}

/* ---- metrics, positions */

/* Of the tables. What has final rows only is no job's to a reader: all of it is final. */
static int metrics_of_rows(struct clickhouse_reader *r, read_metric_fn *fn, void *arg,
			   struct err *err)
{
	struct clickhouse *c = r->c;
	struct rowbinary answer;
	int rc = sink_error_result(
		clickhouse_query(c, &answer, err,
				 "SELECT toString(metric) AS name, max(job) FROM (SELECT DISTINCT "
				 "metric, toString(job) AS job FROM %s WHERE claim = '' UNION ALL "
				 "SELECT DISTINCT metric, '' FROM %s) GROUP BY name ORDER BY name",
				 c->table, c->final),
		err);

	while (rc == 0 && rowbinary_more(&answer)) {
		struct read_metric m = { .name = rowbinary_get_text(&answer),
					 .cfg = slice_z(""),
					 .def = slice_z("{}"),
					 .since_us = POS_NONE };
		struct slice job = rowbinary_get_text(&answer);

		m.job = job.n ? job : slice(NULL, 0);
		rc = answer.broken ? clickhouse_answer_broken(c, err) : fn(arg, &m, err);
	}
	return rc;
}

struct known {
	read_metric_fn *fn;
	void *arg;
	struct buf names; /* each with a NUL behind */
};

static bool is_known(const struct known *k, struct slice name)
{
	size_t n;

	for (size_t at = 0; at < k->names.n; at += n + 1) {
		n = strlen(k->names.p + at);
		if (slice_eq(slice(k->names.p + at, n), name))
			return true;
	}
	return false;
}

static int note_metric(void *arg, const struct read_metric *m, struct err *err)
{
	struct known *k = arg;

	if (is_known(k, m->name))
		return 0;
	buf_adds(&k->names, m->name);
	buf_addc(&k->names, 0);
	return k->fn(k->arg, m, err);
}

static int add_unknown(void *arg, const struct read_metric *m, struct err *err)
{
	struct known *k = arg;

	return is_known(k, m->name) ? 0 : k->fn(k->arg, m, err);
}

/* Those of plain streams have rows only. */
static int reader_metrics(void *d, read_metric_fn *fn, void *arg, struct err *err)
{
	struct clickhouse_reader *r = d;
	struct known k = { .fn = fn, .arg = arg };
	int rc = 0;

	for (size_t i = 0; i < r->sinks && rc == 0; i++) {
		const struct read_store *store = &r->positions[i].store;

		rc = store->driver->metrics(store->d, note_metric, &k, err);
	}
	if (rc == 0)
		rc = metrics_of_rows(r, add_unknown, &k, err);
	buf_fini(&k.names);
	return rc;
}

static bool has_sink(const struct read_sinks *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->v[i].name, name) == 0)
			return true;
	return false;
}

/* Those of the job that are not there yet: most stores answer with all of the job's. */
static int add_sinks_of(const struct read_store *store, const char *job, struct read_sinks *out,
			struct err *err)
{
	struct read_sinks found = { 0 };
	int rc = store->driver->sinks(store->d, job, &found, err);

	for (size_t i = 0; i < found.n && rc == 0; i++)
		if (!has_sink(out, found.v[i].name)) {
			struct read_sink *s = read_sinks_add(out, found.v[i].name);

			free(s->name);
			*s = found.v[i];
			found.v[i] = (struct read_sink){ 0 };
		}
	read_sinks_fini(&found);
	return rc;
}

static int reader_sinks(void *d, const char *job, struct read_sinks *out, struct err *err)
{
	struct clickhouse_reader *r = d;
	int rc = 0;

	for (size_t i = 0; i < r->sinks && rc == 0; i++)
		rc = add_sinks_of(&r->positions[i].store, job, out, err);
	return rc;
}

/* Without a place no sink was looked for. */
static const char *reader_positions_missing(void *d)
{
	const struct clickhouse_reader *r = d;

	return r->sinks ? NULL
			: "the positions of this ClickHouse are kept in another store, and nobody "
			  "says where: set HTA_POSITIONS to the --positions of "
			  "hta-sink-clickhouse, or add ?positions=FILE|URL to the URL";
}

const struct read_driver clickhouse_reader = {
	.default_table = "events_agg",
	.open = reader_open,
	.close = reader_close,
	.metrics = reader_metrics,
	.sinks = reader_sinks,
	.positions_missing = reader_positions_missing,
	.newest = clickhouse_reader_newest,
	.rows = clickhouse_reader_rows,
	.letters = &clickhouse_letters,
	.events = &clickhouse_events,
};
