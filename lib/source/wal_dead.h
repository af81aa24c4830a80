/* A rejected event in an intake's log: a line of its own,
 *	{"$dead":{"reason":..,"request_id":..},"record":"<original bytes>"}
 * with "enc":"base64" in the object where the bytes are no UTF-8 or have a NUL. It begins with
 * exactly {"$dead":{ : the intake lets no event begin so. The reader hands the original on
 * as a dead letter. Pure. */
#ifndef SOURCE_WAL_DEAD_H
#define SOURCE_WAL_DEAD_H

#include <stdbool.h>
#include "base/str.h"

#define WAL_DEAD_START "{\"$dead\":{"

static inline bool wal_dead_is(struct slice line)
{
	return line.n > sizeof(WAL_DEAD_START) - 1 &&
	       memcmp(line.p, WAL_DEAD_START, sizeof(WAL_DEAD_START) - 1) == 0;
}

/* Appends the line, with its newline. Of the record at most CTL_KEEP_BYTES are kept (proto/ctl.h),
 * as of any dead letter. request_id: n 0: none. */
void wal_dead_write(struct slice reason, struct slice request_id, struct slice record,
		    struct buf *out);
/* Appends reason and original. Where the line is not of that form: says so as the reason, and the
 * line is the original. */
void wal_dead_read(struct slice line, struct buf *reason, struct buf *record);

#endif
