/* Ranges of final rows over a reader that is an array: what lies between two positions, the
 * metric's `since`, and where it is enough. */
#include "read/final_rows.h"

#include "base/tm.h"
#include "tap.h"

/* Windows of a minute, in the order of a store: by start, rows in any order. */
static const struct {
	int64_t start_s;
	uint8_t key;
} stored[] = { { 0, 2 }, { 0, 1 }, { 60, 3 }, { 120, 9 }, { 120, 8 }, { 120, 7 }, { 180, 4 } };

static int64_t asked_from_us;
static const char *definition = "{\"every\":\"1m\",\"time\":\"ts\",\"by\":[]}";

static int give_stored(void *d, const struct read_range *range, read_row_fn *fn, void *arg,
		       struct err *err)
{
	(void)d;
	asked_from_us = range->from_us;
	for (size_t i = 0; i < sizeof(stored) / sizeof(*stored); i++) {
		struct rollup row = { .start_us = stored[i].start_s * TM_S,
				      .end_us = (stored[i].start_s + 60) * TM_S,
				      .dims_hash = { stored[i].key },
				      .dims = slice_z("{}"),
				      .count = stored[i].key };

		if (row.start_us >= range->from_us && row.start_us < range->to_us &&
		    fn(arg, &row, err))
			return -1;
	}
	return 0;
}

static int give_metric(void *d, read_metric_fn *fn, void *arg, struct err *err)
{
	const struct read_metric m = { .name = slice_z("m"),
				       .job = slice_z("j"),
				       .sink = slice_z("s"),
				       .cfg = slice_z("c"),
				       .def = slice_z(definition),
				       .since_us = 60 * TM_S };

	(void)d;
	return fn(arg, &m, err);
}

static int give_sinks(void *d, const char *job, struct read_sinks *out, struct err *err)
{
	struct read_sink *s = read_sinks_add(out, "s");

	(void)d, (void)job, (void)err;
	s->lateness_us = 5 * TM_S;
	positions_add(&s->pos, slice_z("t"), 0)->watermark_us = 190 * TM_S;
	return 0;
}

static const struct read_driver driver = { .rows = give_stored,
					   .metrics = give_metric,
					   .sinks = give_sinks };
static const struct read_store store = { &driver, NULL };

static int take_text(void *arg, struct rows_window *w, struct err *err)
{
	struct buf *text = arg;

	(void)err;
	buf_printf(text, "%lld:", (long long)(w->end_us / TM_S));
	for (size_t i = 0; i < w->n; i++)
		buf_printf(text, " %llu", (unsigned long long)w->row[i].r.count);
	buf_addz(text, "\n");
	rows_window_free(w);
	return 0;
}

static void gives(struct final_range r, const char *want, int64_t reached_s, const char *name)
{
	struct err err = ERR_INIT;
	struct buf text = { 0 };
	int64_t reached_us;

	r.metric = "m";
	ok(final_rows_read(&store, &r, take_text, &text, &reached_us, &err) == 0, "%s: is read",
	   name);
	is_str(buf_z(&text), want, name);
	ok(reached_us == reached_s * TM_S, "%s: all is out until %lld", name,
	   (long long)(reached_us / TM_S));
	buf_fini(&text);
}

static struct finality all;

static struct final_range between(int64_t after_s, int64_t until_s)
{
	return (struct final_range){ .after_us = after_s * TM_S,
				     .until_us = until_s * TM_S,
				     .finality = &all,
				     .length_us = 60 * TM_S };
}

static void ranges(void)
{
	struct final_range r = between(60, 180);

	gives(r, "120: 3\n180: 7 8 9\n", 180, "behind one end, up to another");
	ok(asked_from_us == 1, "no more is asked for than a window's length before");
	gives(between(61, 179), "120: 3\n", 179, "ends that are inside of windows");
	gives(between(0, 60), "60: 1 2\n", 60, "the first window");
	gives(between(180, 180), "", 180, "nothing between");
	gives(between(180, 120), "", 180, "the mark went back");
	r.after_us = POS_NONE;
	gives(r, "60: 1 2\n120: 3\n180: 7 8 9\n", 180, "from the first on");
	all.since_us = 60 * TM_S;
	gives(r, "120: 3\n180: 7 8 9\n", 180, "not those before since");
	all = finality_plain();
	finality_add_span(&all, POS_NONE, 100 * TM_S, 0);
	finality_add_span(&all, 110 * TM_S, POS_NONE, 0);
	gives(r, "60: 1 2\n180: 7 8 9\n", 180, "not those that a gap cuts");
	all = finality_plain();
	r.length_us = 0;
	r.after_us = 120 * TM_S;
	gives(r, "180: 7 8 9\n", 180, "a length that is not known");
}

static void enough(void)
{
	struct final_range r = between(0, 240);

	r.enough = 3;
	gives(r, "60: 1 2\n120: 3\n", 120, "reached at a window's end");
	r.enough = 4;
	gives(r, "60: 1 2\n120: 3\n180: 7 8 9\n", 180, "reached inside a window");
	r.enough = 7;
	gives(r, "60: 1 2\n120: 3\n180: 7 8 9\n240: 4\n", 240, "reached by the last");
	r.enough = 1;
	r.length_us = 0;
	gives(r, "60: 1 2\n120: 3\n180: 7 8 9\n240: 4\n", 240, "a length that is not known");
}

static void lookup(void)
{
	struct metric_found m;
	struct err err = ERR_INIT;

	ok(metric_lookup(&store, "m", &m, &err) == 0 && m.found, "found");
	ok(final_mark(&m) == 185 * TM_S, "the watermark less lateness");
	ok(m.length_us == 60 * TM_S && m.finality.since_us == 60 * TM_S, "its length and since");
	is_str(m.cfg, "c", "its cfg");
	is_str(m.def, definition, "its definition");
	metric_found_fini(&m);
	definition = "{\"time\":\"ts\"}";
	ok(metric_lookup(&store, "m", &m, &err) == 0 && m.length_us == 0, "no length");
	m.finality = finality_plain();
	ok(final_mark(&m) == TM_MAX_US, "a plain stream's");
	metric_found_fini(&m);
}

int main(void)
{
	all = finality_plain();
	ranges();
	enough();
	lookup();
	return done();
}
