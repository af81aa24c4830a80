/* Files as a log: one partition (0) a file, its topic the file's identity, offsets bytes of the
 * decompressed text, a record a line.
 *
 * Identity: "file:LEN:HASH", length and hash_64 of the first min(size, 4 KiB) decompressed bytes
 * when the job first saw it, so that growth, renaming and compression keep it: a known name (of
 * the sinks' positions) is this file's if LEN bytes of it have HASH. Or the name that -t gave. A
 * file is read to the end that it had at open(); an empty one is no partition at all. There is
 * no group: commits and changes are not there.
 *
 * A file that is damaged, or compressed in a way that is not read, ends there: its whole lines are
 * given out, it is idle, and left() says why. One that is cut off or written anew while it is read
 * is found by verify(), before a barrier covers what is not its own (io/intact.h). */
#ifndef DRV_FILES_FILES_H
#define DRV_FILES_FILES_H

#include "source/consume.h"

enum { FILES_HEAD_BYTES = 4096 };
#define FILES_NAME_START "file:"

struct files_conf {
	const struct consume_file *v;
	size_t n;
	size_t max_line_bytes;
	bool last_line;  /* takes a last line without newline */
	bool quiet_tail; /* does not say that one was left (dry run, bootstrap) */
};

/* conf's array is borrowed for the life of the log. Opens nothing yet. */
struct input *files_input_new(const struct files_conf *conf);
void files_input_free(struct input *log);

/* The identity of a head: "file:LEN:HASH" into out. */
void files_name(const void *head, size_t n, struct buf *out);
/* LEN and HASH of a name of that form. */
bool files_name_read(struct slice name, size_t *len, uint64_t *hash);

/* The files of a job, for consume_main. */
extern const struct consume_driver files_driver;

#endif
