/* Every method is a baseline and a distance from it in units of its own; what is made of a
 * distance (severity, how long, how often) is the same for all and stands in series.c. */
#include "trend/judge.h"

#include <math.h>
#include <stdlib.h>

const char *const trend_kinds[TREND_KINDS] = { "normal", "spike", "drop", "absent", "clear" };
const char *const trend_severities[] = { "LOW", "MEDIUM", "HIGH" };

static int judge_by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

double judge_median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), judge_by_size);
	return n % 2 ? values[n / 2] : values[n / 2 - 1] + (values[n / 2] - values[n / 2 - 1]) / 2;
}

/* A quotient that can be told. */
static void set_factor(struct trend_verdict *v, double above, double below)
{
	double factor = above / below;

	v->has_factor = below > 0 && isfinite(factor);
	v->factor = v->has_factor ? factor : 0;
}

struct trend_verdict judge_ratio(const struct trend_rule *rule, double x, const double *expected)
{
	struct trend_verdict v = { .has_baseline = expected != NULL };

	if (!expected)
		return v;
	v.baseline = *expected;
	if (v.baseline < 0)
		return v;
	set_factor(&v, x, v.baseline);
	if (x > rule->factor * v.baseline) {
		v.kind = TREND_SPIKE;
	} else if (rule->drop && x < v.baseline / rule->factor) {
		v.kind = TREND_DROP;
		set_factor(&v, v.baseline, x);
	}
	return v;
}

struct trend_verdict judge_mad(const struct trend_rule *rule, double x, double *values, size_t n)
{
	struct trend_verdict v = { .has_baseline = n > 0 };
	double mad, distance;

	if (!n)
		return v;
	v.baseline = judge_median(values, n);
	for (size_t i = 0; i < n; i++)
		values[i] = fabs(values[i] - v.baseline);
	mad = judge_median(values, n);
	distance = x - v.baseline;
	set_factor(&v, fabs(distance), mad);
	if (distance > rule->factor * mad)
		v.kind = TREND_SPIKE;
	else if (rule->drop && -distance > rule->factor * mad)
		v.kind = TREND_DROP;
	return v;
}

struct trend_verdict judge_threshold(const struct trend_rule *rule, double x)
{
	struct trend_verdict v = { .has_baseline = true };

	if (rule->has_below && (x < rule->below || !rule->has_above)) {
		v.baseline = rule->below;
		set_factor(&v, rule->below, x);
		v.kind = x < rule->below ? TREND_DROP : TREND_NORMAL;
	} else {
		v.baseline = rule->above;
		set_factor(&v, x, rule->above);
		v.kind = x > rule->above ? TREND_SPIKE : TREND_NORMAL;
	}
	return v;
}

enum trend_severity judge_severity(const struct trend_rule *rule, const struct trend_verdict *v)
{
	double unit = rule->method == TREND_THRESHOLD ? 1
		      : rule->method == TREND_NO_ROWS ? (double)rule->for_windows
						      : rule->factor;
	double times = v->factor / unit;

	if (!v->has_factor)
		return TREND_HIGH;
	return times < 1.5 ? TREND_LOW : times < 3 ? TREND_MEDIUM : TREND_HIGH;
}
