/* A rejected event in an intake's log: a line of its own,
 *	{"$dead":{"reason":..,"request_id":..},"record":"<original bytes>"}
 * with "enc":"base64" in the object where the bytes are no UTF-8 (intake/stamp.h writes it). It
 * begins with exactly {"$dead":{ : the intake lets no event begin so. The reader hands the original
 * on as a dead letter. Pure. */
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

/* Appends reason and original. Where the line is not of that form: says so as the reason, and the
 * line is the original. */
void wal_dead_read(struct slice line, struct buf *reason, struct buf *record);

#endif
