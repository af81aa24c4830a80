/* Where reading begins and ends: --from and --until as offsets of partitions. */
#ifndef SOURCE_BOUNDS_H
#define SOURCE_BOUNDS_H

#include "source/consume.h"

/* Fills from of each: where --from says, not below the log's low end. (waits) */
int bounds_starts(const struct consume_conf *c, struct input *log, struct ranges *starts,
		  struct err *err);
/* Fills to of each: where --until ends the reading; INT64_MAX: nowhere (no bound, a number of
 * records, or a file's end). (waits) */
int bounds_untils(const struct consume_conf *c, struct input *log, struct ranges *untils,
		  struct err *err);

/* How many of the records v[0..n) may be taken: those below offset `to`, at most `most`. */
size_t bounds_fit(const struct input_record *v, size_t n, int64_t to, uint64_t most);

#endif
