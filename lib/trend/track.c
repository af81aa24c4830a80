/* Every series has had all windows before t->next_us, and some the one at it: those that have a row
 * there.
 *
 *                       next_us
 *   series a  .  #  #  #  |
 *   series b  #  .  #  #  |  #          # row   . judged without one
 *   series c              |
 *
 * So a window that becomes complete costs a look at each series. A series that has been without a
 * row for long is forgotten, which bounds both what is remembered and how many windows are gone
 * through where nothing came for years. */
#include <stdlib.h>

#include "base/mem.h"
#include "trend/track_internal.h"

struct track *track_new(const struct trend_rule *rule, const struct track_calls *calls)
{
	struct track *t = mem_zalloc(sizeof(*t));

	t->rule = rule;
	t->calls = *calls;
	return t;
}

void track_free(struct track *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n; i++)
		series_fini(&t->series[i]);
	free(t->series);
	free(t->slot);
	free(t);
}

void track_empty(struct track *t, bool has_value, double value)
{
	t->has_empty = true;
	t->empty_has_value = has_value;
	t->empty = value;
}

bool track_has_empty(const struct track *t)
{
	return t->has_empty;
}

bool track_empty_value(const struct track *t, double *out)
{
	*out = t->empty;
	return t->has_empty && t->empty_has_value;
}

bool track_next(const struct track *t, int64_t *start_us)
{
	*start_us = t->next_us;
	return t->length_us > 0;
}

/* ---- series by hash */

static size_t place_of(const struct track *t, const uint8_t hash[16])
{
	uint64_t h;
	size_t at;

	memcpy(&h, hash, sizeof(h));
	for (at = h & (t->slots - 1); t->slot[at]; at = (at + 1) & (t->slots - 1))
		if (memcmp(t->series[t->slot[at] - 1].hash, hash, 16) == 0)
			break;
	return at;
}

static void make_slots(struct track *t, size_t slots)
{
	t->slots = slots;
	t->slot = mem_grow(t->slot, slots, sizeof(*t->slot));
	memset(t->slot, 0, slots * sizeof(*t->slot));
	for (size_t i = 0; i < t->n; i++)
		t->slot[place_of(t, t->series[i].hash)] = (uint32_t)i + 1;
}

struct series *track_add(struct track *t, const uint8_t hash[16], struct slice dims)
{
	struct series *s;

	mem_reserve(&t->series, &t->cap, t->n + 1, sizeof(*t->series));
	s = &t->series[t->n++];
	*s = (struct series){ .dims = mem_dup(dims.p, dims.n) };
	memcpy(s->hash, hash, sizeof(s->hash));
	if (2 * t->n > t->slots)
		make_slots(t, t->slots ? 2 * t->slots : 64);
	else
		t->slot[place_of(t, hash)] = (uint32_t)t->n;
	return s;
}

static struct series *find_series(const struct track *t, const uint8_t hash[16])
{
	size_t at = t->slots ? place_of(t, hash) : 0;

	return t->slots && t->slot[at] ? &t->series[t->slot[at] - 1] : NULL;
}

static void drop_gone(struct track *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++) {
		if (t->series[i].gone)
			series_fini(&t->series[i]);
		else
			t->series[n++] = t->series[i];
	}
	t->n = n;
	make_slots(t, t->slots);
}

/* ---- windows */

static int tell(struct track *t, const struct series *s, const struct series_window *w,
		const struct series_alert *a, struct err *err)
{
	struct track_alert out = {
		.kind = a->kind,
		.severity = a->severity,
		.start_us = s->last_us,
		.end_us = s->last_us + t->length_us,
		.dims = slice_z(s->dims),
		.hash = s->hash,
		.has_value = w->has_value,
		.value = w->value,
		.verdict = a->verdict,
	};

	return t->calls.alert(t->calls.arg, &out, err);
}

static int take_window(struct track *t, struct series *s, int64_t start_us, struct series_window w,
		       struct err *err)
{
	struct series_alert alert[SERIES_ALERTS_MAX];
	double expected = 0;
	bool has = false;
	unsigned n;
	int rc = 0;

	s->last_us = start_us;
	if (w.has_row)
		s->seen_us = start_us;
	if (t->calls.expect && w.has_value)
		rc = t->calls.expect(t->calls.arg, s->hash, s->first_us, start_us, t->length_us,
				     &has, &expected, err);
	w.expected = has ? &expected : NULL;
	n = rc == 0 ? series_window(s, t->rule, &w, alert) : 0;
	for (unsigned i = 0; i < n && rc == 0; i++)
		rc = tell(t, s, &w, &alert[i], err);
	return rc;
}

/* The window is complete: series without a row in it have none. */
static int close_window(struct track *t, int64_t start_us, struct err *err)
{
	const struct series_window none = { .has_value = t->empty_has_value, .value = t->empty };
	bool gone = false;
	int rc = 0;

	if (t->calls.counted && !t->calls.counted(t->calls.arg, start_us, start_us + t->length_us))
		return 0;
	for (size_t i = 0; i < t->n && rc == 0; i++) {
		struct series *s = &t->series[i];

		if (s->last_us >= start_us)
			continue;
		s->gone = start_us - s->seen_us >= t->rule->forget_us;
		gone |= s->gone;
		if (!s->gone)
			rc = take_window(t, s, start_us, none, err);
	}
	if (gone)
		drop_gone(t);
	return rc;
}

/* All windows that start before to_us, which is the start of one. */
static int close_windows(struct track *t, int64_t to_us, struct err *err)
{
	for (; t->next_us < to_us && t->n; t->next_us += t->length_us)
		if (close_window(t, t->next_us, err))
			return -1;
	t->next_us = to_us;
	return 0;
}

/* ---- what comes */

static int check_window(const struct track *t, const struct track_row *row, struct err *err)
{
	int64_t length_us = row->end_us - row->start_us;

	if (length_us != t->length_us)
		return err_set(
			err, EX_DATAERR,
			"a window of %lld ms behind windows of %lld ms: a trend needs windows "
			"of one length",
			(long long)(length_us / 1000), (long long)(t->length_us / 1000));
	if ((row->start_us - t->next_us) % t->length_us)
		return err_set(
			err, EX_DATAERR,
			"windows overlap, or begin anywhere: a trend needs windows that tile "
			"the time");
	if (row->start_us < t->next_us)
		return err_set(
			err, EX_DATAERR,
			"a window that is before one whose rows have come: a trend needs rows "
			"in order of time");
	return 0;
}

int track_row(struct track *t, const struct track_row *row, struct err *err)
{
	const struct series_window w = { .has_row = true,
					 .has_value = row->has_value,
					 .value = row->value };
	struct series *s;

	if (!t->length_us) {
		t->length_us = row->end_us - row->start_us;
		t->next_us = row->start_us;
	}
	if (check_window(t, row, err) || close_windows(t, row->start_us, err))
		return -1;
	s = find_series(t, row->hash);
	if (s && s->last_us >= row->start_us)
		return 0;
	if (!s) {
		s = track_add(t, row->hash, row->dims);
		s->first_us = row->start_us;
	}
	return take_window(t, s, row->start_us, w, err);
}

int track_final(struct track *t, int64_t until_us, struct err *err)
{
	int64_t windows;

	if (!t->length_us || until_us < t->next_us + t->length_us)
		return 0;
	windows = (until_us - t->next_us) / t->length_us;
	return close_windows(t, t->next_us + windows * t->length_us, err);
}
