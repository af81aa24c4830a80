/* The folder of an intake's local log, and who it is:
 *
 *	log.json   {"v":1,"id":"<16 hex>","topic":"events","partition":0}, made once
 *	lock       held by the one writer
 *	durable    what is durable, and who has read what (wal_page.h)
 *	N.log      segments (wal_format.h)
 *	next.log   the next segment, filled with zeros; next.part while it is being filled
 *	cut-N.log  what was cut off at offset N by consent
 * Nothing else may lie there but lost+found. */
#ifndef SOURCE_WAL_DIR_H
#define SOURCE_WAL_DIR_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "base/str.h"

#define WAL_NEXT "next.log"
#define WAL_NEXT_PART "next.part"
#define WAL_PAGE "durable"

struct wal_dir {
	int fd;
	char *path;  /* as it was given, for messages */
	uint64_t id; /* of log.json */
	char *topic; /* likewise; NULL: it has none yet */
	int lock_fd; /* -1: not ours */
};

/* Opens the folder of a log that is there. EX_CONFIG: there is none, or no log in it. */
int wal_dir_open(struct wal_dir *d, const char *path, struct err *err);
/* The same for the writer: makes the folder (0700) where it is missing, the log where the folder
 * is empty, and locks it. EX_CONFIG: another writer has it, another topic, files that are not the
 * log's. */
int wal_dir_own(struct wal_dir *d, const char *path, const char *topic, struct err *err);
void wal_dir_close(struct wal_dir *d);

/* Whether some process has the log open for writing. */
bool wal_dir_written(const struct wal_dir *d);
/* What was made, named or taken away is so on the disk. EX_IOERR */
int wal_dir_sync(const struct wal_dir *d, struct err *err);

/* The segments that are there, by their first offsets. */
struct wal_segment {
	int64_t first;
	int64_t bytes; /* of the file */
};
struct wal_segments {
	struct wal_segment *v;
	size_t n, cap;
};
/* EX_IOERR. free(out->v) */
int wal_dir_segments(const struct wal_dir *d, struct wal_segments *out, struct err *err);
/* Opens the segment that begins there. -1 and errno. */
int wal_dir_segment(const struct wal_dir *d, int64_t first, int flags);

#endif
