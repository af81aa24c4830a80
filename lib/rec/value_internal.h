/* What the files of the converters share. Not for others: value.h is the contract. */
#ifndef REC_VALUE_INTERNAL_H
#define REC_VALUE_INTERNAL_H

#include "rec/value.h"

/* value_dec of line i, booked in the sets. */
void value_dec_in(struct value_sets *sets, const struct field *f, unsigned i, dec *out);

uint64_t value_times_portable(struct value_clock *clock, struct value_column c, uint64_t lines, enum value_unit unit, int64_t *us);
struct value_sets value_decs_portable(struct value_column c, uint64_t lines, dec *out);

#ifdef __x86_64__
uint64_t value_times_avx2(struct value_clock *clock, struct value_column c, uint64_t lines, enum value_unit unit, int64_t *us);
struct value_sets value_decs_avx2(struct value_column c, uint64_t lines, dec *out);
#endif

#endif
