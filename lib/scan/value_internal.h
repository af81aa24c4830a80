/* What the files of the converters share. Not for others: value.h is the contract. */
#ifndef SCAN_VALUE_INTERNAL_H
#define SCAN_VALUE_INTERNAL_H

#include "scan/value.h"

/* value_dec of line i, booked in the sets. */
void value_dec_in(struct value_sets *sets, const struct field *f, unsigned i, dec *out);

/* Books that the time of line i is `result`, which is not VALUE_TIME_OK. */
void value_time_in(struct value_time_sets *sets, enum value_time_result result, unsigned i);

/* A text that is not of the common form, by `when`'s form or the wider ones. A number in a string
 * is VALUE_TIME_NONE. */
enum value_time_result value_time_text(struct value_clock *clock, struct slice text,
				       const struct value_when *when, int64_t *us);

static inline enum value_time_result value_in_range(int64_t at, int64_t *us)
{
	if (at < TM_MIN_US || at >= TM_MAX_US)
		return VALUE_TIME_RANGE;
	*us = at;
	return VALUE_TIME_OK;
}

struct value_time_sets value_times_portable(struct value_clock *clock, struct value_column c,
					    uint64_t lines, const struct value_when *when,
					    int64_t *us);
struct value_sets value_decs_portable(struct value_column c, uint64_t lines, dec *out);

#ifdef __x86_64__
struct value_time_sets value_times_avx2(struct value_clock *clock, struct value_column c,
					uint64_t lines, const struct value_when *when, int64_t *us);
struct value_sets value_decs_avx2(struct value_column c, uint64_t lines, dec *out);
#endif

#endif
