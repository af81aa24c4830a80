/* DIR/durable: one page that the writer of a log and its readers map: how far the log is durable,
 * from where on it is kept, and how far each reader has handed it to its sinks. It is kept by the
 * kernel when a process is killed. After a power cut it may be older than the log, or be missing:
 * the writer finds the end by scanning then, and retention waits for readers to come again.
 *
 * The end never passes what is durable: it is set behind the write that made it so. A reader that
 * has read all waits for the file to be modified (inotify), which the writer does only when
 * somebody says that he waits. */
#ifndef SOURCE_WAL_PAGE_H
#define SOURCE_WAL_PAGE_H

#include <stdbool.h>
#include <stdint.h>
#include "source/wal_dir.h"

enum { WAL_READERS = 63, WAL_READER_NAME_BYTES = 48 };

struct wal_page;
struct wal_page_slot;

/* Maps the page of d's log. make: makes it where it is missing or is another log's; *fresh: it was
 * made now, so nothing is known. Else EX_CONFIG where it is missing. A page that may not be written
 * is mapped to be read: such a reader has no slot, and polls. */
struct wal_page *wal_page_open(const struct wal_dir *d, bool make, bool *fresh, struct err *err);
void wal_page_free(struct wal_page *p); /* NULL is fine */

int64_t wal_page_end(const struct wal_page *p);
int64_t wal_page_first(const struct wal_page *p);
/* The writer's. Wakes readers that wait. */
void wal_page_set_end(struct wal_page *p, int64_t end);
void wal_page_set_first(struct wal_page *p, int64_t first);

/* A reader waits from now on, unless the end, which is returned, is behind what it has read. */
int64_t wal_page_wait(struct wal_page *p);
/* The writer can know that this reader waits. */
bool wal_page_wakes(const struct wal_page *p);

/* The slot of the reader with this name, with what it had acked last, or `acked` where it is new.
 * EX_CONFIG: all are taken. */
struct wal_page_slot *wal_page_reader(struct wal_page *p, const char *name, int64_t acked,
				      struct err *err);
void wal_page_ack(struct wal_page_slot *slot, int64_t acked);

/* The lowest that a reader has acked; -1: there is no reader. */
int64_t wal_page_acked(const struct wal_page *p);
/* Reader i's name, cut to its room (NUL-terminated), and what it has acked; false: there is none.
 */
bool wal_page_reader_at(const struct wal_page *p, unsigned i, char name[WAL_READER_NAME_BYTES],
			int64_t *acked);

#endif
