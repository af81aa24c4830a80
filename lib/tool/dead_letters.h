/* A file of records that left the main path (--dead FILE, --late FILE): NDJSON, a line a record,
 * appended:
 *  {"stage":..,"topic":..|null,"partition":n,"offset":n,"inexact":true,"retries":n,"file":..,
 *   "line":n,"reason":..,"size":n,"encoding":"utf8"|"base64","record":..,"at":RFC 3339}
 * Members that are not known are left out. At most CTL_KEEP_BYTES of the record are kept; size
 * is the full length. */
#ifndef TOOL_DEAD_LETTERS_H
#define TOOL_DEAD_LETTERS_H

#include "tool/stage.h"

struct dead_file;

/* Opens for appending, mode 0600 where new. A last line that was left unfinished is ended first:
 * its record comes again. EX_CONFIG: no such folder, no permission; EX_IOERR. */
struct dead_file *dead_file_open(const char *path, struct err *err);
/* nth and at: as in stage_dead. origin: of the run. EX_IOERR where the disk is full: nothing was
 * lost silently. */
int dead_file_write(struct dead_file *d, const char *stage, const struct origin *origin,
		    uint64_t nth, size_t at, struct slice record, uint64_t size, const char *reason,
		    struct err *err);
/* On the disk before this returns. */
int dead_file_sync(struct dead_file *d, struct err *err);
int dead_file_close(struct dead_file *d, struct err *err); /* syncs; NULL is fine */

#endif
