/* Files are opened all at once and stay open, so that a rename changes nothing. A file that can not
 * be read, or not to its end, holds back nobody: what is good of it is read, as of the others, and
 * left() says why the rest is not. */
#include "drv/files/files.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "io/fd.h"
#include "drv/files/files_internal.h"

enum { TAIL_BYTES = 256 << 10 };

static const char *files_place(const void *self, const char *topic)
{
	const struct files *fs = self;

	for (size_t i = 0; i < fs->n; i++)
		if (fs->v[i].part.topic && strcmp(fs->v[i].part.topic, topic) == 0)
			return fs->v[i].path;
	return NULL;
}

struct file *files_find(const struct files *fs, const char *topic)
{
	for (size_t i = 0; i < fs->n; i++)
		if (fs->v[i].part.topic && strcmp(fs->v[i].part.topic, topic) == 0)
			return &fs->v[i];
	return NULL;
}

/* ---- opening */

struct stream *files_stream(const struct file *f)
{
	return stream_new(f->fd, f->path, f->intact.bytes, ">FILE, then give that one");
}

int files_damaged(struct file *f, struct err *err)
{
	if (err->code != EX_DATAERR)
		return -1;
	free(f->damage);
	f->damage = mem_strdup(err->msg);
	err_clear(err);
	return 0;
}

static int read_head(struct file *f, struct err *err)
{
	struct stream *s = files_stream(f);
	ssize_t k = 1;

	while (k > 0 && f->head_n < sizeof(f->head)) {
		k = stream_read(s, f->head + f->head_n, sizeof(f->head) - f->head_n, err);
		if (k > 0)
			f->head_n += (size_t)k;
	}
	f->packed = stream_packed(s);
	f->end = f->packed ? -1 : f->intact.bytes;
	stream_free(s);
	return k < 0 ? files_damaged(f, err) : 0;
}

int files_look_again(struct file *f, struct err *err)
{
	struct stat st;

	if (fstat(f->fd, &st) < 0)
		return err_errno(err, EX_IOERR, "%s", f->path);
	if (f->damage || st.st_size == f->intact.bytes)
		return 0;
	f->head_n = 0;
	return files_verify_one(f, err) || intact_begin(&f->intact, f->fd, f->path, err) ||
			       read_head(f, err)
		       ? -1
		       : 0;
}

static int open_file(struct file *f, struct err *err)
{
	struct stat st;

	f->fd = fd_open(f->path, err);
	if (f->fd < 0)
		return -1;
	if (fstat(f->fd, &st) < 0)
		return err_errno(err, EX_IOERR, "%s", f->path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, EX_USAGE,
			       "%s: is no regular file: a job reads files that can be read again",
			       f->path);
	return intact_begin(&f->intact, f->fd, f->path, err) || read_head(f, err) ? -1 : 0;
}

/* All files stay open, so that a rename changes nothing. */
static void allow_descriptors(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

static int files_open(void *self, struct loop *loop, struct err *err)
{
	struct files *fs = self;

	(void)loop;
	allow_descriptors();
	for (size_t i = 0; i < fs->n; i++) {
		struct file *f = &fs->v[i];

		if (open_file(f, err))
			return -1;
		if (f->head_n && fs->conf.v[i].name)
			f->part.topic = mem_strdup(fs->conf.v[i].name);
		if (f->head_n == 0 && !f->damage)
			log_info("%s: is empty", f->path);
	}
	return files_lock(fs, err);
}

static int files_partitions(void *self, struct partitions *out, struct err *err)
{
	struct files *fs = self;

	(void)err;
	for (size_t i = 0; i < fs->n; i++)
		if (fs->v[i].part.topic)
			partitions_add(out, slice_z(fs->v[i].part.topic), 0);
	return 0;
}

/* ---- what stands where */

static int files_ends(void *self, struct ranges *parts, struct err *err)
{
	struct files *fs = self;

	(void)err;
	for (size_t i = 0; i < parts->n; i++) {
		const struct file *f = files_find(fs, parts->v[i].topic);

		parts->v[i].from = 0;
		parts->v[i].to = f ? f->end : -1;
	}
	return 0;
}

/* Behind the last newline: what an appender has not finished belongs to whoever reads on. */
static int behind_last_line(struct file *f, int64_t *out, struct err *err)
{
	struct stream *s = files_stream(f);
	char *p = mem_alloc(TAIL_BYTES);
	ssize_t k;

	*out = 0;
	while ((k = stream_read(s, p, TAIL_BYTES, err)) > 0) {
		const char *nl = memrchr(p, '\n', (size_t)k);
		if (nl)
			*out = stream_at(s) - k + (nl - p) + 1;
	}
	if (k == 0)
		f->end = stream_at(s);
	free(p);
	stream_free(s);
	return k < 0 && files_damaged(f, err) ? -1 : files_verify_one(f, err);
}

static int files_starts(void *self, struct ranges *parts, enum input_when when, int64_t time_us,
			struct err *err)
{
	struct files *fs = self;

	(void)time_us;
	for (size_t i = 0; i < parts->n; i++) {
		struct file *f = files_find(fs, parts->v[i].topic);

		parts->v[i].from = 0;
		if (when == INPUT_LATEST && f && behind_last_line(f, &parts->v[i].from, err))
			return -1;
	}
	return when == INPUT_TIME ? err_set(err, EX_USAGE,
					    "lines of files have no times of their own: --from is "
					    "earliest or latest here")
				  : 0;
}

static int files_left(void *self, struct err *err)
{
	struct files *fs = self;
	struct err last = ERR_INIT;

	for (size_t i = 0; i < fs->n; i++) {
		if (!fs->v[i].damage)
			continue;
		if (last.code)
			log_err(&last);
		err_set(&last, EX_DATAERR, "%s", fs->v[i].damage);
	}
	if (last.code)
		err_copy(err, &last);
	return last.code ? -1 : 0;
}

/* ---- life */

static void files_close(void *self)
{
	struct files *fs = self;

	files_unlock(fs);
	for (size_t i = 0; i < fs->n; i++) {
		files_close_reader(&fs->v[i]);
		if (fs->v[i].fd >= 0)
			close(fs->v[i].fd);
		fs->v[i].fd = -1;
		fs->v[i].assigned = false;
	}
}

static const struct input_ops files_ops = {
	.bytes = true,
	.open = files_open,
	.assign = files_assign,
	.read = files_read,
	.partitions = files_partitions,
	.ends = files_ends,
	.starts = files_starts,
	.fingerprint = files_fingerprint,
	.known = files_known,
	.before = files_before,
	.verify = files_verify,
	.left = files_left,
	.place = files_place,
	.close = files_close,
};

struct input *files_input_new(const struct files_conf *conf)
{
	struct files *fs = mem_zalloc(sizeof(*fs));

	fs->conf = *conf;
	fs->n = conf->n;
	fs->v = mem_array(conf->n, sizeof(*fs->v));
	fs->record = mem_array(FILES_BATCH_RECORDS, sizeof(*fs->record));
	for (size_t i = 0; i < conf->n; i++) {
		fs->v[i].path = conf->v[i].path;
		fs->v[i].fd = -1;
	}
	fs->log = (struct input){ .ops = &files_ops, .self = fs };
	return &fs->log;
}

void files_input_free(struct input *log)
{
	struct files *fs;

	if (!log)
		return;
	fs = log->self;
	files_close(fs);
	for (size_t i = 0; i < fs->n; i++) {
		free(fs->v[i].part.topic);
		free(fs->v[i].damage);
	}
	free(fs->v);
	free(fs->record);
	free(fs);
}

static struct input *files_of_conf(const struct consume_conf *c, bool join, struct err *err)
{
	(void)join, (void)err;
	return files_input_new(
		&(struct files_conf){ .v = c->files.v,
				      .n = c->files.n,
				      .max_line_bytes = c->max_line_bytes,
				      .last_line = c->files.last_line,
				      .quiet_tail = c->act.dry_run || c->act.bootstrap });
}

const struct consume_driver files_driver = {
	.input_new = files_of_conf,
	.input_free = files_input_free,
};
