/* The engine with several metrics: a line that is bad or late for one of them counts in the others,
 * and once in the books. */
#include "engine_rows.h"

/* An option of plan_of_words and its value. */
struct word {
	const char *option, *value;
};

static struct plan *plan_of_words(const struct word *words, size_t n)
{
	struct plan_builder *b = plan_builder_new();
	struct err err = ERR_INIT;
	struct plan *p = NULL;
	int rc = 0;
	for (size_t i = 0; i < n && rc == 0; i++) {
		const char *o = words[i].option, *v = words[i].value;
		rc = strcmp(o, "metric") == 0  ? plan_metric(b, v, &err)
		     : strcmp(o, "every") == 0 ? plan_window(b, o, v, &err)
		     : strcmp(o, "by") == 0    ? plan_by(b, v, &err)
		     : strcmp(o, "value") == 0 ? plan_value(b, v, &err)
		     : strcmp(o, "uniq") == 0  ? plan_uniq(b, v, &err)
		     : strcmp(o, "where") == 0 ? plan_where(b, v, &err)
					       : plan_agg(b, v, &err);
	}
	if (rc == 0)
		p = plan_finish(b, "ts", VALUE_S, false, &err);
	if (!p)
		BUG("%s", err.msg);
	plan_builder_free(b);
	return p;
}

/* Rows with the name of their metric in front; "" where it has none. */
static void rows_by_name(const struct plan *p, struct engine *w, struct buf *out)
{
	for (size_t i = 0; i < p->n_metrics; i++) {
		struct err err = ERR_INIT;
		struct buf rows = { 0 };
		struct emit *e = emit_new(false, true, &(struct emit_threads){ 0 }, collect_rows,
					  &rows);
		emit_table(e, engine_state(w, i), &err);
		emit_flush(e, &err);
		emit_free(e);
		buf_printf(out, "%s:\n", p->metric[i].def->m.name);
		shorten(buf_slice(&rows), out);
		buf_fini(&rows);
	}
}

static void check_words(const struct word *words, size_t n, int64_t lateness_us, const char *text,
			const char *want_rows, const char *want_refused, const char *want_counts,
			const char *name)
{
	struct plan *p = plan_of_words(words, n);
	struct engine *w = engine_new(p, lateness_us);
	struct buf refused = { 0 }, got = { 0 };
	const struct engine_counts *c = engine_counts(w);
	feed(w, text, 0, &refused);
	rows_by_name(p, w, &got);
	is_str(buf_z(&got), want_rows, name);
	is_str(buf_z(&refused), want_refused, "and these lines are refused");
	got.n = 0;
	buf_printf(&got,
		   "counted %llu (partly %llu, of which late %llu), dead %llu, late %llu, "
		   "filtered %llu",
		   (unsigned long long)c->counted, (unsigned long long)c->partly,
		   (unsigned long long)c->partly_late, (unsigned long long)c->dead,
		   (unsigned long long)c->late, (unsigned long long)c->filtered);
	is_str(buf_z(&got), want_counts, "the books");
	is_int(c->lines, c->counted + c->blank + c->dead + c->late + c->filtered,
	       "each line is accounted for once");
	engine_free(w);
	plan_free(p);
	buf_fini(&refused);
	buf_fini(&got);
}
#define CHECK_WORDS(words, ...) check_words(words, sizeof(words) / sizeof(*(words)), __VA_ARGS__)

/* A line with one thing wrong for one of the metrics counts in the others. */
static void test_bad_for_one(void)
{
	static const struct word two[] = {
		{ "metric", "first" }, { "by", "k" }, { "metric", "second" }, { "value", "v" }
	};
	static const struct word conditions[] = {
		{ "metric", "good" },     { "where", ".ok" },
		{ "agg", "s=sum(v)" },    { "metric", "slow" },
		{ "where", ".ok | not" }, { "agg", "s=sum(v) if .v != \"x\"" },
		{ "metric", "square" },   { "agg", "d=stddev(v) if .ok" },
	};
	static const struct word alike[] = { { "metric", "a" }, { "by", "k" },
					     { "metric", "b" }, { "by", "k" },
					     { "metric", "c" }, { "value", "v" } };

	CHECK_WORDS(two, ENGINE_NO_LATENESS,
		    T ",\"k\":1,\"v\":1}\n" T ",\"k\":1,\"v\":\"x\"}\n" T ",\"k\":[],\"v\":1}\n" T
		      ",\"k\":1,\"v\":2}\n" T ",\"k\":[],\"v\":\"x\"}\n{\"k\":1}\n7\n",
		    "first:\n" START " {\"k\":1} 3\nsecond:\n" START " {} 3 3 4 1 2\n",
		    "1 metric second: v is a string, not a number; others count it\n"
		    "2 metric first: k is an array, not a string, number or boolean; others count "
		    "it\n"
		    "4 metric first: k is an array, not a string, number or boolean; metric "
		    "second: v is a string, not a number\n"
		    "5 ts is missing\n"
		    "6 byte 1: not an object: a line is one JSON object\n",
		    "counted 4 (partly 2, of which late 0), dead 3, late 0, filtered 0",
		    "two metrics");
	CHECK_WORDS(conditions, ENGINE_NO_LATENESS,
		    T ",\"ok\":true,\"v\":1}\n" T ",\"ok\":false,\"v\":\"x\"}\n" T
		      ",\"ok\":true,\"v\":1e11}\n" T ",\"ok\":false,\"v\":1e11}\n" T
		      ",\"ok\":true,\"v\":\"x\"}\n",
		    "good:\n" START " {} 2\nslow:\n" START " {} 2\nsquare:\n" START " {} 3\n",
		    "2 metric square: v is out of range for its measure (beyond +-10000000000); "
		    "others count it\n"
		    "4 metrics good, square: v is a string, not a number\n",
		    "counted 4 (partly 1, of which late 0), dead 1, late 0, filtered 0",
		    "what a condition drops is not judged, nor is the value of another's measure");
	CHECK_WORDS(alike, ENGINE_NO_LATENESS, T ",\"k\":{}}\n", "a:\nb:\nc:\n" START " {} 1 0\n",
		    "0 metrics a, b: k is an object, not a string, number or boolean; others count "
		    "it\n",
		    "counted 1 (partly 1, of which late 0), dead 0, late 0, filtered 0",
		    "metrics that say the same");
}

/* What is late for one metric counts in another whose window is open, and a time moves the
 * watermark whatever is wrong with its line. */
static void test_late_for_one(void)
{
	static const struct word words[] = { { "metric", "short" }, { "every", "10s" },
					     { "value", "v" },      { "metric", "long" },
					     { "every", "1m" },     { "where", ".v != 3" } };

	CHECK_WORDS(words, 0,
		    "{\"ts\":1}\n{\"ts\":30,\"v\":\"x\"}\n{\"ts\":2}\n{\"ts\":3,\"v\":3}\n"
		    "{\"ts\":60}\n{\"ts\":59,\"v\":\"x\"}\n{\"ts\":59}\n",
		    "short:\n0 {} 1 0\n60 {} 1 0\nlong:\n0 {} 3\n60 {} 1\n",
		    "1 metric short: v is a string, not a number; others count it\n"
		    "2 late: metric short: its window was closed; others count it\n"
		    "3 late: its window was closed\n"
		    "5 metric short: v is a string, not a number\n"
		    "5 late: its window was closed\n"
		    "6 late: its window was closed\n",
		    "counted 4 (partly 2, of which late 1), dead 1, late 2, filtered 0",
		    "late for one of two metrics");
}

int main(void)
{
	test_bad_for_one();
	test_late_for_one();
	return done();
}
