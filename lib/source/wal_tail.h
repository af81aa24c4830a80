/* The lines of an intake's log from its end backwards, for whoever wants the newest ones: read
 * without a lock, beside the writer, and only what is durable. */
#ifndef SOURCE_WAL_TAIL_H
#define SOURCE_WAL_TAIL_H

#include "base/err.h"
#include "base/str.h"
#include "source/wal_format.h"

struct wal_tail;

struct wal_tail *wal_tail_new(const char *path); /* borrowed */
void wal_tail_free(struct wal_tail *t);          /* NULL is fine */

/* The log as it is now; what was found out about it before is kept while it is the same log.
 * EX_CONFIG: there is none. */
int wal_tail_open(struct wal_tail *t, struct err *err);
void wal_tail_close(struct wal_tail *t);

/* A line with its newline cut, at its offset. 0 to go on; 1: that is enough; -1 with err. The slice
 * is valid during the call. */
typedef int wal_tail_fn(void *arg, struct slice line, int64_t offset, const struct wal_header *h,
			struct err *err);

/* Lines that begin before `before` (INT64_MAX: all), the last one first, of an open one, until fn
 * has enough, or groups of `most` bytes have been looked at. *left: all lines from there on were
 * given, or are not before `before`; 0: none is left in the log. EX_DATAERR: a group is
 * damaged. */
int wal_tail_lines(struct wal_tail *t, int64_t before, uint64_t most, wal_tail_fn *fn, void *arg,
		   int64_t *left, struct err *err);

#endif
