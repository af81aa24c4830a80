/* Tracks of generated series against a recount that knows nothing of states: each window is judged
 * from all the windows before it, by definitions. And a track that is stored and read back after
 * every window tells what one tells that never stopped. */
#include "trend/track.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tap.h"

enum { WINDOWS = 160, SERIES = 3, RUNS = 120 };
#define LENGTH_US 60000000LL
#define ORIGIN_US (1700000000LL / 60 * 60 * 1000000LL)

static uint64_t seed;

static unsigned draw(unsigned below)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)(seed >> 33) % below;
}

/* ---- what is judged */

struct given {
	struct trend_rule rule;
	bool empty_has_value;
	bool row[SERIES][WINDOWS], has[SERIES][WINDOWS];
	double x[SERIES][WINDOWS];
	int final; /* windows that the mark proves in the end */
};

static void generate(struct given *g, enum trend_method method)
{
	struct trend_rule *r = &g->rule;

	*g = (struct given){ .final = WINDOWS - (int)draw(3) };
	*r = (struct trend_rule){ .method = method,
				  .alpha = (1 + draw(9)) / 10.0,
				  .factor = method == TREND_MAD ? 1 + draw(8) : 1.5 + draw(3) / 2.0,
				  .drop = draw(2),
				  .has_above = true,
				  .has_below = draw(2),
				  .above = 15,
				  .below = 4,
				  .last = 1 + draw(12),
				  .warm_up = draw(8),
				  .cool_down = draw(3) ? 0 : draw(6),
				  .for_windows = 1 + (draw(2) ? 0 : draw(4)),
				  .clear = draw(2),
				  .forget_us = LENGTH_US * WINDOWS };
	g->empty_has_value = draw(3);
	for (int s = 0; s < SERIES; s++)
		for (int i = (int)draw(20); i < WINDOWS; i++) {
			bool burst = draw(12) == 0, gap = draw(6) == 0;

			g->row[s][i] = !gap && !(i > 60 && i < 60 + s * 10);
			g->has[s][i] = g->row[s][i] && draw(15);
			g->x[s][i] = (burst ? 40 : 8) + draw(5) + (draw(4) ? 0 : 0.125);
		}
}

/* ---- the recount */

struct judged {
	int window;
	bool row;
	double x;
	enum trend_kind kind;
	double baseline, factor;
	bool has_baseline, has_factor;
	bool alert;
};

static double naive_median(const double *from, int n)
{
	double v[WINDOWS];

	for (int i = 0; i < n; i++) {
		int at = i;

		for (; at > 0 && v[at - 1] > from[i]; at--)
			v[at] = v[at - 1];
		v[at] = from[i];
	}
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static void quotient(struct judged *j, double above, double below)
{
	j->has_factor = below > 0;
	j->factor = below > 0 ? above / below : 0;
}

static void naive_ema(const struct trend_rule *r, struct judged *all, int at)
{
	struct judged *j = &all[at];

	if (at == 0)
		return;
	j->has_baseline = true;
	j->baseline = all[0].x;
	for (int i = 1; i < at; i++)
		j->baseline = r->alpha * all[i].x + (1 - r->alpha) * j->baseline;
	quotient(j, j->x, j->baseline);
	if (j->x > r->factor * j->baseline)
		j->kind = TREND_SPIKE;
	else if (r->drop && j->x < j->baseline / r->factor) {
		j->kind = TREND_DROP;
		quotient(j, j->baseline, j->x);
	}
}

static void naive_mad(const struct trend_rule *r, struct judged *all, int at)
{
	struct judged *j = &all[at];
	double v[WINDOWS];
	int n = 0;

	for (int i = at > (int)r->last ? at - (int)r->last : 0; i < at; i++)
		v[n++] = all[i].x;
	if (!n)
		return;
	j->has_baseline = true;
	j->baseline = naive_median(v, n);
	for (int i = 0; i < n; i++)
		v[i] = fabs(v[i] - j->baseline);
	quotient(j, fabs(j->x - j->baseline), naive_median(v, n));
	if (fabs(j->x - j->baseline) > r->factor * naive_median(v, n) &&
	    (j->x > j->baseline || r->drop))
		j->kind = j->x > j->baseline ? TREND_SPIKE : TREND_DROP;
}

static void naive_threshold(const struct trend_rule *r, struct judged *j)
{
	j->has_baseline = true;
	j->baseline = r->above;
	quotient(j, j->x, r->above);
	if (j->x > r->above)
		j->kind = TREND_SPIKE;
	if (r->has_below && j->x < r->below) {
		j->kind = TREND_DROP;
		j->baseline = r->below;
		quotient(j, r->below, j->x);
	}
}

static void naive_absent(struct judged *all, int at)
{
	int n = 0;

	all[at].kind = all[at].row ? TREND_NORMAL : TREND_ABSENT;
	while (n <= at && !all[at - n].row && all[at - n].kind == TREND_ABSENT)
		n++;
	all[at].has_factor = true;
	all[at].factor = n;
}

static const char *naive_severity(const struct trend_rule *r, const struct judged *j)
{
	double unit = r->method == TREND_THRESHOLD ? 1
		      : r->method == TREND_NO_ROWS ? (double)r->for_windows
						   : r->factor;

	return !j->has_factor || j->factor >= 3 * unit ? "HIGH"
	       : j->factor < 1.5 * unit                ? "LOW"
						       : "MEDIUM";
}

static void put_naive(struct buf *out, int window, const char *kind, const char *severity,
		      const struct judged *j)
{
	buf_printf(out, "%d %s %s %.17g", window, kind, severity, j->x);
	buf_printf(out, j->has_baseline ? " %.17g" : " -", j->baseline);
	buf_printf(out, j->has_factor ? " %.17g\n" : " -\n", j->factor);
}

/* The alert whose condition has held ever since, before the one at `at`. */
static int open_alert(const struct judged *all, int at)
{
	int i = at - 1;

	while (i >= 0 && !all[i].alert)
		i--;
	for (int k = i + 1; i >= 0 && k < at; k++)
		if (all[k].kind != all[i].kind)
			return -1;
	return i;
}

static void naive_alerts(const struct given *g, struct judged *all, int at, struct buf *out)
{
	const struct trend_rule *r = &g->rule;
	struct judged *j = &all[at];
	int run = 0, open, warm = at;
	bool quiet = false;

	for (int i = 0; i < at && r->method == TREND_NO_ROWS; i++)
		warm -= !all[i].row;
	if (warm < (int)r->warm_up)
		j->kind = TREND_NORMAL;
	while (run <= at && all[at - run].kind == j->kind)
		run++;
	for (int i = at > (int)r->cool_down ? at - (int)r->cool_down : 0; i < at; i++)
		quiet |= all[i].alert;
	open = open_alert(all, at);
	if (r->clear && open >= 0 && all[open].kind != j->kind)
		put_naive(out, j->window, "clear", "LOW", j);
	j->alert = j->kind != TREND_NORMAL && run >= (int)r->for_windows && !quiet;
	if (j->alert)
		put_naive(out, j->window, trend_kinds[j->kind], naive_severity(r, j), j);
}

static void naive(const struct given *g, int s, struct buf *out)
{
	struct judged all[WINDOWS] = { { 0 } };
	bool begun = false;
	int n = 0;

	for (int i = 0; i < g->final; i++) {
		bool has = g->row[s][i] ? g->has[s][i] : g->empty_has_value;

		begun |= g->row[s][i];
		if (!begun || (!has && g->rule.method != TREND_NO_ROWS))
			continue;
		all[n] = (struct judged){ .window = i, .row = g->row[s][i] };
		all[n].x = g->row[s][i] && has ? g->x[s][i] : 0;
		if (g->rule.method == TREND_EMA)
			naive_ema(&g->rule, all, n);
		else if (g->rule.method == TREND_MAD)
			naive_mad(&g->rule, all, n);
		else if (g->rule.method == TREND_THRESHOLD)
			naive_threshold(&g->rule, &all[n]);
		else
			naive_absent(all, n);
		naive_alerts(g, all, n++, out);
	}
}

/* ---- the track */

struct told {
	struct buf of[SERIES];
};

static int tell(void *arg, const struct track_alert *a, struct err *err)
{
	struct told *told = arg;
	struct buf *out = &told->of[a->hash[0]];

	(void)err;
	buf_printf(out, "%d %s %s %.17g", (int)((a->start_us - ORIGIN_US) / LENGTH_US),
		   trend_kinds[a->kind], trend_severities[a->severity], a->value);
	buf_printf(out, a->verdict.has_baseline ? " %.17g" : " -", a->verdict.baseline);
	buf_printf(out, a->verdict.has_factor ? " %.17g\n" : " -\n", a->verdict.factor);
	return 0;
}

static struct track *again(struct track *t, const struct given *g, const struct track_calls *calls)
{
	struct track *next = track_new(&g->rule, calls);
	struct buf text = { 0 }, text_again = { 0 };
	struct err err = ERR_INIT;

	track_save(t, &text);
	if (track_load(next, buf_slice(&text), &err))
		ok(false, "a state is read back: %s", err.msg);
	track_save(next, &text_again);
	if (!slice_eq(buf_slice(&text), buf_slice(&text_again)))
		ok(false, "a state is the same when it was read back");
	buf_fini(&text);
	buf_fini(&text_again);
	track_free(t);
	return next;
}

/* stop: after every window, and one reads the window before again. */
static void run(const struct given *g, bool stop, struct told *told)
{
	const struct track_calls calls = { .arg = told, .alert = tell };
	struct track *t = track_new(&g->rule, &calls);
	struct err err = ERR_INIT;
	int rc = 0;

	for (int i = 0; i < WINDOWS && rc == 0; i++) {
		for (int k = stop && i ? i - 1 : i; k <= i; k++)
			for (int s = 0; s < SERIES && rc == 0; s++) {
				const uint8_t hash[16] = { (uint8_t)s };
				const struct track_row row = {
					.start_us = ORIGIN_US + k * LENGTH_US,
					.end_us = ORIGIN_US + (k + 1) * LENGTH_US,
					.hash = hash,
					.dims = slice_z("{\"a\":\"b\"}"),
					.has_value = g->has[s][k],
					.value = g->has[s][k] ? g->x[s][k] : 0,
				};
				int64_t next;

				if (!track_has_empty(t))
					track_empty(t, g->empty_has_value, 0);
				if (g->row[s][k] &&
				    (!track_next(t, &next) || row.start_us >= next) && i < g->final)
					rc = track_row(t, &row, &err);
			}
		if (stop)
			t = again(t, g, &calls);
	}
	if (rc == 0)
		rc = track_final(t, ORIGIN_US + g->final * LENGTH_US + LENGTH_US / 2, &err);
	if (rc)
		ok(false, "rows are taken: %s", err.msg);
	track_free(t);
}

static void compare(enum trend_method method, const char *name)
{
	unsigned long alerts = 0, wrong = 0, cut = 0;

	for (int i = 0; i < RUNS; i++) {
		static struct given g;
		struct told told = { 0 }, stopped = { 0 };

		seed = (uint64_t)(i * 7 + method);
		generate(&g, method);
		run(&g, false, &told);
		run(&g, true, &stopped);
		for (int s = 0; s < SERIES; s++) {
			struct buf want = { 0 };

			naive(&g, s, &want);
			for (size_t k = 0; k < want.n; k++)
				alerts += want.p[k] == '\n';
			if (!slice_eq(buf_slice(&want), buf_slice(&told.of[s])) && wrong++ == 0)
				printf("# run %d series %d: got\n# %s\n# want\n# %s\n", i, s,
				       buf_z(&told.of[s]), buf_z(&want));
			cut += !slice_eq(buf_slice(&told.of[s]), buf_slice(&stopped.of[s]));
			buf_fini(&want);
			buf_fini(&told.of[s]);
			buf_fini(&stopped.of[s]);
		}
	}
	ok(wrong == 0 && alerts > RUNS, "%s: %lu alerts as recounted, %lu series differ", name,
	   alerts, wrong);
	ok(cut == 0, "%s: stored after every window, the same is told", name);
}

/* ---- what is refused, what is forgotten */

static int take(struct track *t, int64_t start_us, int64_t end_us, int series, struct err *err)
{
	const uint8_t hash[16] = { (uint8_t)series };
	const struct track_row row = { .start_us = ORIGIN_US + start_us,
				       .end_us = ORIGIN_US + end_us,
				       .hash = hash,
				       .dims = slice_z("{}"),
				       .has_value = true,
				       .value = 1 };

	return track_row(t, &row, err);
}

static void refuse(void)
{
	static const struct {
		int64_t start_us, end_us;
		const char *what, *say;
	} cases[] = {
		{ LENGTH_US, 3 * LENGTH_US, "a longer window", "of one length" },
		{ LENGTH_US / 2, LENGTH_US + LENGTH_US / 2, "one that overlaps", "tile the time" },
		{ -LENGTH_US, 0, "an earlier one", "in order of time" },
	};
	const struct trend_rule rule = { .factor = 2, .for_windows = 1, .forget_us = 1 };
	struct told told = { 0 };
	const struct track_calls calls = { .arg = &told, .alert = tell };

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct track *t = track_new(&rule, &calls);
		struct err err = ERR_INIT;

		ok(take(t, 0, LENGTH_US, 0, &err) == 0 &&
			   take(t, cases[i].start_us, cases[i].end_us, 0, &err) == -1 &&
			   err.code == EX_DATAERR && strstr(err.msg, cases[i].say),
		   "%s: %s", cases[i].what, err.msg);
		track_free(t);
	}
}

static void damaged(void)
{
	static const char *const text[] = {
		"",
		"{}",
		"[]",
		"{\"length\":60000000,\"next\":0}",
		"{\"length\":-1,\"next\":0,\"series\":[]}",
		"{\"length\":1,\"next\":0,\"series\":[[]]}",
		"{\"length\":1,\"next\":0,\"series\":[[\"00\",{},0,0,0,0,0,0,0,0,0,[]]]}",
		"{\"length\":1,\"next\":0,\"empty\":\"x\",\"series\":[]}",
		"{\"length\":1,\"next\":0,\"series\":[[\"00000000000000000000000000000000\",{},0,0,"
		"0,0,0,9,0,0,0,[]]]}",
		"{\"length\":1,\"next\":0,\"series\":[[\"00000000000000000000000000000000\",{},0,0,"
		"0,0,0,0,0,0,0,[1,2,3]]]}",
	};
	const struct trend_rule rule = { .factor = 2, .for_windows = 1, .last = 2 };
	const struct track_calls calls = { .alert = tell };

	for (size_t i = 0; i < sizeof(text) / sizeof(*text); i++) {
		struct track *t = track_new(&rule, &calls);
		struct err err = ERR_INIT;

		ok(track_load(t, slice_z(text[i]), &err) == -1 && err.code == EX_DATAERR,
		   "damaged: %s", text[i]);
		track_free(t);
	}
}

static void forget(void)
{
	const struct trend_rule rule = { .method = TREND_NO_ROWS,
					 .for_windows = 1,
					 .forget_us = 3 * LENGTH_US };
	struct told told = { 0 };
	const struct track_calls calls = { .arg = &told, .alert = tell };
	struct track *t = track_new(&rule, &calls);
	struct err err = ERR_INIT;

	ok(take(t, 0, LENGTH_US, 0, &err) == 0 && take(t, 0, LENGTH_US, 1, &err) == 0 &&
		   take(t, 1000000000 * LENGTH_US, 1000000001 * LENGTH_US, 1, &err) == 0,
	   "a thousand million windows without a row are passed by");
	is_bytes(told.of[0].p, told.of[0].n, "1 absent LOW 0 - 1\n2 absent MEDIUM 0 - 2\n",
		 "then a series is forgotten");
	ok(take(t, 1000000001 * LENGTH_US, 1000000002 * LENGTH_US, 0, &err) == 0 &&
		   take(t, 1000000002 * LENGTH_US, 1000000003 * LENGTH_US, 1, &err) == 0,
	   "and begins anew");
	for (int i = 0; i < SERIES; i++)
		buf_fini(&told.of[i]);
	track_free(t);
}

int main(void)
{
	compare(TREND_EMA, "ema");
	compare(TREND_MAD, "mad");
	compare(TREND_THRESHOLD, "threshold");
	compare(TREND_NO_ROWS, "absent");
	refuse();
	damaged();
	forget();
	return done();
}
