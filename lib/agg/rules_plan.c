#include "agg/rules_plan.h"

#include <stdlib.h>

#include "agg/metric.h"
#include "base/mem.h"
#include "base/num.h"

const char *const rules_shared_member[RULES_SHARED] = { "time", "time_unit", "time_format", "zone",
							"lateness" };

struct slice rules_says(const struct rule *r, const char *const options[RULES_SHARED],
			enum rules_shared which, char text[33])
{
	const struct slice says[RULES_SHARED] = {
		[RULES_TIME] = r->time,
		[RULES_UNIT] = r->unit,
		[RULES_FORMAT] = r->format,
		[RULES_ZONE] = r->zone,
	};

	if (which == RULES_LATENESS && r->lateness_us >= 0)
		return slice(text, (size_t)num_duration_text(r->lateness_us, text));
	if (says[which].p || !options[which])
		return says[which];
	return slice_z(options[which]);
}

static enum value_unit unit_of(struct slice text)
{
	enum value_unit unit = VALUE_NS;

	while (unit > 0 && !(text.p && slice_is(text, metric_units[unit])))
		unit--;
	return unit;
}

struct plan *rules_plan(const struct rules *rules, size_t from, size_t to,
			const char *const options[RULES_SHARED], struct err *err)
{
	struct plan_builder *b = plan_builder_new();
	struct plan *p = NULL;
	char text[33];
	char *says[RULES_SHARED];
	int rc = 0;

	for (unsigned k = 0; k < RULES_SHARED; k++) {
		struct slice s = { NULL, 0 };

		for (size_t i = from; i < to && !s.p; i++)
			s = rules_says(&rules->v[i], options, (enum rules_shared)k, text);
		says[k] = s.p ? mem_dup(s.p, s.n) : NULL;
	}
	if (says[RULES_ZONE])
		rc = plan_zone(b, says[RULES_ZONE], err);
	if (rc == 0 && says[RULES_FORMAT])
		rc = plan_time_format(b, says[RULES_FORMAT], err);
	for (size_t i = from; i < to && rc == 0; i++)
		if (to == from + 1 || rules->v[i].active)
			rc = plan_rule(b, &rules->v[i], err);
	if (rc == 0)
		p = plan_finish(
			b, says[RULES_TIME] ? says[RULES_TIME] : "ts",
			unit_of(says[RULES_UNIT] ? slice_z(says[RULES_UNIT]) : slice(NULL, 0)),
			false, err);
	for (unsigned k = 0; k < RULES_SHARED; k++)
		free(says[k]);
	plan_builder_free(b);
	return p;
}

bool rules_disagree(const struct rules *rules, enum rules_shared which, size_t *i, size_t *first)
{
	static const char *const no_options[RULES_SHARED];
	char mine[33], others[33];

	for (++*i; *i < rules->n; ++*i) {
		struct slice text = rules_says(&rules->v[*i], no_options, which, mine);

		if (!rules->v[*i].active || !text.p)
			continue;
		for (*first = 0; *first < *i; ++*first)
			if (rules->v[*first].active &&
			    rules_says(&rules->v[*first], no_options, which, others).p)
				break;
		if (*first < *i &&
		    !slice_eq(text, rules_says(&rules->v[*first], no_options, which, others)))
			return true;
	}
	return false;
}
