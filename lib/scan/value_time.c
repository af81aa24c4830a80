/* Times that are not of the common form: text to what a clock on a wall showed, and that to an
 * instant.
 *
 *   text --> form given: timeform  --> local time, offset or zone's name, if any --> instant
 *            else: minute + rest                     offset | span of the zone
 *
 * The minute (shared with the common form), the span and the text before the seconds are kept in
 * the caller's clock, for most times have them in common with the time before. */
#include "base/tm.h"
#include "scan/value_internal.h"

/* The minute is kept if all of it is in range, so that the common form needs no look at the
 * range. */
static bool minute_of(struct value_clock *clock, const char *p, int64_t *us)
{
	if (clock->minute[0] && memcmp(p, clock->minute, sizeof(clock->minute)) == 0) {
		*us = clock->us;
		return true;
	}
	if (tm_minute(p, us))
		return false;
	if (*us >= TM_MIN_US && *us < TM_MAX_US) {
		memcpy(clock->minute, p, sizeof(clock->minute));
		clock->us = *us;
	}
	return true;
}

static bool read_wall(struct value_clock *clock, struct slice text, struct tm_wall *w)
{
	const size_t minute = TM_MINUTE_CHARS;
	int64_t us;

	return text.n >= minute && minute_of(clock, text.p, &us) &&
	       tm_rest(slice(text.p + minute, text.n - minute), us, w) == 0;
}

static bool is_called(const struct zone_rule *rule, struct slice name)
{
	return rule && strlen(rule->name) == name.n && str_same(rule->name, name.p, name.n);
}

static enum value_time_result in_zone(struct value_clock *clock, const struct zone *zone,
				      const struct tm_wall *w, int64_t *us)
{
	const struct zone_span *span = clock->span;
	enum value_time_result result;

	if (!span || w->us < span->from_us || w->us >= span->to_us)
		clock->span = span = zone_find(zone, w->us);
	if (w->zone.n && is_called(span->rule, w->zone))
		return value_in_range(w->us - span->rule->east_s * TM_S, us);
	if (w->zone.n && is_called(span->other, w->zone))
		return value_in_range(w->us - span->other->east_s * TM_S, us);
	if (w->zone.n)
		return VALUE_TIME_NAME;
	result = value_in_range(w->us - span->rule->east_s * TM_S, us);
	if (result == VALUE_TIME_OK && span->kind != ZONE_ONCE)
		result = span->kind == ZONE_TWICE ? VALUE_TIME_TWICE : VALUE_TIME_SKIPPED;
	return result;
}

enum value_time_result value_time_text(struct value_clock *clock, struct slice text,
				       const struct value_when *when, int64_t *us)
{
	struct tm_wall w;
	bool is_time;

	if (when->form)
		is_time = timeform_read(when->form, &clock->memo, text, &w) == 0;
	else
		is_time = read_wall(clock, text, &w);
	if (!is_time)
		return VALUE_TIME_NONE;
	if (w.has_east)
		return value_in_range(w.us - w.east_s * TM_S, us);
	return when->zone ? in_zone(clock, when->zone, &w, us) : VALUE_TIME_LOCAL;
}
