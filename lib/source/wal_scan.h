/* The groups of a log, one behind the other, each with its hash checked. What the reader, the
 * writer's recovery and whoever rebuilds something from the log stand on. */
#ifndef SOURCE_WAL_SCAN_H
#define SOURCE_WAL_SCAN_H

#include "base/str.h"
#include "source/wal_dir.h"
#include "source/wal_format.h"

struct wal_scan {
	const struct wal_dir *dir; /* borrowed */
	int fd;                    /* of the segment that begins at `first`; -1: none */
	int64_t first;
	struct buf block; /* bytes of it, from block_at on */
	int64_t block_at;
};

struct wal_group {
	struct wal_header h;
	struct slice data; /* its lines; valid until the next call that reads */
};

enum wal_found {
	WAL_GROUP,
	WAL_NOTHING, /* the log ends there: zeros, or a file's end without a segment behind it */
	/* The rest with err, which names the offset. */
	WAL_DAMAGED, /* EX_DATAERR: what stands there is no whole group */
	WAL_GONE,    /* EX_DATAERR: no segment reaches back so far */
	WAL_ERROR,   /* EX_IOERR */
};

void wal_scan_init(struct wal_scan *s, const struct wal_dir *dir);
void wal_scan_fini(struct wal_scan *s);

/* The group that begins at `at`. Nothing at or behind `limit` is looked at (INT64_MAX: all that is
 * there); at == limit is WAL_NOTHING, and nothing where there should be something WAL_DAMAGED. */
enum wal_found wal_scan_group(struct wal_scan *s, int64_t at, int64_t limit, struct wal_group *g,
			      struct err *err);
/* Whether that call would find the group without reading, so that slices stay valid. */
bool wal_scan_ready(const struct wal_scan *s, int64_t at);

/* The group that `offset` lies in, header or data; at its first byte it is that group. */
enum wal_found wal_scan_seek(struct wal_scan *s, int64_t offset, int64_t limit, struct wal_group *g,
			     struct err *err);
/* The first group that was closed at or after that time; WAL_NOTHING: there is none. */
enum wal_found wal_scan_time(struct wal_scan *s, int64_t us, int64_t limit, struct wal_group *g,
			     struct err *err);

#endif
