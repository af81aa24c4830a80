/* Inside of the files log: files.c (opening, what stands where), files_known.c (names),
 * files_lock.c (one process at a time gives them), files_read.c (records, and whether they are the
 * file's), files_before.c (what was read before). */
#ifndef DRV_FILES_FILES_INTERNAL_H
#define DRV_FILES_FILES_INTERNAL_H

#include "io/intact.h"
#include "io/lines.h"
#include "io/stream.h"
#include "drv/files/files.h"

enum { FILES_BATCH_RECORDS = 4096 };

struct file {
	const char *path;
	int fd;
	struct intact intact;  /* as it was at open() or known(): no more than that is read of it */
	int64_t end;           /* of its text; -1: not known */
	struct partition part; /* topic: NULL until it is known */
	char head[FILES_HEAD_BYTES];
	size_t head_n;
	bool assigned, done, said;
	bool locked;
	bool packed;           /* it is compressed */
	bool unverified;       /* records were given since the last verify() */
	char *damage;          /* NULL, or why it can not be read to its end */
	struct stream *stream; /* open for reading */
	struct lines *lines;
	int64_t at;         /* where its next line begins */
	struct slice block; /* lines that were lent and not yet given out */
};

struct files {
	struct input log;
	struct files_conf conf;
	struct file *v;
	size_t n;
	struct input_record *record;
};

struct file *files_find(const struct files *fs, const char *topic);
struct stream *files_stream(const struct file *f); /* from its beginning */

/* Damage, or a format that is not read (EX_DATAERR): kept for left(), err is cleared, 0. Another
 * error: -1. */
int files_damaged(struct file *f, struct err *err);
/* What was appended since open() is the file's too. EX_TEMPFAIL as below. */
int files_look_again(struct file *f, struct err *err);
/* EX_TEMPFAIL where it is not the file any more that was opened. */
int files_verify_one(struct file *f, struct err *err);

/* Until unlock no other process gives a short file its name. EX_TEMPFAIL: one is at it for
 * long. */
int files_lock(struct files *fs, struct err *err);
void files_unlock(struct files *fs);

/* As input_ops has them. */
int files_known(void *self, const struct positions *held, struct err *err);
int files_verify(void *self, struct err *err);
int files_assign(void *self, const struct ranges *start, struct err *err);
int files_read(void *self, struct input_batch *batch, int *fd, struct err *err);
int files_fingerprint(void *self, const struct partition *part, int64_t offset, bool *found,
		      struct pos_last *out, struct err *err);
int files_before(void *self, const struct partition *part, int64_t offset, struct buf *lines,
		 struct err *err);

void files_close_reader(struct file *f);

#endif
