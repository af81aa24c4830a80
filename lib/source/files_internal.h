/* Inside of the files log: files.c (names, opening, what stands where), files_read.c (records), files_before.c (what was read before). */
#ifndef SOURCE_FILES_INTERNAL_H
#define SOURCE_FILES_INTERNAL_H

#include "io/lines.h"
#include "source/files.h"
#include "source/stream.h"

enum { FILES_BATCH_RECORDS = 4096 };

struct file {
	const char *path;
	int fd;
	enum stream_kind kind;
	int64_t bytes;               /* of the file at open() */
	int64_t end;                 /* of its text; -1: not known */
	struct log_part part;        /* topic: NULL until it is known */
	char head[FILES_HEAD_BYTES];
	size_t head_n;
	bool assigned, done, said;
	struct stream *stream;       /* open for reading */
	struct lines *lines;
	int64_t at;                  /* where its next line begins */
	struct slice block;          /* lines that were lent and not yet given out */
};

struct files {
	struct log log;
	struct files_conf conf;
	struct file *v;
	size_t n;
	struct log_record *record;
};

struct file *files_find(const struct files *fs, const char *topic);

/* As log_ops has them. */
int files_assign(void *self, const struct ranges *start, struct err *err);
int files_read(void *self, struct log_batch *batch, int *fd, struct err *err);
int files_fingerprint(void *self, const struct log_part *part, int64_t offset, bool *found, struct pos_last *out, struct err *err);
int files_before(void *self, const struct log_part *part, int64_t offset, struct buf *lines, struct err *err);

void files_close_reader(struct file *f);

#endif
