/* Where a log ends, after whatever has happened to its writer.
 *
 * The last segment is read group by group. The first place where no whole group stands is the end.
 * If only zeros are behind it, the log was left in order. If something is there:
 *   at or above the durable end, or the end is not known: a tail that was torn while it was
 *     written; nobody had an answer for it. Cut, with one warning.
 *   below the durable end: bit rot. EX_DATAERR, and `cut_at` consents to cut there.
 * What is cut off is overwritten with zeros: groups behind a torn one may be whole, and must not
 * come back when the next group ends where they begin. */
#ifndef SOURCE_WAL_RECOVER_H
#define SOURCE_WAL_RECOVER_H

#include "source/wal_dir.h"
#include "source/wal_format.h"

struct wal_recovery {
	/* in */
	int64_t durable;       /* -1: not known */
	int64_t cut_at;        /* -1: no consent */
	int64_t segment_bytes; /* of a segment that is not cut to its data */
	/* out */
	int64_t end;
	struct wal_header
		last; /* the last group's; bytes and lines 0, at `end` where none is left */
	bool moved;   /* cut_at was used */
	struct wal_segments all; /* as they are now; free(all.v) */
};

/* 0, or -1: EX_DATAERR, EX_CONFIG (cut_at is not the damaged group's offset), EX_IOERR. */
int wal_recover(const struct wal_dir *d, struct wal_recovery *r, struct err *err);

#endif
