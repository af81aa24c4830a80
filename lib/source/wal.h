/* An intake's local log (wal_format.h) as an input: one partition (0) of log.json's topic, offsets
 * bytes of the log, a record a data line, its time when its group was closed. Header lines are
 * offsets without a record.
 *
 * Only what is durable is read, and each group's hash is checked. The writer may run, in this
 * process or another: the end is followed. Without one, groups behind the end that the page knows
 * (a power cut may have taken it back) are read once they are on the disk.
 *
 * A reader with a job keeps the log from its first read on: what all its sinks have stored is noted
 * in DIR/durable, and the writer removes no segment before. Offsets that are gone are EX_DATAERR,
 * with input.lost; so is a group that does not hold, without it. */
#ifndef SOURCE_WAL_H
#define SOURCE_WAL_H

#include "source/consume.h"

/* For consume_main: conf's `log`, its job's name. */
extern const struct consume_driver wal_driver;

#endif
