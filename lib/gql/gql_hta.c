#include "gql/gql_hta.h"

/* One resolver a member: TEXT quotes it, JSON writes it as it stands. */
#define MEMBER(object_type, give, member)                                                     \
	static void object_type##_##member(const struct gql_scope *scope, const void *object, \
					   struct gql_value *value)                           \
	{                                                                                     \
		(void)scope;                                                                  \
		give(value, ((const struct gql_##object_type *)object)->member);              \
	}

/* ---- Event ---- */

MEMBER(event, gql_text, event_id)
MEMBER(event, gql_text, event_type)
MEMBER(event, gql_text, user_id)
MEMBER(event, gql_text, topic)
MEMBER(event, gql_text, source)
MEMBER(event, gql_text, timestamp)
MEMBER(event, gql_json, payload)
MEMBER(event, gql_text, received_at)

static const struct gql_field event_fields[] = {
	{ "eventId", "ID!", NULL, event_event_id, "Unique within its topic." },
	{ "eventType", "String", NULL, event_event_type, NULL },
	{ "userId", "String", NULL, event_user_id, NULL },
	{ "topic", "String", NULL, event_topic, NULL },
	{ "source", "String", NULL, event_source, NULL },
	{ "timestamp", "DateTime", NULL, event_timestamp, "When it happened, as the sender says." },
	{ "payload", "JSON", NULL, event_payload, "A leaf: it is given as it was sent." },
	{ "receivedAt", "DateTime", NULL, event_received_at, "When it was taken in." },
	{ .name = NULL },
};

/* ---- Metric ---- */

MEMBER(metric, gql_text, name)
MEMBER(metric, gql_text, job)
MEMBER(metric, gql_text, window)
MEMBER(metric, gql_text, since)

static void dim_item(const struct gql_scope *scope, const void *list, size_t i,
		     struct gql_value *value)
{
	(void)scope;
	gql_text(value, ((const struct slice *)list)[i]);
}

static void metric_dims(const struct gql_scope *scope, const void *object, struct gql_value *value)
{
	const struct gql_metric *metric = object;

	(void)scope;
	value->form = GQL_LIST_OF;
	value->node = metric->dims;
	value->n = metric->n_dims;
	value->item = dim_item;
}

static const struct gql_field metric_fields[] = {
	{ "name", "String!", NULL, metric_name, NULL },
	{ "job", "String", NULL, metric_job, "The job that counts it." },
	{ "window", "String", NULL, metric_window, "Its window, such as 1m." },
	{ "dims", "[String!]!", NULL, metric_dims, "Names of its dimensions." },
	{ "since", "DateTime", NULL, metric_since, "Where its rows begin." },
	{ .name = NULL },
};

/* ---- Rollup ---- */

MEMBER(rollup, gql_text, metric)
MEMBER(rollup, gql_text, window_start)
MEMBER(rollup, gql_text, window_end)
MEMBER(rollup, gql_json, dims)
MEMBER(rollup, gql_json, count)
MEMBER(rollup, gql_text, sum)
MEMBER(rollup, gql_text, min)
MEMBER(rollup, gql_text, max)
MEMBER(rollup, gql_text, avg)
MEMBER(rollup, gql_json, uniques)
MEMBER(rollup, gql_bool, final)

static const struct gql_field rollup_fields[] = {
	{ "metric", "String!", NULL, rollup_metric, NULL },
	{ "windowStart", "DateTime!", NULL, rollup_window_start, NULL },
	{ "windowEnd", "DateTime!", NULL, rollup_window_end, "The first instant behind it." },
	{ "dims", "JSON!", NULL, rollup_dims, "An object: names and values of dimensions." },
	{ "count", "Long!", NULL, rollup_count, NULL },
	{ "sum", "Decimal", NULL, rollup_sum, NULL },
	{ "min", "Decimal", NULL, rollup_min, NULL },
	{ "max", "Decimal", NULL, rollup_max, NULL },
	{ "avg", "Decimal", NULL, rollup_avg, NULL },
	{ "uniques", "Long", NULL, rollup_uniques, "An estimate." },
	{ "final", "Boolean!", NULL, rollup_final, "No later event changes it." },
	{ .name = NULL },
};

/* ---- Query ---- */

#define BEFORE                                                             \
	{                                                                  \
		"before", "String", NULL, "A cursor: what came before it." \
	}
#define LIMIT(n)                                            \
	{                                                   \
		"limit", "Int", n, "Rows at most, to 1000." \
	}

static const struct gql_arg latest_args[] = { LIMIT("10"), BEFORE, { .name = NULL } };
static const struct gql_arg type_args[] = {
	{ "eventType", "String", NULL, "Null: any." },
	LIMIT("100"),
	BEFORE,
	{ .name = NULL },
};
static const struct gql_arg user_args[] = {
	{ "userId", "String", NULL, "Null: any." },
	LIMIT("100"),
	BEFORE,
	{ .name = NULL },
};
static const struct gql_arg event_args[] = { { .name = "eventId", .type = "ID!" },
					     { .name = NULL } };
static const struct gql_arg rollup_args[] = {
	{ .name = "metric", .type = "String!" },
	{ "from", "DateTime", NULL, "The first window begins here or later." },
	{ "to", "DateTime", NULL, "The last window begins before." },
	{ "dims", "JSON", NULL, "An object of exact values." },
	LIMIT("1000"),
	{ .name = NULL },
};

static const struct gql_field query_fields[] = {
	{ "latestEvents", "[Event!]!", latest_args, NULL, "Newest first, as they were taken in." },
	{ "eventsByType", "[Event!]!", type_args, NULL, "Those of one type, newest first." },
	{ "eventsByUser", "[Event!]!", user_args, NULL, "Those of one user, newest first." },
	{ "event", "Event", event_args, NULL, "The event of that id, or null." },
	{ "metrics", "[Metric!]!", NULL, NULL, "What is counted." },
	{ "rollups", "[Rollup!]!", rollup_args, NULL,
	  "Rows of a metric by window and dimensions." },
	{ .name = NULL },
};

static const struct gql_type types[] = {
	{ .name = "Query", .kind = GQL_OBJECT, .fields = query_fields },
	{ .name = "Event", .kind = GQL_OBJECT, .fields = event_fields, .doc = "An event." },
	{ .name = "Rollup",
	  .kind = GQL_OBJECT,
	  .fields = rollup_fields,
	  .doc = "What was counted in one window for one value of each dimension." },
	{ .name = "Metric",
	  .kind = GQL_OBJECT,
	  .fields = metric_fields,
	  .doc = "What is counted." },
	{ .name = "Int", .scalar = GQL_INT, .doc = "A whole number of 32 bits." },
	{ .name = "String", .scalar = GQL_STRING, .doc = "Text." },
	{ .name = "Boolean", .scalar = GQL_BOOLEAN, .doc = "true or false." },
	{ .name = "ID", .scalar = GQL_ID, .doc = "An identifier, a string in answers." },
	{ .name = "DateTime",
	  .scalar = GQL_TEXT,
	  .doc = "An instant of RFC 3339, as a string.",
	  .url = "https://www.rfc-editor.org/rfc/rfc3339" },
	{ .name = "JSON", .scalar = GQL_ANY, .doc = "Any JSON, a leaf." },
	{ .name = "Long",
	  .scalar = GQL_LONG,
	  .doc = "A whole number of 64 bits, as a number: beyond 2^53 JavaScript rounds it." },
	{ .name = "Decimal", .scalar = GQL_DECIMAL, .doc = "An exact decimal, as a string." },
	{ .name = NULL },
};

const struct gql_schema gql_hta = { .types = types, .query = "Query" };
