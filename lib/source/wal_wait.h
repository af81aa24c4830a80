/* Waiting for a log to grow: a descriptor that becomes readable when its writer has made more
 * durable. inotify on DIR/durable, which the writer modifies when somebody waits; where that cannot
 * be had, a timer. */
#ifndef SOURCE_WAL_WAIT_H
#define SOURCE_WAL_WAIT_H

#include "source/wal_page.h"

struct wal_wait {
	struct wal_page *page; /* borrowed */
	int inotify_fd, timer_fd;
};

/* EX_TEMPFAIL */
int wal_wait_init(struct wal_wait *w, const struct wal_dir *dir, struct wal_page *page,
		  struct err *err);
void wal_wait_fini(struct wal_wait *w);

/* What to wait on until the end is behind `end`; -1: it is already. */
int wal_wait_for(struct wal_wait *w, int64_t end);

#endif
