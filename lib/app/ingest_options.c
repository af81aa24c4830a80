#include "app/ingest_internal.h"

#include "base/num.h"
#include "base/tm.h"

enum { ACK_S = 5 };

static int add_route(void *self, const char *value, struct err *err)
{
	struct ingest_conf *c = self;

	if (c->n_routes == INGEST_ROUTES)
		return err_set(err, EX_USAGE, "more than %d of them", INGEST_ROUTES);
	c->routes[c->n_routes++] = value;
	return 0;
}

static int set_log_dir(void *self, const char *value, struct err *err)
{
	struct ingest_conf *c = self;

	if (c->log)
		return err_set(err, EX_USAGE, "a second folder");
	c->log = value;
	return 0;
}

static int set_cut_at(void *self, const char *value, struct err *err)
{
	uint64_t offset;

	if (num_count(value, &offset, err))
		return -1;
	((struct ingest_conf *)self)->cut_at = (int64_t)offset;
	return 0;
}

static int set_gap(void *self, const char *value, struct err *err)
{
	if (strcmp(value, "skip") != 0)
		return err_set(err, EX_USAGE, "\"%s\": it only knows skip", value);
	((struct ingest_conf *)self)->on_gap_skip = true;
	return 0;
}

static int set_ack(void *self, const char *value, struct err *err)
{
	static const char sinks[] = "sinks";
	struct ingest_conf *c = self;
	size_t n = sizeof(sinks) - 1;

	if (strncmp(value, sinks, n) != 0 || (value[n] && value[n] != '='))
		return err_set(err, EX_USAGE, "\"%s\": say sinks, or sinks=5s", value);
	c->ack_us = ACK_S * TM_S;
	if (value[n] && num_duration(value + n + 1, &c->ack_us, err))
		return -1;
	return c->ack_us >= TM_S && c->ack_us <= INGEST_WAIT_MOST_S * TM_S
		       ? 0
		       : err_set(err, EX_USAGE, "\"%s\": 1s to %ds", value, INGEST_WAIT_MOST_S);
}

#define AT(member) .at = offsetof(struct ingest_conf, member)
#define LIST(option, fn, what, text)                                                    \
	{                                                                               \
		.name = option, .type = OPT_CALL, .call = fn, .arg = what, .help = text \
	}
#define LIMIT(option, kind, member, what, value, least, most, text)                                \
	{                                                                                          \
		.name = option, .type = kind, AT(member), .arg = what, .def = value, .min = least, \
		.max = most, .help = text                                                          \
	}

const struct opt ingest_opts[] = {
	HTTP_PROGRAM_LISTEN_OPT(struct ingest_conf, http),
	{ .name = "log",
	  .type = OPT_CALL,
	  .call = set_log_dir,
	  .arg = "DIR",
	  .beside = true,
	  .help = "folder of the log that events are appended to; made where it is missing" },
	{ .name = "only-log",
	  .type = OPT_FLAG,
	  AT(only_log),
	  .help = "write the log and no stream: hta-consume --log DIR reads it" },
	{ .name = "volatile",
	  .type = OPT_FLAG,
	  AT(is_volatile),
	  .help = "keep no log: a plain stream of what was taken, and every answer says that it is "
		  "not durable" },
	{ .name = "topic",
	  .type = OPT_TEXT,
	  AT(topic),
	  .arg = "TOPIC",
	  .def = "events",
	  .help = "of the log, and of events without a topic" },
	LIST("route", add_route, "PATH=TOPIC:SCHEMA",
	     "an endpoint of events that a JSON Schema judges, a file or a name that comes with "
	     "this program; may repeat"),
	HTTP_PROGRAM_KEYS_OPTS(struct ingest_conf, http),
	HTTP_PROGRAM_TLS_OPTS(struct ingest_conf, http),
	LIMIT("max-body", OPT_BYTES, max_body, "BYTES", "16m", 1024, 1 << 30,
	      "longest body of a request, as it comes and unpacked"),
	LIMIT("max-events", OPT_COUNT, max_events, "N", "10000", 1, 1000000,
	      "most events of a request"),
	LIMIT("max-event", OPT_BYTES, max_event, "BYTES", "1m", 256, 16 << 20, "longest event"),
	LIMIT("max-ahead", OPT_DURATION, max_ahead_us, "DUR", "1h", 1, 1e15,
	      "how far ahead of the clock a timestamp may be"),
	HTTP_PROGRAM_LIMIT_OPTS(struct ingest_conf, http),
	LIMIT("dedup", OPT_DURATION, dedup_us, "DUR", "1h", 1e6, 1e13,
	      "how long an event_id is remembered, at least"),
	LIMIT("dedup-ids", OPT_COUNT, dedup_ids, "N", "1000000", 1, 1e9,
	      "how many are remembered, at most"),
	LIMIT("keep", OPT_DURATION, keep_us, "DUR", "1h", 0, 0,
	      "how long the log is kept, though all readers have passed it"),
	LIMIT("log-bytes", OPT_BYTES, log_bytes, "BYTES", "10g", 1 << 20, 1e15,
	      "longest log: beyond it, events are refused with 503"),
	{ .name = "ack",
	  .type = OPT_CALL,
	  .call = set_ack,
	  .arg = "sinks[=DUR]",
	  .help = "answer when the sinks have stored it, or after so long (5s), as Prefer: wait "
		  "asks for; else when it is durable here" },
	LIMIT("max-lag", OPT_DURATION, max_lag_us, "DUR", NULL, 1e6, 1e13,
	      "refuse events with 503 while the pipeline is further behind"),
	{ .name = "openapi",
	  .type = OPT_FLAG,
	  AT(openapi),
	  .help = "print the document of the endpoints (OpenAPI 3.1), and leave" },
	LIST("cut-at", set_cut_at, "OFFSET",
	     "consent to cut a damaged log there; what is cut off is kept in DIR"),
	{ .name = "drain",
	  .type = OPT_DURATION,
	  AT(http.drain_us),
	  .arg = "DUR",
	  .help = "how long requests may take after the first signal (default 10s); with a "
		  "pipeline: and what is under way below (default 60s)",
	  .min = 1e3,
	  .max = 86400e6 },
	LIMIT("job", OPT_TEXT, job, "NAME", "ingest", 0, 0,
	      "the job that the positions of the pipeline belong to"),
	LIMIT("epoch", OPT_DURATION, epoch_us, "DUR", "1s", 1e3, 3600e6,
	      "time between two barriers"),
	LIMIT("epoch-records", OPT_COUNT, epoch_records, "N", "1e6", 1, 1e12,
	      "records between two barriers at most"),
	{ .name = "on-gap",
	  .type = OPT_CALL,
	  .call = set_gap,
	  .arg = "skip",
	  .help = "go on where records were deleted before they were read; they are booked as "
		  "lost" },
	DEAD_OPTS(struct ingest_conf, dead),
	OPT_END,
};
