/* Inside of a log's writer. wal_open.c: folder, recovery, life. wal_write.c: appends, and what the
 * loop is told. wal_sync.c: the thread that writes groups. wal_keep.c: the thread that makes
 * segments and removes them.
 *
 * Three threads share struct wal. Who owns a member stands beside it: the loop, the sync thread,
 * the keeper, or whoever has the lock. */
#ifndef SOURCE_WAL_INTERNAL_H
#define SOURCE_WAL_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "source/wal_page.h"
#include "source/wal_scan.h"
#include "source/wal_write.h"

/* A group on its way to the disk. */
struct wal_pending {
	struct wal_pending *next;
	struct buf b; /* room for the header, then lines */
	int64_t at;
	uint32_t lines, appends;
	int64_t segment; /* the segment that it goes to, by its first offset */
	int64_t sync_us;
};

/* The segment that is made ahead. */
enum wal_next {
	WAL_NEXT_NONE,
	WAL_NEXT_MADE,    /* its room is not certain yet */
	WAL_NEXT_READY,   /* it can be used; it may be short of zeros */
	WAL_NEXT_CLAIMED, /* a group is pending that begins with it */
};

/* A segment that is there; the last one may be active. */
struct wal_kept {
	int64_t first, end;
	int64_t us; /* not younger than its last group */
};

struct wal {
	struct wal_conf conf;
	struct wal_dir dir;
	struct wal_page *page;
	bool appends; /* no zeros ahead: this filesystem copies what is written over */

	/* the loop's */
	int event_fd, watch, flush;
	bool want_room, told_failure;

	pthread_mutex_t lock;
	pthread_cond_t to_sync, to_keep, changed; /* changed: of what `next` is
						  and has, and `in_piece` */
	/* under the lock from here on */
	struct wal_pending *head,
		*filling; /* head: what the sync thread takes; filling: the last */
	struct wal_pending *done, *spare;
	size_t pending_bytes, spares;
	int64_t end, segment; /* of what was appended */
	uint64_t in, dup;
	bool released, stop, failed; /* released: the head may be taken */
	struct err why;
	enum wal_next next;
	int next_fd;
	int64_t next_zeros; /* how much of it is written */
	bool in_piece, taking, full, removing_wanted;
	bool starting; /* wal_open has not returned */
	struct err full_why;
	struct wal_kept *kept;
	size_t n_kept, kept_cap;

	_Atomic int64_t keep_from;
	_Atomic int64_t first;

	/* the sync thread's */
	int fd;
	int64_t active;  /* the segment that fd is of; -1: none */
	int64_t last_us; /* of the last group */
	bool no_dsync;

	pthread_t sync_thread, keep_thread;
};

void *wal_sync_run(void *wal);
void *wal_keep_run(void *wal);

/* Tells the loop that there is something to look at. Any thread. */
void wal_nudge(struct wal *w);

/* Loop: takes what is done, tells it. */
void wal_tell(struct wal *w);
/* Loop: installs and removes what is watched. EX_TEMPFAIL */
int wal_attach(struct wal *w, struct err *err);
void wal_detach(struct wal *w);

/* Sync thread, or none: cuts the active segment to its data. */
int wal_cut_active(struct wal *w, int64_t end, struct err *err);

#endif
