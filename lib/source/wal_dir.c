/* A folder becomes a log in an order in which each step may be the last: folder, lock, log.json by
 * rename. Whoever comes next finds an empty folder, or one with a lock only, and goes on.
 *
 * The lock is one of an open file description (fcntl, OFD): unlike flock(2) it can be asked about
 * without being taken for a moment, which would have a writer that starts just then refuse. */
#include "source/wal_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "json/json.h"
#include "source/wal_format.h"

#define LOG_JSON "log.json"
#define LOG_JSON_NEW "log.json.new"
enum { LOG_JSON_MOST = 4096 };

/* ---- log.json */

static int read_identity(struct wal_dir *d, struct slice text, struct err *err)
{
	struct json j = { 0 };
	struct err why = ERR_INIT;
	struct slice id, topic;
	uint8_t bytes[8];
	uint64_t v;
	bool good = json_parse(&j, text, &why) == 0 && json_get_u64(&j, 0, "v", &v) && v == 1 &&
		    json_get_text(&j, 0, "id", &id) && str_unhex(id, bytes, sizeof(bytes)) == 0 &&
		    json_get_text(&j, 0, "topic", &topic) && topic.n > 0 && topic.n <= 255;

	json_fini(&j);
	if (!good)
		return err_set(err, EX_CONFIG, "%s/" LOG_JSON ": is not what a log of ours has",
			       d->path);
	d->id = 0;
	for (size_t i = 0; i < sizeof(bytes); i++)
		d->id = d->id << 8 | bytes[i];
	d->topic = mem_dup(topic.p, topic.n);
	return 0;
}

/* Leaves d->topic NULL where there is none. */
static int load_identity(struct wal_dir *d, struct err *err)
{
	char text[LOG_JSON_MOST];
	int fd = openat(d->fd, LOG_JSON, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0 && errno == ENOENT)
		return 0;
	n = fd < 0 ? -1 : read(fd, text, sizeof(text));
	if (n < 0)
		err_errno(err, EX_IOERR, "%s/" LOG_JSON, d->path);
	if (fd >= 0)
		close(fd);
	return n < 0 ? -1 : read_identity(d, slice(text, (size_t)n), err);
}

static int make_identity(struct wal_dir *d, const char *topic, struct err *err)
{
	struct buf text = { 0 };
	uint8_t id[8];
	int fd = openat(d->fd, LOG_JSON_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool good;
	int rc;

	hash_random(id, sizeof(id));
	buf_addz(&text, "{\"v\":1,\"id\":\"");
	buf_hex(&text, id, sizeof(id));
	buf_addz(&text, "\",\"topic\":");
	json_quote_z(&text, topic);
	buf_addz(&text, ",\"partition\":0}\n");
	good = fd >= 0 && write(fd, text.p, text.n) == (ssize_t)text.n && fsync(fd) == 0 &&
	       renameat(d->fd, LOG_JSON_NEW, d->fd, LOG_JSON) == 0 && fsync(d->fd) == 0;
	rc = good ? read_identity(d, buf_slice(&text), err)
		  : err_errno(err, EX_IOERR, "%s/" LOG_JSON, d->path);
	if (fd >= 0)
		close(fd);
	buf_fini(&text);
	return rc;
}

/* ---- what lies there */

static bool is_ours(const char *name)
{
	static const char *const names[] = {
		".",    "..",     "lost+found", LOG_JSON,      LOG_JSON_NEW,
		"lock", WAL_PAGE, WAL_NEXT,     WAL_NEXT_PART,
	};
	int64_t first;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return wal_segment_first(name, &first) || strncmp(name, "cut-", 4) == 0;
}

/* Calls take for each name. */
static int each_name(const struct wal_dir *d, void (*take)(void *arg, const char *name), void *arg,
		     struct err *err)
{
	int fd = openat(d->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *all = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!all) {
		if (fd >= 0)
			close(fd);
		return err_errno(err, EX_IOERR, "%s", d->path);
	}
	errno = 0;
	while ((e = readdir(all)))
		take(arg, e->d_name);
	if (errno)
		err_errno(err, EX_IOERR, "%s", d->path);
	closedir(all);
	return err->code ? -1 : 0;
}

static void find_stranger(void *arg, const char *name)
{
	char **stranger = arg;

	if (!*stranger && !is_ours(name))
		*stranger = mem_strdup(name);
}

static int check_strangers(const struct wal_dir *d, struct err *err)
{
	char *stranger = NULL;
	int rc = each_name(d, find_stranger, &stranger, err);

	if (rc == 0 && stranger)
		rc = err_set(err, EX_CONFIG,
			     "%s: has other files (%s): a log has a folder of its own", d->path,
			     stranger);
	free(stranger);
	return rc;
}

static void take_segment(void *arg, const char *name)
{
	struct wal_segments *out = arg;
	int64_t first;

	if (!wal_segment_first(name, &first))
		return;
	mem_reserve(&out->v, &out->cap, out->n + 1, sizeof(*out->v));
	out->v[out->n++] = (struct wal_segment){ .first = first };
}

static int by_first(const void *a, const void *b)
{
	const struct wal_segment *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

int wal_dir_segments(const struct wal_dir *d, struct wal_segments *out, struct err *err)
{
	char name[WAL_NAME_BYTES];
	size_t kept = 0;

	out->n = 0;
	if (each_name(d, take_segment, out, err))
		return -1;
	for (size_t i = 0; i < out->n; i++) {
		struct stat st;

		wal_segment_name(out->v[i].first, name);
		if (fstatat(d->fd, name, &st, 0) == 0) {
			out->v[i].bytes = st.st_size;
			out->v[kept++] = out->v[i];
		} else if (errno != ENOENT) { /* of a writer that runs some may have gone */
			return err_errno(err, EX_IOERR, "%s/%s", d->path, name);
		}
	}
	out->n = kept;
	if (kept)
		qsort(out->v, kept, sizeof(*out->v), by_first);
	return 0;
}

int wal_dir_segment(const struct wal_dir *d, int64_t first, int flags)
{
	char name[WAL_NAME_BYTES];

	wal_segment_name(first, name);
	return openat(d->fd, name, flags | O_CLOEXEC);
}

int wal_dir_sync(const struct wal_dir *d, struct err *err)
{
	return fsync(d->fd) ? err_errno(err, EX_IOERR, "%s", d->path) : 0;
}

/* ---- one writer */

static struct flock whole_lock(void)
{
	return (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET };
}

static int take_lock(struct wal_dir *d, struct err *err)
{
	struct flock lock = whole_lock();

	d->lock_fd = openat(d->fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (d->lock_fd < 0)
		return err_errno(err, EX_IOERR, "%s/lock", d->path);
	if (fcntl(d->lock_fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	if (errno == EAGAIN || errno == EACCES)
		return err_set(err, EX_CONFIG,
			       "%s: another process writes this log: a log has one writer",
			       d->path);
	return err_errno(err, EX_IOERR, "%s/lock", d->path);
}

bool wal_dir_written(const struct wal_dir *d)
{
	struct flock lock = whole_lock();
	int fd = openat(d->fd, "lock", O_RDWR | O_CLOEXEC);
	bool written = fd >= 0 && fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;

	if (fd >= 0)
		close(fd);
	return written;
}

/* ---- opening */

static int open_folder(struct wal_dir *d, const char *path, struct err *err)
{
	*d = (struct wal_dir){ .lock_fd = -1 };
	d->path = mem_strdup(path);
	d->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->fd >= 0)
		return 0;
	return err_errno(err,
			 errno == EIO || errno == ENOMEM || errno == EMFILE ? EX_IOERR : EX_CONFIG,
			 "%s", path);
}

int wal_dir_open(struct wal_dir *d, const char *path, struct err *err)
{
	if (open_folder(d, path, err) || load_identity(d, err))
		return -1;
	if (!d->topic)
		return err_set(err, EX_CONFIG,
			       "%s: is no log of hta-ingest: there is no " LOG_JSON " in it", path);
	return 0;
}

/* Segments without the file that says whose they are. */
static int check_bare(const struct wal_dir *d, struct err *err)
{
	struct wal_segments s = { 0 };
	int rc = wal_dir_segments(d, &s, err);

	if (rc == 0 && s.n)
		rc = err_set(err, EX_CONFIG, "%s: has segments of a log, and no " LOG_JSON,
			     d->path);
	free(s.v);
	return rc;
}

int wal_dir_own(struct wal_dir *d, const char *path, const char *topic, struct err *err)
{
	if (mkdir(path, 0700) && errno != EEXIST) {
		*d = (struct wal_dir){ .fd = -1, .lock_fd = -1, .path = mem_strdup(path) };
		return err_errno(err, errno == ENOSPC || errno == EIO ? EX_IOERR : EX_CONFIG, "%s",
				 path);
	}
	if (open_folder(d, path, err) || check_strangers(d, err) || take_lock(d, err) ||
	    load_identity(d, err))
		return -1;
	if (!d->topic)
		return check_bare(d, err) ? -1 : make_identity(d, topic, err);
	if (strcmp(d->topic, topic) != 0)
		return err_set(err, EX_CONFIG, "%s: is the log of topic %s, not of %s", path,
			       d->topic, topic);
	return 0;
}

void wal_dir_close(struct wal_dir *d)
{
	if (d->lock_fd >= 0)
		close(d->lock_fd);
	if (d->fd >= 0)
		close(d->fd);
	free(d->path);
	free(d->topic);
	*d = (struct wal_dir){ .fd = -1, .lock_fd = -1 };
}
