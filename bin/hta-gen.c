/* Synthetic events on standard output: paced by the clock with --rate, else as fast as the
 * reader takes them. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/tm.h"
#include "io/out.h"
#include "app/gen.h"
#include "tool/prog.h"

enum { OUT_BYTES = 256 << 10, PACE_US = 2000 };

struct gen_program {
	uint64_t count, rate, seed, keys;
	bool has_count;
	int schema;
	int64_t seconds_us, step_us, jitter_us;
	double zipf, hot_prob, late_prob, dup_prob, bad_prob;
	const char *start;
};

static int set_count(void *self, const char *value, struct err *err)
{
	struct gen_program *g = self;

	g->has_count = true;
	return num_count(value, &g->count, err);
}

/* Seconds, with or without a unit. */
static int set_seconds(void *self, const char *value, struct err *err)
{
	struct gen_program *g = self;
	double s;

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
	  .call = set_count,
	  .help = "how many events; default: until the reader leaves" },
	{ .name = "seconds",
	  .type = OPT_CALL,
	  .arg = "S",
	  .call = set_seconds,
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

static int configure(const struct gen_program *g, struct gen_conf *c, struct err *err)
{
	const char *start = g->start ? g->start : g->rate ? "now" : "2026-01-01T00:00:00Z";

	*c = (struct gen_conf){
		.schema = (enum gen_schema)g->schema,
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
	if (g->has_count && g->seconds_us)
		return err_set(err, EX_USAGE, "--count and --seconds exclude each other");
	if (g->seconds_us && !c->step_num)
		return err_set(err, EX_USAGE, "--seconds would never end with --step 0");
	return tm_parse_human(start, tm_now_us(), &c->start_us, err) ? err_in(err, "--start") : 0;
}

/* Waits until event time `due` on the clock that began at `zero`. */
static int pace(struct loop *l, struct out *o, int64_t due_us, struct err *err)
{
	if (due_us - tm_mono_us() < PACE_US)
		return 0;
	if (out_flush(o, err))
		return -1;
	while (tm_mono_us() < due_us)
		if (loop_turn(l, due_us, err) < 0)
			return -1;
	return 0;
}

static int produce(struct gen_program *p, struct gen *g, int64_t start_us, struct loop *l,
		   struct out *o, struct err *err)
{
	int64_t zero = tm_mono_us() - start_us;

	for (uint64_t i = 0; !p->has_count || i < p->count; i++) {
		int64_t due = gen_next_us(g);
		char *room;

		if (p->seconds_us && due - start_us >= p->seconds_us)
			break;
		if (p->rate && pace(l, o, zero + due, err))
			return -1;
		room = out_room(o, GEN_LINE_BYTES, err);
		if (!room)
			return -1;
		out_used(o, gen_line(g, room));
	}
	return out_flush(o, err);
}

static int run_gen(void *self, struct err *err)
{
	struct gen_program *p = self;
	struct gen_conf c;
	struct loop *l;
	struct out *o;
	struct gen *g;
	int rc;

	if (configure(p, &c, err))
		return -1;
	l = loop_new();
	o = out_new(l, STDOUT_FILENO, OUT_BYTES);
	g = gen_new(&c);
	out_watch_reader(o);
	rc = produce(p, g, c.start_us, l, o, err);
	if (rc && out_reader_left(o)) { /* as any filter ends */
		signal(SIGPIPE, SIG_DFL);
		raise(SIGPIPE);
	}
	gen_free(g);
	out_free(o);
	loop_free(l);
	return rc;
}

int main(int argc, char **argv)
{
	static struct gen_program self;
	static const struct prog prog = {
		.name = "hta-gen",
		.summary = "generate synthetic events",
		.synopsis = "[OPTIONS]",
		.opts = opts,
		.run = run_gen,
		.examples = "hta-gen --count 1e6 >events.ndjson\nhta-gen --rate 1000 --seconds 60 "
			    "| kcat -P -b localhost:9092 -t events",
	};

	return prog_main(&prog, &self, argc, argv);
}
