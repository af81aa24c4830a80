/* What rules of one run agree on, and whether a plan comes of them: what whoever takes rules asks
 * of them before they run (hta-check, and rules over HTTP). */
#ifndef AGG_RULES_PLAN_H
#define AGG_RULES_PLAN_H

#include "agg/plan.h"
#include "agg/rule.h"

/* What a rule may leave out, as hta-window takes it. */
enum rules_shared {
	RULES_TIME,
	RULES_UNIT,
	RULES_FORMAT,
	RULES_ZONE,
	RULES_LATENESS,
	RULES_SHARED
};
extern const char *const rules_shared_member[RULES_SHARED]; /* "time_unit" */

/* What the rule says of it, else the option; p NULL: neither. text: room for a duration. options:
 * of the run, NULL where one is not given. */
struct slice rules_says(const struct rule *r, const char *const options[RULES_SHARED],
			enum rules_shared which, char text[33]);

/* The plan of rules [from, to) that are active, or of a single one anyhow. NULL: err. */
struct plan *rules_plan(const struct rules *rules, size_t from, size_t to,
			const char *const options[RULES_SHARED], struct err *err);

/* The next active rule behind *i that says something else of it than the first one that says
 * anything, which is *first. False: there is none. *i is -1 at first. */
bool rules_disagree(const struct rules *rules, enum rules_shared which, size_t *i, size_t *first);

#endif
