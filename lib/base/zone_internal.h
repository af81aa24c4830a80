/* What the files of zones share. Not for others: zone.h is the contract.
 *
 *   zone.c        names, and spans of local time made from shifts
 *   zone_file.c   finding and reading a file, TZif to shifts
 *   zone_posix.c  the rule for all years to come at a TZif file's end, to shifts */
#ifndef BASE_ZONE_INTERNAL_H
#define BASE_ZONE_INTERNAL_H

#include "base/zone.h"

/* Shifts outside of these are of no event (tm.h), whatever the offset. */
#define ZONE_FIRST_S (-40LL * 86400)
#define ZONE_LAST_S (7258118400LL + 40LL * 86400)

/* At this instant the clocks are set: by rule[rule] from then on. */
struct zone_shift {
	int64_t at_s;
	size_t rule;
};

struct zone_table {
	struct zone_rule *rule;
	size_t n_rules, cap_rules;
	struct zone_shift *shift; /* in order of at_s, no two alike */
	size_t n_shifts, cap_shifts;
	size_t first; /* rule before the first shift */
};

size_t zone_table_rule(struct zone_table *t, int32_t east_s, struct slice name);
/* Shifts come in order; of two at one instant the later replaces. */
void zone_table_shift(struct zone_table *t, int64_t at_s, size_t rule);
void zone_table_fini(struct zone_table *t);

/* EX_CONFIG with the reason. */
int zone_tzif(struct slice file, struct zone_table *t, struct err *err);

/* "CET-1CEST,M3.5.0,M10.5.0/3": adds the shifts from after_s on. 0, or -1 where it is no such
 * rule. */
int zone_posix(struct slice text, int64_t after_s, struct zone_table *t);

/* Appends the file of that name. EX_USAGE: there is none. EX_CONFIG. */
int zone_file(const char *name, struct buf *out, struct err *err);

#endif
