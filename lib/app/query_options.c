/* The options of hta-query. What is given more than once (--dim, -X, -F) is kept in the order of
 * the command line; whether options go with the command is checked in query.c, when all of them
 * are known. */
#include "base/num.h"
#include "app/query_internal.h"
#include "read/store_options.h"

static int add_filter(void *self, const char *value, struct err *err)
{
	struct query *q = self;

	return dims_filter_add(&q->filter, value, err);
}

static int add_by(void *self, const char *value, struct err *err)
{
	struct query *q = self;

	return dims_filter_by(&q->filter, value, err);
}

static int add_ratio(void *self, const char *value, struct err *err)
{
	struct query *q = self;

	return ratios_add(&q->ratios, value, err);
}

static int set_n(void *self, const char *value, struct err *err)
{
	struct query *q = self;

	q->has_n = true;
	return num_count(value, &q->n, err);
}

static const char *const formats[] = {
	[QUERY_AUTO] = "auto",
	[QUERY_TABLE] = "table",
	[QUERY_JSON] = "json",
	NULL,
};

#define AT(member) .at = offsetof(struct query, member)
const struct opt query_options[] = {
	STORE_OPT(struct query, where, STORES_ANY),
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
	{ .name = "limit",
	  .type = OPT_CALL,
	  .call = set_n,
	  .arg = "N",
	  .help = "events: how many; the same as -n" },
	{ .name = "since",
	  .type = OPT_TEXT,
	  AT(since),
	  .arg = "TIME",
	  .help = "history: windows that start at this time or later; default: a day before the "
		  "newest; events: of this time or later" },
	{ .name = "until",
	  .type = OPT_TEXT,
	  AT(until),
	  .arg = "TIME",
	  .help = "history: windows that start before this time; default: those that have begun; "
		  "events: before this time" },
	{ .name = "topic",
	  .type = OPT_TEXT,
	  AT(event_topic),
	  .arg = "NAME",
	  .help = "events: of this topic" },
	{ .name = "type",
	  .type = OPT_TEXT,
	  AT(event_type),
	  .arg = "NAME",
	  .help = "events: of this event_type" },
	{ .name = "user",
	  .type = OPT_TEXT,
	  AT(event_user),
	  .arg = "NAME",
	  .help = "events: of this user_id" },
	{ .name = "source",
	  .type = OPT_TEXT,
	  AT(event_source),
	  .arg = "NAME",
	  .help = "events: of this source" },
	{ .name = "after",
	  .type = OPT_TEXT,
	  AT(after),
	  .arg = "CURSOR",
	  .help = "events: go on behind this one; the cursor is told where there are more" },
	{ .name = "meta",
	  .type = OPT_FLAG,
	  AT(meta),
	  .help = "events: with topic, partition, offset, cursor and the columns, in JSON around "
		  "the record" },
	{ .name = "step",
	  .type = OPT_CHOICE,
	  AT(step),
	  .arg = "STEP",
	  .def = "none",
	  .choices = step_names,
	  .help = "history: add up windows: 1h and 1d in UTC; day, week, month of --zone" },
	{ .name = "zone",
	  .type = OPT_TEXT,
	  AT(zone_text),
	  .arg = "NAME",
	  .help = "time zone of --step, Europe/Berlin or +01:00; default: UTC" },
	{ .name = "final",
	  .type = OPT_FLAG,
	  AT(final),
	  .help = "only windows, or steps, that nothing more comes for" },
	{ .name = "fill",
	  .type = OPT_FLAG,
	  AT(fill),
	  .help = "history: add what is missing: 0 in final windows, unknown in others" },
	{ .name = "ratio",
	  .type = OPT_CALL,
	  .call = add_ratio,
	  .arg = "NAME/NAME",
	  .help = "compute a column: errors/requests, sum/value_count; may repeat" },
	{ .name = "plot",
	  .type = OPT_FLAG,
	  AT(plot),
	  .help = "draw counts: bars, of a history a line a series" },
	{ .name = "watch",
	  .type = OPT_FLAG,
	  AT(watch),
	  .help = "latest, top: paint the terminal each second, with the course of the last "
		  "windows" },
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
	STORE_PLACE_OPTS(struct query, table, ""),
	CLUSTER_BROKERS_OPT(struct query, cluster, "positions: compare with the log's end"),
	CLUSTER_SETTINGS_OPTS(struct query, cluster, "NAME=VALUE|NAME=@FILE", cluster_add_property),
	OPT_END,
};
