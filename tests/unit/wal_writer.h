/* What the tests of an intake's log share: a writer, and the folder that it writes. */
#ifndef TESTS_UNIT_WAL_WRITER_H
#define TESTS_UNIT_WAL_WRITER_H

#include "source/wal_write.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/tm.h"
#include "source/wal_page.h"
#include "source/wal_scan.h"
#include "random.h"
#include "tap.h"

enum { SEGMENT = 64 << 10 };

static char dir[] = "/tmp/hta-wal.XXXXXX";

/* ---- a writer */

struct writer {
	struct loop *loop;
	struct wal *wal;
	int64_t durable;
	struct err why; /* of open, or of a failure */
};

static inline void on_durable(void *self, const struct wal_done *done)
{
	((struct writer *)self)->durable = done->end;
}

static inline void on_failed(void *self, const struct err *why)
{
	((struct writer *)self)->why = *why;
}

static const struct wal_hooks hooks = { .durable = on_durable, .failed = on_failed };

static inline bool open_with(struct writer *w, int64_t cut_at, int64_t most)
{
	struct wal_state s;

	*w = (struct writer){ .loop = loop_new(), .why = ERR_INIT };
	w->wal = wal_open(dir,
			  &(struct wal_conf){ .topic = "events",
					      .loop = w->loop,
					      .hooks = &hooks,
					      .self = w,
					      .keep_us = 0,
					      .most_bytes = most,
					      .cut_at = cut_at,
					      .segment_bytes = SEGMENT },
			  &w->why);
	if (!w->wal)
		return false;
	wal_state(w->wal, &s);
	w->durable = s.durable;
	return true;
}

static inline bool open_writer(struct writer *w)
{
	return open_with(w, -1, 0);
}

static inline void close_writer(struct writer *w)
{
	struct err err = ERR_INIT;

	wal_close(w->wal, &err);
	loop_free(w->loop);
}

/* Appends, and waits until it is durable. */
static inline enum wal_answer put(struct writer *w, const char *text, size_t n)
{
	struct err err = ERR_INIT;
	enum wal_answer a;
	int64_t offset;

	while ((a = wal_append(w->wal, slice(text, n), 1, &offset)) == WAL_BUSY)
		loop_turn(w->loop, tm_mono_us() + TM_S, &err);
	while (a == WAL_OK && w->durable < offset + (int64_t)n && !w->why.code)
		loop_turn(w->loop, tm_mono_us() + TM_S, &err);
	return a;
}

static inline void put_line(struct writer *w, unsigned number, unsigned bytes)
{
	struct buf b = { 0 };

	buf_printf(&b, "{\"i\":%u,\"x\":\"", number);
	for (unsigned i = 0; i < bytes; i++)
		buf_addc(&b, (char)('a' + below(26)));
	buf_addz(&b, "\"}\n");
	put(w, b.p, b.n);
	buf_fini(&b);
}

/* ---- files */

static inline void empty_folder(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	if (system(command))
		exit(EX_OSERR);
}

static inline char *path_of(int64_t first)
{
	static char path[128];
	char name[WAL_NAME_BYTES];

	wal_segment_name(first, name);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static inline void put_bytes(const char *path, const void *p, size_t n, int64_t at)
{
	int fd = open(path, O_RDWR);

	if (fd < 0 || pwrite(fd, p, n, (off_t)at) != (ssize_t)n)
		exit(EX_OSERR);
	close(fd);
}

static inline void get_bytes(const char *path, void *p, size_t n, int64_t at)
{
	int fd = open(path, O_RDONLY);

	memset(p, 0, n);
	if (fd < 0 || pread(fd, p, n, (off_t)at) < 0)
		exit(EX_OSERR);
	close(fd);
}

/* The log as a killed writer leaves it: its zeros are back. */
static inline void uncut(int64_t first)
{
	if (truncate(path_of(first), SEGMENT))
		exit(EX_OSERR);
}

static inline void set_durable(int64_t end)
{
	struct wal_dir d;
	struct err err = ERR_INIT;
	struct wal_page *p;
	bool fresh;

	if (wal_dir_open(&d, dir, &err))
		exit(EX_OSERR);
	p = wal_page_open(&d, false, &fresh, &err);
	wal_page_set_end(p, end);
	wal_page_free(p);
	wal_dir_close(&d);
}

/* Text of all groups, one behind the other; where the log ends: *end. */
static inline void read_log(struct buf *out, int64_t *end)
{
	struct wal_dir d;
	struct wal_scan s;
	struct wal_group g;
	struct err err = ERR_INIT;

	out->n = 0;
	*end = 0;
	if (wal_dir_open(&d, dir, &err))
		exit(EX_OSERR);
	wal_scan_init(&s, &d);
	while (wal_scan_group(&s, *end, INT64_MAX, &g, &err) == WAL_GROUP) {
		buf_adds(out, g.data);
		*end = wal_header_end(&g.h);
	}
	wal_scan_fini(&s);
	wal_dir_close(&d);
}

#endif
