/* The file of records that left the main path: a line a record, buffered, on the disk at every
 * sync. */
#include "tool/dead_letters.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/tm.h"
#include "io/fd.h"
#include "io/out.h"

struct dead_file {
	char *path;
	int fd;
	struct out *out;
	struct buf line;
};

/* What was cut off by a kill or a full disk stays as it is, but what follows does not become a
 * part of it. */
static int end_half_line(struct dead_file *d, struct err *err)
{
	struct stat st;
	char last = '\n';
	int fd;

	if (fstat(d->fd, &st) || !S_ISREG(st.st_mode) || st.st_size == 0)
		return 0;
	fd = open(d->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0; /* may be written and not read */
	if (pread(fd, &last, 1, st.st_size - 1) != 1)
		last = '\n';
	close(fd);
	return last == '\n' ? 0 : out_write(d->out, "\n", 1, err);
}

struct dead_file *dead_file_open(const char *path, struct err *err)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	struct dead_file *d;

	if (fd < 0) {
		err_errno(err, fd_open_code(errno), "%s", path);
		return NULL;
	}
	d = mem_zalloc(sizeof(*d));
	d->path = mem_strdup(path);
	d->fd = fd;
	d->out = out_new(NULL, fd, 64 << 10);
	if (end_half_line(d, err) == 0)
		return d;
	dead_file_close(d, err);
	return NULL;
}

static void write_place(struct buf *b, const struct origin *o, uint64_t nth, size_t at)
{
	if (o->topic.p) {
		buf_addz(b, ",\"topic\":");
		json_quote(b, o->topic);
		buf_printf(b, ",\"partition\":%d,\"offset\":%lld", o->partition,
			   (long long)origin_offset(o, nth, at));
		if (o->inexact)
			buf_addz(b, ",\"inexact\":true");
		if (o->retries)
			buf_printf(b, ",\"retries\":%llu", (unsigned long long)o->retries);
	}
	if (o->file) {
		buf_addz(b, ",\"file\":");
		json_quote_z(b, o->file);
		buf_printf(b, ",\"line\":%llu", (unsigned long long)(o->line + nth));
	}
}

int dead_file_write(struct dead_file *d, const char *stage, const struct origin *origin,
		    uint64_t nth, size_t at, struct slice record, uint64_t size, const char *reason,
		    struct err *err)
{
	struct buf *b = &d->line, quoted = { 0 };
	char now[TM_TEXT_BYTES];
	size_t now_bytes = tm_text_ms(tm_now_us(), now);
	bool base64;

	base64 = ctl_keep(record, &quoted);
	b->n = 0;
	buf_addz(b, "{\"stage\":");
	json_quote_z(b, stage);
	write_place(b, origin, nth, at);
	buf_addz(b, ",\"reason\":");
	json_quote_z(b, reason);
	buf_printf(b, ",\"size\":%llu,\"encoding\":\"%s\",\"record\":", (unsigned long long)size,
		   base64 ? "base64" : "utf8");
	buf_adds(b, buf_slice(&quoted));
	buf_printf(b, ",\"at\":\"%.*s\"}\n", (int)now_bytes, now);
	buf_fini(&quoted);
	return out_write(d->out, b->p, b->n, err);
}

int dead_file_sync(struct dead_file *d, struct err *err)
{
	if (out_flush(d->out, err))
		return -1;
	if (fdatasync(d->fd) && errno != EINVAL &&
	    errno != EROFS) /* a pipe or a terminal has nothing to sync */
		return err_errno(err, EX_IOERR, "%s", d->path);
	return 0;
}

int dead_file_close(struct dead_file *d, struct err *err)
{
	int rc;

	if (!d)
		return 0;
	rc = dead_file_sync(d, err);
	out_free(d->out);
	if (close(d->fd) && rc == 0)
		rc = err_errno(err, EX_IOERR, "%s", d->path);
	buf_fini(&d->line);
	free(d->path);
	free(d);
	return rc;
}
