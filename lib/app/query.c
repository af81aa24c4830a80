#include "app/query.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/tm.h"
#include "app/query_internal.h"
#include "read/grid.h"
#include "tool/prog.h"

enum { TERMINAL_ROWS = 40, OUT_BYTES = 256 << 10 };

uint64_t query_limit(const struct query *q)
{
	return q->has_n ? q->n : isatty(STDOUT_FILENO) ? TERMINAL_ROWS : 0;
}

int query_put(struct query *q, struct buf *text, struct err *err)
{
	int rc = out_write(q->out, text->p, text->n, err);

	text->n = 0;
	return rc;
}

/* ---- which store */

struct kind {
	const struct read_driver *driver;
	const char *name, *configure;
};

static bool starts(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* libpq's key=value form. */
static bool is_conninfo(const char *text)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz_");
	const char *eq = text + n + strspn(text + n, " ");

	return n && *eq == '=';
}

static struct kind kind_of(const struct query_program *p, const char *store)
{
	if (!store || starts(store, "postgres://") || starts(store, "postgresql://") ||
	    is_conninfo(store))
		return (struct kind){ p->pg, "Postgres", "pg" };
	if (starts(store, "redis://") || starts(store, "rediss://") || starts(store, "unix://"))
		return (struct kind){ p->redis, "Redis", "redis" };
	return (struct kind){ p->sqlite, "SQLite", "sqlite" };
}

static bool has_pg_environment(void)
{
	static const char *const name[] = { "PGHOST",     "PGHOSTADDR", "PGPORT",
					    "PGDATABASE", "PGUSER",     "PGSERVICE" };
	const char *value;

	for (size_t i = 0; i < sizeof(name) / sizeof(*name); i++)
		if ((value = getenv(name[i])) && *value)
			return true;
	return false;
}

static int choose_store(struct query *q, struct err *err)
{
	const char *env = getenv("HTA_STORE");
	struct kind k;

	q->conf.where = q->store ? q->store : env && *env ? env : NULL;
	q->conf.where_env = !q->store;
	if (!q->conf.where && !has_pg_environment())
		return err_set(err, EX_USAGE,
			       "which store? -d postgres://HOST/DATABASE, -d redis://HOST or -d "
			       "FILE (HTA_STORE and PGHOST, PGSERVICE .. do as well)");
	k = kind_of(q->program, q->conf.where);
	if (!k.driver)
		return err_set(err, EX_CONFIG,
			       "this hta-query was built without %s (configure --with-%s)", k.name,
			       k.configure);
	q->driver = k.driver;
	q->conf.table = q->table ? q->table : k.driver->default_table;
	q->conf.loop = q->loop = loop_new();
	q->d = k.driver->open(&q->conf, err);
	return q->d ? 0 : -1;
}

/* ---- commands */

static int run_latest(struct query *q, struct err *err)
{
	return query_latest(q, false, err);
}

static int run_top(struct query *q, struct err *err)
{
	return query_latest(q, true, err);
}

static const struct command {
	const char *name, *operand; /* operand NULL: none */
	int (*run)(struct query *q, struct err *err);
	bool rows;
} commands[] = {
	{ "latest", "METRIC", run_latest, true },
	{ "history", "METRIC", query_history, true },
	{ "top", "METRIC", run_top, true },
	{ "metrics", NULL, query_metrics, false },
	{ "positions", "JOB", query_positions, false },
};
enum { COMMANDS = sizeof(commands) / sizeof(*commands) };

static int say_command(const char *word, struct err *err)
{
	const char *name[COMMANDS + 1] = { NULL }, *nearest;

	for (size_t i = 0; i < COMMANDS; i++)
		name[i] = commands[i].name;
	if (!word)
		return err_set(err, EX_USAGE,
			       "what? latest METRIC, history METRIC, top METRIC, metrics or "
			       "positions JOB");
	nearest = str_nearest(word, name);
	return err_set(err, EX_USAGE,
		       "there is no command \"%s\"%s%s%s: latest, history, top, metrics, positions",
		       word, nearest ? " (did you mean \"" : "", nearest ? nearest : "",
		       nearest ? "\"?)" : "");
}

static int check_command(const struct query *q, const struct command *c, struct err *err)
{
	if (c->operand && !q->operand)
		return err_set(err, EX_USAGE, "%s which? hta-query %s %s", c->name, c->name,
			       c->operand);
	if (!c->operand && q->operand)
		return err_set(err, EX_USAGE, "%s takes no operand, \"%s\" is one too many",
			       c->name, q->operand);
	if (!c->rows && (q->filters || q->has_by || q->plot || q->has_n || q->since || q->until))
		return err_set(err, EX_USAGE,
			       "--dim, --by, -n, --plot, --since and --until are for rows: latest, "
			       "history, top");
	if ((q->log.brokers || q->log.settings) && strcmp(c->name, "positions") != 0)
		return err_set(err, EX_USAGE, "-b, -X and -F are for positions: the log's end");
	if (q->plot && q->format == QUERY_JSON)
		return err_set(err, EX_USAGE, "--plot and --format json exclude each other");
	if (q->has_n && q->n == 0)
		return err_set(err, EX_USAGE, "-n is at least 1");
	return 0;
}

static int run_query(void *self, struct err *err)
{
	struct query *q = self;
	const struct command *c = NULL;
	bool tty = isatty(STDOUT_FILENO);

	for (size_t i = 0; i < COMMANDS && q->command; i++)
		if (strcmp(commands[i].name, q->command) == 0)
			c = &commands[i];
	if (!c)
		return say_command(q->command, err);
	if (check_command(q, c, err))
		return -1;
	q->now_us = tm_now_us();
	q->json = !q->plot && (q->format == QUERY_JSON || (q->format == QUERY_AUTO && !tty));
	q->utf8 = grid_utf8();
	q->width = tty ? grid_width(STDOUT_FILENO) : 0;
	q->out = out_new(NULL, STDOUT_FILENO, OUT_BYTES);
	if (choose_store(q, err))
		return -1;
	return c->run(q, err) || out_flush(q->out, err) ? -1 : 0;
}

/* ---- options */

static int add_filter(void *self, const char *value, struct err *err)
{
	return query_filter_add(self, value, err);
}

static void add_key(struct query *q, struct slice key)
{
	size_t at = 0;

	if (key.n > 1 && key.p[0] == '.')
		key = slice(key.p + 1, key.n - 1);
	while (at < q->n_by && slice_cmp(q->by[at], key) < 0)
		at++;
	if (at < q->n_by && slice_eq(q->by[at], key))
		return;
	q->by = mem_grow(q->by, q->n_by + 1, sizeof(*q->by));
	memmove(q->by + at + 1, q->by + at, (q->n_by - at) * sizeof(*q->by));
	q->by[at] = key;
	q->n_by++;
}

static int add_by(void *self, const char *value, struct err *err)
{
	struct query *q = self;

	q->has_by = true;
	for (const char *p = value; *value;) {
		size_t n = strcspn(p, ",");

		if (n == 0)
			return err_set(err, EX_USAGE, "\"%s\": a name is missing", value);
		add_key(q, slice(p, n));
		if (!p[n])
			break;
		p += n + 1;
	}
	return 0;
}

static int set_n(void *self, const char *value, struct err *err)
{
	struct query *q = self;

	q->has_n = true;
	return num_count(value, &q->n, err);
}

static int add_setting(struct query *q, bool file, const char *value)
{
	q->setting = mem_grow(q->setting, q->log.settings + 1, sizeof(*q->setting));
	q->setting[q->log.settings++] = (struct read_setting){ .file = file, .text = value };
	q->log.setting = q->setting;
	return 0;
}

static int add_property(void *self, const char *value, struct err *err)
{
	(void)err;
	return add_setting(self, false, value);
}

static int add_file(void *self, const char *value, struct err *err)
{
	(void)err;
	return add_setting(self, true, value);
}

static int take_operand(void *self, const char *operand, struct err *err)
{
	struct query *q = self;

	if (q->operand)
		return err_set(err, EX_USAGE, "\"%s\" is one operand too many", operand);
	*(q->command ? &q->operand : &q->command) = operand;
	return 0;
}

static const char *const formats[] = {
	[QUERY_AUTO] = "auto",
	[QUERY_TABLE] = "table",
	[QUERY_JSON] = "json",
	NULL,
};

#define AT(member) .at = offsetof(struct query, member)
static const struct opt opts[] = {
	{ .letter = 'd',
	  .name = "store",
	  .type = OPT_TEXT,
	  AT(store),
	  .arg = "URL|FILE",
	  .help = "postgres://, redis:// or a SQLite file; else $HTA_STORE, else libpq's PG*" },
	{ .name = "dim",
	  .type = OPT_CALL,
	  .call = add_filter,
	  .arg = "KEY=VALUE",
	  .help = "only rows with this dimension; may repeat: all keys, one of a key's values" },
	{ .name = "by",
	  .type = OPT_CALL,
	  .call = add_by,
	  .empty = true,
	  .arg = "KEY,...",
	  .help = "add up all other dimensions" },
	{ .letter = 'n',
	  .name = "rows",
	  .type = OPT_CALL,
	  .call = set_n,
	  .arg = "N",
	  .help = "how many rows; default: all, on a terminal 40" },
	{ .name = "since",
	  .type = OPT_TEXT,
	  AT(since),
	  .arg = "TIME",
	  .help = "history: windows that start at this time or later; default: a day before the "
		  "newest" },
	{ .name = "until",
	  .type = OPT_TEXT,
	  AT(until),
	  .arg = "TIME",
	  .help = "history: windows that start before this time; default: those that have begun" },
	{ .name = "plot",
	  .type = OPT_FLAG,
	  AT(plot),
	  .help = "draw counts: bars, of a history a line a series" },
	{ .name = "format",
	  .type = OPT_CHOICE,
	  AT(format),
	  .arg = "FORMAT",
	  .def = "auto",
	  .choices = formats,
	  .help = "auto: a table on a terminal, else JSON, a row a line" },
	{ .name = "no-sketch",
	  .type = OPT_FLAG,
	  AT(no_sketch),
	  .help = "leave uniq_sketch and columns out of JSON" },
	{ .name = "table",
	  .type = OPT_TEXT,
	  AT(table),
	  .arg = "NAME",
	  .help = "table of the rollups, if it is not hta_rollups" },
	{ .name = "prefix",
	  .type = OPT_TEXT,
	  AT(table),
	  .arg = "NAME",
	  .help = "the same for Redis: prefix of the keys, if it is not hta" },
	{ .letter = 'b',
	  .name = "brokers",
	  .type = OPT_TEXT,
	  AT(log.brokers),
	  .arg = "HOST:PORT,...",
	  .help = "positions: compare with the log's end" },
	{ .letter = 'X',
	  .name = "property",
	  .type = OPT_CALL,
	  .call = add_property,
	  .arg = "NAME=VALUE|NAME=@FILE",
	  .help = "setting of the client library, may repeat" },
	{ .letter = 'F',
	  .name = "config-file",
	  .type = OPT_CALL,
	  .call = add_file,
	  .arg = "FILE",
	  .help = "file of such settings, NAME=VALUE a line" },
	OPT_END,
};

static void query_fini(struct query *q)
{
	if (q->driver)
		q->driver->close(q->d);
	loop_free(q->loop);
	out_free(q->out);
	for (size_t i = 0; i < q->filters; i++)
		buf_fini(&q->filter[i].number);
	free(q->filter);
	free(q->by);
	free(q->setting);
}

int query_main(const struct query_program *program, int argc, char **argv)
{
	struct query q = { .program = program };
	const struct prog prog = {
		.name = "hta-query",
		.summary = "show stored rollups: latest, history, top",
		.synopsis = "[OPTIONS] latest|history|top METRIC | metrics | positions JOB",
		.opts = opts,
		.operand = take_operand,
		.run = run_query,
		.examples = "hta-query -d rollups.db latest events --by endpoint\n"
			    "hta-query -d postgres://db/rollups history events --since -2h --dim "
			    "status=500 --plot\n"
			    "hta-query -d rollups.db positions web",
	};
	int code = prog_main(&prog, &q, argc, argv);

	query_fini(&q);
	return code;
}
