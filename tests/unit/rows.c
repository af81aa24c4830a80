/* rows_read and the renderers over a reader that is an array: what is handed out, when, and what
 * a limit leaves. */
#include "read/rows.h"

#include <stdlib.h>

#include "base/hash.h"
#include "read/render.h"
#include "read/rows_fill.h"
#include "tap.h"

/* ---- the store: rows by window, in no order inside it */

static const struct stored {
	int64_t start_s;
	const char *dims;
	uint64_t count;
} stored[] = {
	{ 0, "{\"a\":\"y\",\"b\":1}", 2 },   { 0, "{\"b\":2,\"a\":\"x\"}", 5 },
	{ 0, "{\"a\":\"x\",\"b\":1}", 1 },   { 60, "{\"a\":\"z\"}", 7 },
	{ 60, "{\"a\":\"x\",\"b\":1}", 3 },  { 120, "{\"a\":\"x\",\"b\":10}", 3 },
	{ 120, "{\"a\":\"x\",\"b\":9}", 3 },
};

struct store {
	size_t given;
	struct read_range asked;
	const char *damaged; /* in place of the last row's dimensions */
};

static int give_stored(void *d, const struct read_range *range, read_row_fn *fn, void *arg,
		       struct err *err)
{
	struct store *s = d;
	size_t n = sizeof(stored) / sizeof(*stored);

	s->asked = *range;
	for (s->given = 0; s->given < n; s->given++) {
		const struct stored *x = &stored[s->given];
		struct rollup row = { .start_us = x->start_s * 1000000,
				      .end_us = (x->start_s + 60) * 1000000,
				      .dims = slice_z(s->damaged && s->given == n - 1 ? s->damaged
										      : x->dims),
				      .count = x->count };
		uint64_t hash = hash_64(row.dims.p, row.dims.n);

		memcpy(row.dims_hash, &hash, sizeof(hash));
		if (row.start_us < range->from_us || row.start_us >= range->to_us)
			continue;
		if (fn(arg, &row, err))
			return -1;
	}
	return 0;
}

static const struct read_driver driver = { .rows = give_stored };

/* ---- what is handed out: "START[*]: DIMS=COUNT .." a window, * where it is open */

struct taking {
	const struct store *store;
	struct buf text;
	size_t given_at_first; /* rows that the store had given when the first window came */
};

static int take_text(void *arg, struct rows_window *w, struct err *err)
{
	struct taking *t = arg;

	(void)err;
	if (!t->text.n)
		t->given_at_first = t->store->given;
	buf_printf(&t->text, "%lld%s:", (long long)(w->start_us / 1000000), w->open ? "*" : "");
	for (size_t i = 0; i < w->n; i++)
		buf_printf(&t->text, " %.*s=%llu", (int)w->row[i].r.dims.n, w->row[i].r.dims.p,
			   (unsigned long long)w->row[i].r.count);
	buf_addz(&t->text, "\n");
	rows_window_free(w);
	return 0;
}

static struct rows_range range_of(const struct dims_filter *f)
{
	return (struct rows_range){
		.metric = "m", .to_us = INT64_MAX, .finality = finality_plain(), .filter = f
	};
}

static void gives(const struct rows_range *range, const char *want, bool more, const char *name)
{
	struct store s = { 0 };
	struct read_store store = { &driver, &s };
	struct taking t = { .store = &s };
	struct rows_found found = { 0 };
	struct err err = ERR_INIT;

	ok(rows_read(&store, range, take_text, &t, &found, &err) == 0, "%s: is read", name);
	is_str(buf_z(&t.text), want, name);
	ok(found.more == more, "%s: %s others", name, more ? "there are" : "there are no");
	ok(!range->limit == (t.given_at_first < s.given) || !found.rows || range->hops,
	   "%s: handed out %s", name, range->limit ? "at the end" : "as it is complete");
	buf_fini(&t.text);
	rows_found_fini(&found);
}

/* Windows of two panes, one a pane. */
static void overlapping(void)
{
	struct dims_filter all = { 0 };
	struct hops hops = { 120000000, 60000000, POS_NONE, INT64_MAX };
	struct rows_range r = range_of(&all);
	struct store s = { 0 };
	struct read_store store = { &driver, &s };
	struct taking t = { .store = &s };
	struct rows_found found = { 0 };
	struct err err = ERR_INIT;

	r.hops = &hops;
	hops.kept_to_us = 180 * 1000000;
	gives(&r,
	      "0: {\"a\":\"x\",\"b\":1}=4 {\"a\":\"x\",\"b\":2}=5 {\"a\":\"y\",\"b\":1}=2 "
	      "{\"a\":\"z\"}=7\n"
	      "60: {\"a\":\"x\",\"b\":1}=3 {\"a\":\"x\",\"b\":9}=3 {\"a\":\"x\",\"b\":10}=3 "
	      "{\"a\":\"z\"}=7\n",
	      false, "windows of two panes, from the first pane to the last");
	hops.kept_from_us = -60 * 1000000LL;
	hops.kept_to_us = 240 * 1000000;
	r.from_us = -180 * 1000000LL;
	r.finality.until_us = 180 * 1000000;
	r.limit = 3;
	gives(&r,
	      "60: {\"a\":\"z\"}=7\n"
	      "120*: {\"a\":\"x\",\"b\":9}=3 {\"a\":\"x\",\"b\":10}=3\n",
	      true, "the newest, where more is kept than has events");
	r.limit = 0;
	r.from_us = 30 * 1000000;
	r.to_us = 61 * 1000000;
	gives(&r,
	      "60: {\"a\":\"x\",\"b\":1}=3 {\"a\":\"x\",\"b\":9}=3 {\"a\":\"x\",\"b\":10}=3 "
	      "{\"a\":\"z\"}=7\n",
	      false, "those that start in the range");
	hops.slide_us = 30000000;
	ok(rows_read(&store, &r, take_text, &t, &found, &err) == -1 && err.code == EX_DATAERR, "%s",
	   err.msg);
}

static void defined(const char *def, int64_t size_us, int64_t slide_us)
{
	struct hops h = hops_of_definition(slice_z(def));

	ok((slide_us == 0 || h.size_us == size_us) && h.slide_us == slide_us, "%s", def);
}

static void definitions(void)
{
	defined("{\"every\":\"5m\",\"slide\":\"1m\",\"time\":\"ts\"}", 300000000, 60000000);
	defined("{\"every\":\"5m\",\"time\":\"ts\"}", 0, 0);
	defined("{\"every\":\"5m\",\"slide\":\"2m\"}", 0, 0);
	defined("{\"every\":\"5m\",\"slide\":\"x\"}", 0, 0);
	defined("{}", 0, 0);
	defined("[", 0, 0);
}

static void windows(void)
{
	struct dims_filter all = { 0 };
	struct rows_range r = range_of(&all);

	gives(&r,
	      "0: {\"a\":\"x\",\"b\":1}=1 {\"a\":\"x\",\"b\":2}=5 {\"a\":\"y\",\"b\":1}=2\n"
	      "60: {\"a\":\"x\",\"b\":1}=3 {\"a\":\"z\"}=7\n"
	      "120: {\"a\":\"x\",\"b\":9}=3 {\"a\":\"x\",\"b\":10}=3\n",
	      false, "all, in order of dimensions");
	r.finality.until_us = 120 * 1000000;
	r.from_us = 60 * 1000000;
	gives(&r,
	      "60: {\"a\":\"x\",\"b\":1}=3 {\"a\":\"z\"}=7\n"
	      "120*: {\"a\":\"x\",\"b\":9}=3 {\"a\":\"x\",\"b\":10}=3\n",
	      false, "open is what ends behind the mark");
}

static void limits(void)
{
	struct dims_filter all = { 0 };
	struct rows_range r = range_of(&all);

	r.limit = 3;
	gives(&r, "60: {\"a\":\"z\"}=7\n120: {\"a\":\"x\",\"b\":9}=3 {\"a\":\"x\",\"b\":10}=3\n",
	      true, "the newest three");
	r.limit = 4;
	gives(&r,
	      "60: {\"a\":\"x\",\"b\":1}=3 {\"a\":\"z\"}=7\n"
	      "120: {\"a\":\"x\",\"b\":9}=3 {\"a\":\"x\",\"b\":10}=3\n",
	      true, "the newest four");
	r.limit = 1;
	gives(&r, "120: {\"a\":\"x\",\"b\":10}=3\n", true, "the newest one");
	r.limit = 7;
	r.from_us = 60 * 1000000;
	gives(&r,
	      "60: {\"a\":\"x\",\"b\":1}=3 {\"a\":\"z\"}=7\n"
	      "120: {\"a\":\"x\",\"b\":9}=3 {\"a\":\"x\",\"b\":10}=3\n",
	      false, "a limit that is not reached");
	r = range_of(&all);
	r.to_us = 1;
	r.one = r.top = true;
	r.limit = 2;
	gives(&r, "0: {\"a\":\"x\",\"b\":2}=5 {\"a\":\"y\",\"b\":1}=2\n", true,
	      "of one window the first: by count");
}

static void filters(void)
{
	struct dims_filter f = { 0 };
	struct rows_range r = range_of(&f);
	struct err err = ERR_INIT;

	dims_filter_by(&f, "a", &err);
	gives(&r,
	      "0: {\"a\":\"x\"}=6 {\"a\":\"y\"}=2\n60: {\"a\":\"x\"}=3 {\"a\":\"z\"}=7\n"
	      "120: {\"a\":\"x\"}=6\n",
	      false, "added up by a key");
	dims_filter_add(&f, "b=1", &err);
	gives(&r, "0: {\"a\":\"x\"}=1 {\"a\":\"y\"}=2\n60: {\"a\":\"x\"}=3\n", false,
	      "by a key, where another holds");
	dims_filter_add(&f, "a=nobody", &err);
	gives(&r, "", false, "what nothing matches");
	dims_filter_fini(&f);
	dims_filter_by(&f, "", &err);
	gives(&r, "0: {}=8\n60: {}=10\n120: {}=6\n", false, "added up altogether");
	dims_filter_fini(&f);
}

/* The store may choose only where its rows are ours. */
static void pushed_down(void)
{
	struct dims_filter f = { 0 };
	struct rows_range r = range_of(&f);
	struct store s = { 0 };
	struct read_store store = { &driver, &s };
	struct taking t = { .store = &s };
	struct rows_found found = { 0 };
	struct err err = ERR_INIT;

	r.to_us = 1;
	r.one = r.top = true;
	r.limit = 2;
	rows_read(&store, &r, take_text, &t, &found, &err);
	is_int(s.asked.top, 3, "the store is asked for one more than the limit");
	dims_filter_add(&f, "b=1", &err);
	rows_read(&store, &r, take_text, &t, &found, &err);
	is_int(s.asked.top, 0, "for all, where rows are filtered");
	ok(names_has(&found.seen, slice_z("a")), "dimensions were noted");
	s.damaged = "[1]";
	r.to_us = INT64_MAX;
	ok(rows_read(&store, &r, take_text, &t, &found, &err) == -1 && err.code == EX_DATAERR,
	   "damaged dimensions: %s", err.msg);
	dims_filter_fini(&f);
	buf_fini(&t.text);
	rows_found_fini(&found);
}

static void rendered(void)
{
	struct dims_filter all = { 0 };
	struct rows_range range = range_of(&all);
	struct store s = { 0 };
	struct read_store store = { &driver, &s };
	struct rows_found found = { 0 };
	struct rows_list rows = { 0 };
	struct err err = ERR_INIT;
	struct buf out = { 0 };
	struct render r = { .metric = "m", .rows = &rows, .dims = &found.shown };

	range.from_us = 60 * 1000000;
	range.finality.until_us = 120 * 1000000;
	ok(rows_read(&store, &range, rows_list_take, &rows, &found, &err) == 0, "kept");
	render_table(&r, &out);
	is_bytes(out.p, out.n,
		 "m, 1m\n"
		 "window                a  b   count\n"
		 "1970-01-01T00:01:00Z  x  1       3\n"
		 "1970-01-01T00:01:00Z  z  -       7\n"
		 "1970-01-01T00:02:00Z  x  9       3  open\n"
		 "1970-01-01T00:02:00Z  x  10      3  open\n",
		 "a table");
	out.n = 0;
	ok(!render_sparks(&r, 30, 2, &out), "two series of four");
	is_bytes(out.p, out.n,
		 "m, 1970-01-01T00:01:00Z to 1970-01-01T00:03:00Z, 1m a place\n"
		 "a  b  count  max  sum\n"
		 "z  -  @        7    7\n"
		 "x  1  @        3    3\n",
		 "a picture without UTF-8");
	rows_list_fini(&rows);
	rows_found_fini(&found);
	buf_fini(&out);
}

static void listed(void)
{
	const struct read_metric m = {
		.name = slice_z("m"),
		.def = slice_z("{\"every\":\"1m\",\"time\":\"ts\",\"by\":[\"a\",\"b\"]}"),
		.since_us = POS_NONE,
	};
	struct render_metrics t;
	struct buf out = { 0 };

	render_metrics_init(&t);
	render_metrics_add(&t, &m);
	grid_print(t.grid, 0, 0, false, &out);
	is_bytes(out.p, out.n,
		 "metric  job      sink  every  time  by   value  uniq  since\n"
		 "m       (plain)        1m     ts    a,b\n",
		 "a metric");
	render_metrics_fini(&t);
	buf_fini(&out);
}

static void listed_dims(void)
{
	const struct read_metric m = {
		.name = slice_z("m"),
		.def = slice_z(
			"{\"by\":[\"p\",{\"path\":\"a.b\",\"as\":\"n\",\"lower\":true,\"max\":7},"
			"{\"path\":\"s\",\"class\":100},{\"path\":\"t\",\"class\":[-1,10.5]},"
			"{\"path\":\"u\",\"explode\":true},{\"path\":\"v\",\"explode\":false,"
			"\"lower\":false}]}"),
		.since_us = POS_NONE,
	};
	struct render_metrics t;
	struct buf out = { 0 };

	render_metrics_init(&t);
	render_metrics_add(&t, &m);
	grid_print(t.grid, 0, 0, false, &out);
	buf_z(&out);
	ok(out.p && strstr(out.p, " p,a.b in small letters cut at 7 bytes as n,class of 100 of s,"
				  "range of t (-1, 10.5),element of u,v\n") != NULL,
	   "dimensions in words: %s", out.p);
	render_metrics_fini(&t);
	buf_fini(&out);
}

/* Series in windows that lack them: 0 where they are final, ? where they are not. */
static void filled(void)
{
	struct dims_filter f = { 0 };
	struct rows_range range = range_of(&f);
	struct store s = { 0 };
	struct read_store store = { &driver, &s };
	struct rows_found found = { 0 };
	struct rows_list rows = { 0 };
	struct rows_filling filling = { &range, false, POS_NONE, 200 * 1000000 };
	struct err err = ERR_INIT;
	struct buf out = { 0 };

	dims_filter_by(&f, "a", &err);
	range.finality.until_us = 120 * 1000000;
	rows_read(&store, &range, rows_list_take, &rows, &found, &err);
	ok(rows_fill(&rows, &filling, &err) == 0 && rows.rows == 12,
	   "four windows of three series");
	for (size_t i = 0; i < rows.n; i++)
		for (size_t k = 0; k < rows.window[i]->n; k++) {
			const struct rows_row *r = &rows.window[i]->row[k];

			buf_printf(&out, r->unknown ? "%.*s?" : "%.*s%llu", (int)r->dim[0].value.n,
				   r->dim[0].value.p, (unsigned long long)r->r.count);
			buf_addz(&out, k == 2 ? "\n" : " ");
		}
	is_str(buf_z(&out), "x6 y2 z0\nx3 y0 z7\nx6 y? z?\nx? y? z?\n", "what is not there");
	ok(rows_list_newest(&rows, 4) && rows.rows == 4 && rows.n == 2 && rows.window[0]->n == 1,
	   "the newest of them");
	filling.final = true;
	filling.from_us = 0;
	ok(rows_fill(&rows, &filling, &err) == 0 && rows.n == 2 && !rows.window[1]->open,
	   "final ones alone");
	filling.to_us = INT64_MAX;
	ok(rows_fill(&rows, &filling, &err) == -1 && err.code == EX_USAGE, "%s", err.msg);
	rows_list_fini(&rows);
	rows_found_fini(&found);
	dims_filter_fini(&f);
	buf_fini(&out);
}

int main(void)
{
	filled();
	windows();
	overlapping();
	definitions();
	limits();
	filters();
	pushed_down();
	rendered();
	listed();
	listed_dims();
	return done();
}
