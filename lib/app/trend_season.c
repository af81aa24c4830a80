/* What is expected of a window is the median of the series' windows in the same hour of the week,
 * in the last N weeks before: as many values as an hour has windows, N times, so that neither one
 * odd week nor one odd minute decides. It is a function of the stored rows alone, which are final;
 * nothing of it is kept.
 *
 *   hour of the window:      week - N  ..  week - 2   week - 1   [this one]
 *                             ####          ####       ####          ?
 *
 * The hour is read when its first window comes, for all series at once. A window without a row has
 * what a row without events would have, from the series' first window on. */
#include <stdlib.h>

#include "app/trend_internal.h"
#include "base/mem.h"
#include "read/metric_lookup.h"
#include "read/rows.h"

#define HOUR_US (3600 * 1000000LL)
#define WEEK_US (168 * HOUR_US)

struct season_series {
	uint8_t hash[16];
	double *value;
	size_t n, cap;
	uint64_t rows; /* with or without a value */
};

struct trend_season {
	const struct trend_metric *m;
	const struct read_driver *driver;
	const struct sink_conf *conf;
	struct read_store store; /* d NULL: not open */
	struct metric_found found;
	struct buf name;
	int64_t hour_us;              /* that was read; -1: none */
	struct season_series *series; /* in order of their hashes */
	size_t n, cap;
};

struct trend_season *trend_season_new(const struct trend_metric *m,
				      const struct read_driver *driver,
				      const struct sink_conf *conf)
{
	struct trend_season *s = mem_zalloc(sizeof(*s));

	s->m = m;
	s->driver = driver;
	s->conf = conf;
	s->hour_us = -1;
	buf_adds(&s->name, m->name);
	return s;
}

static void forget_hour(struct trend_season *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->series[i].value);
	s->n = 0;
}

void trend_season_close(struct trend_season *s)
{
	if (!s || !s->store.d)
		return;
	metric_found_fini(&s->found);
	s->driver->close(s->store.d);
	s->store.d = NULL;
}

void trend_season_free(struct trend_season *s)
{
	if (!s)
		return;
	trend_season_close(s);
	forget_hour(s);
	free(s->series);
	buf_fini(&s->name);
	free(s);
}

/* ---- reading an hour: a row a value, then those of a series together */

static int season_take_window(void *arg, struct rows_window *w, struct err *err)
{
	struct trend_season *s = arg;
	const struct ratio *number = &s->m->t->number;

	(void)err;
	for (size_t i = 0; i < w->n; i++) {
		struct season_series *x;
		double value;

		mem_reserve(&s->series, &s->cap, s->n + 1, sizeof(*s->series));
		x = &s->series[s->n++];
		*x = (struct season_series){ .rows = 1 };
		memcpy(x->hash, w->row[i].r.dims_hash, sizeof(x->hash));
		if (ratio_number(number, &w->row[i].r, &value) != RATIO_NUMBER)
			continue;
		x->value = mem_array(1, sizeof(*x->value));
		x->value[0] = value;
		x->n = x->cap = 1;
	}
	rows_window_free(w);
	return 0;
}

static int season_by_hash(const void *a, const void *b)
{
	return memcmp(((const struct season_series *)a)->hash,
		      ((const struct season_series *)b)->hash, 16);
}

static void join_series(struct trend_season *s)
{
	size_t n = 0;

	if (s->n)
		qsort(s->series, s->n, sizeof(*s->series), season_by_hash);
	for (size_t i = 0; i < s->n; i++) {
		struct season_series *x = &s->series[i], *to = n ? &s->series[n - 1] : NULL;

		if (!to || season_by_hash(to, x) != 0) {
			s->series[n++] = *x;
			continue;
		}
		to->rows++;
		if (x->n) {
			mem_reserve(&to->value, &to->cap, to->n + 1, sizeof(*to->value));
			to->value[to->n++] = x->value[0];
		}
		free(x->value);
	}
	s->n = n;
}

static int open_season(struct trend_season *s, struct err *err)
{
	if (s->store.d)
		return 0;
	s->store = (struct read_store){ s->driver, s->driver->open(s->conf, err) };
	return s->store.d ? metric_lookup(&s->store, s->m->t->metric, &s->found, err) : -1;
}

static int read_hour(struct trend_season *s, int64_t hour_us, struct err *err)
{
	static const struct dims_filter all = { 0 };
	struct rows_range range = { .metric = buf_z(&s->name), .final = true, .filter = &all };
	struct rows_found found = { 0 };
	int rc = open_season(s, err);

	forget_hour(s);
	range.finality = s->found.finality;
	for (uint64_t k = s->m->t->rule.last; k > 0 && rc == 0; k--) {
		range.from_us = hour_us - (int64_t)k * WEEK_US;
		range.to_us = range.from_us + HOUR_US;
		if (range.from_us >= 0)
			rc = rows_read(&s->store, &range, season_take_window, s, &found, err);
	}
	join_series(s);
	s->hour_us = rc == 0 ? hour_us : -1;
	rows_found_fini(&found);
	return rc;
}

/* ---- what is expected */

/* Windows of the series in those hours: how many starts lie there, from its first one on. */
static uint64_t count_windows(const struct trend_season *s, int64_t first_us, int64_t start_us,
			      int64_t length_us)
{
	uint64_t n = 0;

	for (uint64_t k = s->m->t->rule.last; k > 0; k--) {
		int64_t from_us = s->hour_us - (int64_t)k * WEEK_US, to_us = from_us + HOUR_US;
		int64_t at;

		if (from_us < first_us)
			from_us = first_us;
		at = from_us + ((start_us - from_us) % length_us + length_us) % length_us;
		if (s->found.finality.spans > 1)
			for (; at < to_us; at += length_us)
				n += finality_whole(&s->found.finality, at, at + length_us);
		else if (at < to_us)
			n += (uint64_t)((to_us - at - 1) / length_us) + 1;
	}
	return n;
}

int trend_season_expect(void *self, const uint8_t hash[16], int64_t first_us, int64_t start_us,
			int64_t length_us, bool *has, double *expected, struct err *err)
{
	struct trend_season *s = self;
	struct season_series key = { 0 }, *x;
	int64_t hour_us = start_us - start_us % HOUR_US;
	uint64_t windows, rows;
	double none, *all;
	size_t n;

	if (hour_us != s->hour_us && read_hour(s, hour_us, err))
		return -1;
	memcpy(key.hash, hash, sizeof(key.hash));
	x = s->n ? bsearch(&key, s->series, s->n, sizeof(*x), season_by_hash) : NULL;
	windows = count_windows(s, first_us, start_us, length_us);
	rows = x ? x->rows : 0;
	n = x ? x->n : 0;
	if (!track_empty_value(s->m->track, &none) || windows < rows)
		windows = rows;
	all = mem_array(n + (windows - rows) + 1, sizeof(*all));
	if (n)
		memcpy(all, x->value, n * sizeof(*all));
	while (windows > rows++)
		all[n++] = none;
	*has = n > 0;
	if (n)
		*expected = judge_median(all, n);
	free(all);
	return 0;
}
