/* The last values of mad are kept in order of time in an array that is moved up by one where it is
 * full: sorting a copy of it for the median costs more than that. */
#include "trend/series.h"

#include <stdlib.h>

#include "base/mem.h"

void series_fini(struct series *s)
{
	free(s->dims);
	free(s->value);
}

static struct trend_verdict judge_values(const struct series *s, const struct trend_rule *rule,
					 double x)
{
	double *copy = mem_array(s->values + 1, sizeof(*copy));
	struct trend_verdict v;

	if (s->values)
		memcpy(copy, s->value, s->values * sizeof(*copy));
	v = judge_mad(rule, x, copy, s->values);
	free(copy);
	return v;
}

/* Windows without a row so far, this one among them, is how far it has gone. */
static struct trend_verdict judge_absence(const struct series *s, bool has_row)
{
	struct trend_verdict v = { .kind = has_row ? TREND_NORMAL : TREND_ABSENT };
	uint64_t before = s->run_kind == TREND_ABSENT ? s->run : 0;

	v.has_factor = true;
	v.factor = has_row ? 0 : (double)(before + 1);
	return v;
}

static struct trend_verdict judge_window(const struct series *s, const struct trend_rule *rule,
					 const struct series_window *w)
{
	switch (rule->method) {
	case TREND_EMA:
		return judge_ratio(rule, w->value, s->n ? &s->baseline : NULL);
	case TREND_MAD:
		return judge_values(s, rule, w->value);
	case TREND_SEASON:
		return judge_ratio(rule, w->value, w->expected);
	case TREND_THRESHOLD:
		return judge_threshold(rule, w->value);
	case TREND_NO_ROWS:
		break;
	}
	return judge_absence(s, w->has_row);
}

static void remember(struct series *s, const struct trend_rule *rule, const struct series_window *w)
{
	double x = w->value;

	if (rule->method == TREND_EMA)
		s->baseline = s->n ? rule->alpha * x + (1 - rule->alpha) * s->baseline : x;
	if (rule->method == TREND_MAD) {
		if (s->values == rule->last)
			memmove(s->value, s->value + 1, --s->values * sizeof(*s->value));
		else
			s->value = mem_grow(s->value, s->values + 1, sizeof(*s->value));
		s->value[s->values++] = x;
	}
	s->n += rule->method != TREND_NO_ROWS || w->has_row;
}

static struct series_alert series_alert(const struct trend_rule *rule, enum trend_kind kind,
					const struct trend_verdict *v)
{
	return (struct series_alert){
		.kind = kind,
		.severity = kind == TREND_CLEAR ? TREND_LOW : judge_severity(rule, v),
		.verdict = *v,
	};
}

/* Where a run stands that this window goes on with, or breaks. */
static void count_run(struct series *s, enum trend_kind kind)
{
	if (kind == TREND_NORMAL)
		s->run = 0;
	else
		s->run = kind == s->run_kind ? s->run + 1 : 1;
	s->run_kind = kind;
}

unsigned series_window(struct series *s, const struct trend_rule *rule,
		       const struct series_window *w, struct series_alert out[SERIES_ALERTS_MAX])
{
	bool quiet = s->quiet > 0, known = rule->method == TREND_NO_ROWS || w->has_value;
	struct trend_verdict v;
	enum trend_kind kind;
	unsigned n = 0;

	if (!known)
		return 0;
	v = judge_window(s, rule, w);
	kind = s->n < rule->warm_up ? TREND_NORMAL : v.kind;
	remember(s, rule, w);
	count_run(s, kind);
	if (quiet)
		s->quiet--;
	if (s->open != TREND_NORMAL && s->open != kind) {
		if (rule->clear)
			out[n++] = series_alert(rule, TREND_CLEAR, &v);
		s->open = TREND_NORMAL;
	}
	if (kind != TREND_NORMAL && s->run >= rule->for_windows && !quiet) {
		out[n++] = series_alert(rule, kind, &v);
		s->quiet = rule->cool_down;
		s->open = kind;
	}
	return n;
}
