/* The program hta-gen: its options, and the loop that makes events: paced by the clock with
 * --rate, else as fast as the reader takes them. Events are counted on the page a batch at a time;
 * the clock is looked at before each event, which costs less than an event does. */
#include "app/gen.h"

#include <unistd.h>

#include "app/gen_fields.h"
#include "app/gen_main.h"
#include "base/num.h"
#include "base/tm.h"
#include "io/fd.h"
#include "tool/emitter.h"
#include "tool/prog.h"

enum { OUT_BYTES = 256 << 10, SCHEMA_MOST = 1 << 20, PACE_US = 2000, COUNT_EVERY = 256 };

struct gen_program {
	uint64_t count, rate, seed, keys;
	bool has_count, has_seconds;
	int schema;
	int64_t seconds_us, step_us, jitter_us;
	double zipf, hot_prob, late_prob, dup_prob, bad_prob;
	const char *start, *schema_file;
	struct gen_fields *fields; /* what it says */
};

static int set_gen_count(void *self, const char *value, struct err *err)
{
	struct gen_program *g = self;

	g->has_count = true;
	return num_count(value, &g->count, err);
}

/* Seconds, with or without a unit. */
static int set_gen_seconds(void *self, const char *value, struct err *err)
{
	struct gen_program *g = self;
	double s;

	g->has_seconds = true;
	if (num_real(value, &s, NULL) == 0 && s >= 0 && s < 1e12) {
		g->seconds_us = (int64_t)(s * 1e6);
		return 0;
	}
	return num_duration(value, &g->seconds_us, err);
}

static const char *const schemas[] = { "events", "orders", "views", NULL };
#define AT(member) offsetof(struct gen_program, member)

static const struct opt opts[] = {
	{ .letter = 'n',
	  .name = "count",
	  .type = OPT_CALL,
	  .arg = "N",
	  .call = set_gen_count,
	  .help = "how many events; default: until the reader leaves" },
	{ .name = "seconds",
	  .type = OPT_CALL,
	  .arg = "S",
	  .call = set_gen_seconds,
	  .help = "how many seconds of event time, instead of --count" },
	{ .name = "rate",
	  .type = OPT_COUNT,
	  .at = AT(rate),
	  .arg = "N",
	  .help = "N events a second of the clock; default: as fast as it goes",
	  .min = 1,
	  .max = 1e9 },
	{ .name = "step",
	  .type = OPT_DURATION,
	  .at = AT(step_us),
	  .arg = "DUR",
	  .def = "100us",
	  .help = "event time between two events, without --rate" },
	{ .name = "start",
	  .type = OPT_TEXT,
	  .at = AT(start),
	  .arg = "TIME",
	  .help = "time of the first event; default: now with --rate, else 2026-01-01T00:00:00Z" },
	{ .name = "schema",
	  .type = OPT_CHOICE,
	  .at = AT(schema),
	  .arg = "NAME",
	  .def = "events",
	  .choices = schemas,
	  .help = "events, orders or views" },
	{ .name = "schema-file",
	  .type = OPT_TEXT,
	  .at = AT(schema_file),
	  .arg = "FILE",
	  .help = "events of the fields that this file lists, in place of a schema" },
	{ .name = "seed",
	  .type = OPT_COUNT,
	  .at = AT(seed),
	  .arg = "N",
	  .def = "1",
	  .help = "same seed, flags and start: same bytes" },
	{ .name = "keys",
	  .type = OPT_COUNT,
	  .at = AT(keys),
	  .arg = "N",
	  .def = "10000",
	  .help = "number of customers",
	  .min = 1,
	  .max = 1e7 },
	{ .name = "zipf",
	  .type = OPT_REAL,
	  .at = AT(zipf),
	  .arg = "S",
	  .def = "1",
	  .help = "exponent of the customers' Zipf weights, 0: uniform",
	  .min = 0,
	  .max = 10 },
	{ .name = "hot-key-prob",
	  .type = OPT_PROBABILITY,
	  .at = AT(hot_prob),
	  .arg = "P",
	  .def = "0",
	  .help = "share of events of the one hot customer, c-00000" },
	{ .name = "jitter",
	  .type = OPT_DURATION,
	  .at = AT(jitter_us),
	  .arg = "DUR",
	  .def = "0",
	  .help = "event times lie up to this much back, at random" },
	{ .name = "late-prob",
	  .type = OPT_PROBABILITY,
	  .at = AT(late_prob),
	  .arg = "P",
	  .def = "0",
	  .help = "share of events 10 to 60 minutes back" },
	{ .name = "dup-prob",
	  .type = OPT_PROBABILITY,
	  .at = AT(dup_prob),
	  .arg = "P",
	  .def = "0",
	  .help = "share of lines that repeat one of the last 64" },
	{ .name = "bad-prob",
	  .type = OPT_PROBABILITY,
	  .at = AT(bad_prob),
	  .arg = "P",
	  .def = "0",
	  .help = "share of lines that are no valid event" },
	OPT_END,
};

static int read_text(const char *path, struct buf *out, struct err *err)
{
	int fd = fd_open(path, err);
	ssize_t n;

	if (fd < 0)
		return -1;
	do {
		n = read(fd, buf_room(out, 4096), 4096);
		out->n += n > 0 ? (size_t)n : 0;
	} while (n > 0 && out->n <= SCHEMA_MOST);
	if (n < 0)
		err_errno(err, EX_IOERR, "%s", path);
	else if (n > 0)
		err_set(err, EX_CONFIG, "%s: more than 1 MiB is no list of fields", path);
	close(fd);
	return n ? -1 : 0;
}

static int read_schema(struct gen_program *g, struct err *err)
{
	struct buf text = { 0 };
	int rc;

	if (!g->schema_file)
		return 0;
	if (prog_given("schema"))
		return err_set(err, EX_USAGE, "--schema and --schema-file exclude each other");
	rc = read_text(g->schema_file, &text, err);
	if (rc == 0 && !(g->fields = gen_fields_new(buf_slice(&text), err)))
		rc = err_in(err, "%s", g->schema_file);
	buf_fini(&text);
	return rc;
}

static int configure_gen(const struct gen_program *g, struct gen_conf *c, struct err *err)
{
	const char *start = g->start ? g->start : g->rate ? "now" : "2026-01-01T00:00:00Z";

	*c = (struct gen_conf){
		.schema = (enum gen_schema)g->schema,
		.fields = g->fields,
		.seed = g->seed,
		.keys = g->keys,
		.zipf = g->zipf,
		.hot_prob = g->hot_prob,
		.late_prob = g->late_prob,
		.dup_prob = g->dup_prob,
		.bad_prob = g->bad_prob,
		.jitter_us = g->jitter_us,
		.step_num = g->rate ? TM_S : g->step_us,
		.step_den = g->rate ? (int64_t)g->rate : 1,
	};
	if (g->has_count && g->has_seconds)
		return err_set(err, EX_USAGE, "--count and --seconds exclude each other");
	if (g->has_seconds && g->seconds_us && !c->step_num)
		return err_set(err, EX_USAGE, "--seconds would never end with --step 0");
	return tm_parse_human(start, tm_now_us(), &c->start_us, err) ? err_in(err, "--start") : 0;
}

/* Events that were written and are not on the page yet. */
struct made {
	struct counters *counters;
	uint64_t events, bytes;
};

static void count_made(struct made *m)
{
	counters_add(m->counters, COUNTER_RECORDS_IN, m->events);
	counters_add(m->counters, COUNTER_RECORDS_OUT, m->events);
	counters_add(m->counters, COUNTER_BYTES_IN, m->bytes);
	counters_add(m->counters, COUNTER_BYTES_OUT, m->bytes);
	counters_touch(m->counters);
	m->events = m->bytes = 0;
}

/* Waits until the event that is due then. */
static int keep_pace(struct emitter *e, struct made *m, int64_t due_us, struct err *err)
{
	if (due_us - tm_mono_us() < PACE_US)
		return 0;
	count_made(m);
	return emitter_pause(e, due_us, err);
}

static int write_event(struct gen *g, struct out *o, struct made *m, struct err *err)
{
	char *room = out_room(o, gen_room(g), err);
	size_t n;

	if (!room)
		return -1;
	n = gen_line(g, room);
	out_used(o, n);
	m->bytes += n;
	if (++m->events == COUNT_EVERY)
		count_made(m);
	return 0;
}

static int write_events(const struct gen_program *p, struct gen *g, int64_t start_us,
			struct emitter *e, struct err *err)
{
	struct made made = { .counters = emitter_counters(e) };
	struct out *o = emitter_out(e);
	int64_t zero = tm_mono_us() - start_us;

	for (uint64_t i = 0; !p->has_count || i < p->count; i++) {
		int64_t due = gen_next_us(g);

		if (p->has_seconds && due - start_us >= p->seconds_us)
			break;
		if (p->rate && keep_pace(e, &made, zero + due, err))
			return -1;
		if (write_event(g, o, &made, err))
			return -1;
	}
	count_made(&made);
	return out_flush(o, err);
}

static int run_gen(void *self, struct err *err)
{
	struct gen_program *p = self;
	struct emitter *e;
	struct gen_conf c;
	struct gen *g;
	int rc;

	if (read_schema(p, err) || configure_gen(p, &c, err))
		return -1;
	e = emitter_new(&(struct emitter_conf){ .out_bytes = OUT_BYTES });
	counters_detail(emitter_counters(e), p->fields ? p->schema_file : schemas[p->schema]);
	emitter_state(e, COUNTERS_RUNNING);
	g = gen_new(&c);
	rc = write_events(p, g, c.start_us, e, err);
	gen_free(g);
	emitter_end(e, rc, err);
	return rc;
}

int gen_main(int argc, char **argv)
{
	struct gen_program self = { 0 };
	static const struct prog prog = {
		.name = "hta-gen",
		.summary = "generate synthetic events",
		.synopsis = "[OPTIONS]",
		.opts = opts,
		.run = run_gen,
		.examples = "hta-gen --count 1e6 >events.ndjson\n"
			    "hta-gen --rate 1000 --seconds 10 | kcat -P -b kafka:9092 -t events",
	};

	int code = prog_main(&prog, &self, argc, argv);

	gen_fields_free(self.fields);
	return code;
}
