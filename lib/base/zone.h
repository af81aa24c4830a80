/* Time zones: which instant it was when a clock on a wall showed a time.
 *
 * A zone is an offset, UTC, or a zone of IANA's out of the system's tzdata (TZif files, RFC
 * 9636). No state of the C library is used or changed: neither TZ nor the locale matters. A zone
 * never changes once it is made, so any number of threads may ask it.
 *
 * A clock that daylight saving sets back shows some times twice: the first is meant. One that is
 * set forward skips some: such a time is moved forward by the gap, as if the clock had not been
 * set yet. Both read the time by the offset that was in force before the clock was set (Python's
 * fold=0, PEP 495). */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include "base/err.h"
#include "base/str.h"

enum { ZONE_NAME_BYTES = 16 };

/* How a clock stands for a while: seconds east of UTC, and what that is called ("CEST"; "":
 * nothing). */
struct zone_rule {
	int32_t east_s;
	char name[ZONE_NAME_BYTES];
};

enum zone_kind { ZONE_ONCE, ZONE_TWICE, ZONE_SKIPPED };

/* Local times [from_us, to_us), in microseconds since 1970-01-01T00:00:00 of the clock, that are
 * read alike. rule: how the clock stood, or had stood until it was set; other: how it stands
 * then, NULL for ZONE_ONCE. */
struct zone_span {
	int64_t from_us, to_us;
	enum zone_kind kind;
	const struct zone_rule *rule, *other;
};

struct zone;

/* name: Europe/Berlin, UTC, Z, +01:00, +0100, +01. The folder of tzdata is $TZDIR or
 * /usr/share/zoneinfo. EX_USAGE: there is no such zone. EX_CONFIG: tzdata is missing, cannot be
 * read or is damaged. */
struct zone *zone_new(const char *name, struct err *err);
/* Of a TZif file that has been read. EX_CONFIG: it is damaged. EX_USAGE: it counts leap seconds. */
struct zone *zone_new_from(const char *name, struct slice file, struct err *err);
void zone_free(struct zone *z);

/* The canonical spelling: "Europe/Berlin", "+01:00", "UTC". */
const char *zone_name(const struct zone *z);

/* The span that holds a local time; right for the years 1970 to 2199. Valid as long as the zone. */
const struct zone_span *zone_find(const struct zone *z, int64_t local_us);

/* How the clock stands at an instant, in microseconds since 1970-01-01T00:00:00Z; right for the
 * same years. Valid as long as the zone. */
const struct zone_rule *zone_rule_at(const struct zone *z, int64_t us);

#endif
