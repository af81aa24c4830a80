#include "source/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "source/files_internal.h"

enum { TAIL_BYTES = 256 << 10 };

/* ---- names */

void files_name(const void *head, size_t n, struct buf *out)
{
	buf_printf(out, FILES_NAME_START "%zu:%016llx", n, (unsigned long long)hash_64(head, n));
}

bool files_name_read(struct slice name, size_t *len, uint64_t *hash)
{
	const size_t start = sizeof(FILES_NAME_START) - 1;
	const char *colon = name.n > start ? memchr(name.p + start, ':', name.n - start) : NULL;
	uint8_t bytes[8];

	if (!colon || memcmp(name.p, FILES_NAME_START, start) != 0 || str_unhex(slice(colon + 1, (size_t)(name.p + name.n - colon - 1)), bytes, sizeof bytes))
		return false;
	*len = 0;
	for (const char *p = name.p + start; p < colon; p++) {
		if (*p < '0' || *p > '9' || *len > FILES_HEAD_BYTES)
			return false;
		*len = *len * 10 + (size_t)(*p - '0');
	}
	*hash = 0;
	for (size_t i = 0; i < sizeof bytes; i++)
		*hash = *hash << 8 | bytes[i];
	return *len > 0 && *len <= FILES_HEAD_BYTES;
}

const char *files_path(const struct log *log, const char *topic)
{
	const struct files *fs = log->self;

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

static int read_head(struct file *f, struct err *err)
{
	struct stream *s = stream_new(f->fd, f->path, f->kind, f->bytes);
	ssize_t k = 1;

	while (k > 0 && f->head_n < sizeof f->head) {
		k = stream_read(s, f->head + f->head_n, sizeof f->head - f->head_n, err);
		if (k > 0)
			f->head_n += (size_t)k;
	}
	stream_free(s);
	return k < 0 ? -1 : 0;
}

static int open_file(struct file *f, struct err *err)
{
	struct stat st;

	f->fd = open(f->path, O_RDONLY | O_CLOEXEC);
	if (f->fd < 0)
		return err_errno(err, errno == ENOENT || errno == EACCES ? EX_CONFIG : EX_IOERR, "%s", f->path);
	if (fstat(f->fd, &st) < 0)
		return err_errno(err, EX_IOERR, "%s", f->path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, EX_USAGE, "%s: is no regular file: a job reads files that can be read again", f->path);
	f->kind = stream_kind(f->path);
	f->bytes = st.st_size;
	f->end = f->kind == STREAM_PLAIN || f->bytes == 0 ? f->bytes : -1;
	return read_head(f, err);
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
		if (f->head_n == 0)
			log_info("%s: is empty", f->path);
	}
	return 0;
}

/* ---- identity */

static bool is_file(const struct file *f, const char *name, size_t *len)
{
	uint64_t hash;

	return files_name_read(slice_z(name), len, &hash) && *len <= f->head_n && hash_64(f->head, *len) == hash;
}

/* The longest known name that fits; else one of its own. */
static void name_file(struct file *f, const struct log_parts *known)
{
	const char *best = NULL;
	size_t len, best_len = 0;

	for (size_t i = 0; i < known->n; i++)
		if (is_file(f, known->v[i].topic, &len) && len > best_len) {
			best = known->v[i].topic;
			best_len = len;
		}
	if (best) {
		f->part.topic = mem_strdup(best);
	} else {
		struct buf b = { 0 };

		files_name(f->head, f->head_n, &b);
		f->part.topic = mem_dup(b.p, b.n);
		buf_fini(&b);
	}
}

static int files_known(void *self, const struct log_parts *known, struct err *err)
{
	struct files *fs = self;

	for (size_t i = 0; i < fs->n; i++) {
		struct file *f = &fs->v[i];

		if (f->head_n == 0 || f->part.topic)
			continue;
		name_file(f, known);
	}
	for (size_t i = 0; i < fs->n; i++)
		for (size_t k = 0; k < i; k++)
			if (fs->v[i].part.topic && fs->v[k].part.topic && strcmp(fs->v[i].part.topic, fs->v[k].part.topic) == 0)
				return err_set(err, EX_USAGE, "%s and %s look like one file (%s): give each a name of its own with -t NAME before it, and the one that "
					       "this job has read before -t %s", fs->v[k].path, fs->v[i].path, fs->v[i].part.topic, fs->v[i].part.topic);
	return 0;
}

static int files_partitions(void *self, struct log_parts *out, struct err *err)
{
	struct files *fs = self;

	(void)err;
	for (size_t i = 0; i < fs->n; i++)
		if (fs->v[i].part.topic)
			log_parts_add(out, slice_z(fs->v[i].part.topic), 0);
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
	struct stream *s = stream_new(f->fd, f->path, f->kind, f->bytes);
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
	return k < 0 ? -1 : 0;
}

static int files_starts(void *self, struct ranges *parts, enum log_when when, int64_t time_us, struct err *err)
{
	struct files *fs = self;

	(void)time_us;
	for (size_t i = 0; i < parts->n; i++) {
		struct file *f = files_find(fs, parts->v[i].topic);

		parts->v[i].from = 0;
		if (when == LOG_LATEST && f && behind_last_line(f, &parts->v[i].from, err))
			return -1;
	}
	return when == LOG_TIME ? err_set(err, EX_USAGE, "lines of files have no times of their own: --from is earliest or latest here") : 0;
}

/* ---- life */

static void files_close(void *self)
{
	struct files *fs = self;

	for (size_t i = 0; i < fs->n; i++) {
		files_close_reader(&fs->v[i]);
		if (fs->v[i].fd >= 0)
			close(fs->v[i].fd);
		fs->v[i].fd = -1;
		fs->v[i].assigned = false;
	}
}

static const struct log_ops files_ops = {
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
	.close = files_close,
};

struct log *files_log_new(const struct files_conf *conf)
{
	struct files *fs = mem_zalloc(sizeof *fs);

	fs->conf = *conf;
	fs->n = conf->n;
	fs->v = mem_array(conf->n, sizeof *fs->v);
	fs->record = mem_array(FILES_BATCH_RECORDS, sizeof *fs->record);
	for (size_t i = 0; i < conf->n; i++) {
		fs->v[i].path = conf->v[i].path;
		fs->v[i].fd = -1;
	}
	fs->log = (struct log){ .ops = &files_ops, .self = fs };
	return &fs->log;
}

void files_log_free(struct log *log)
{
	struct files *fs;

	if (!log)
		return;
	fs = log->self;
	files_close(fs);
	for (size_t i = 0; i < fs->n; i++)
		free(fs->v[i].part.topic);
	free(fs->v);
	free(fs->record);
	free(fs);
}
