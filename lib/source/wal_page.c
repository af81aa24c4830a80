/* The page as it lies in the file, in the machine's order of bytes: a log stays on its machine's
 * kind. All that two processes touch is atomic.
 *
 *	0     magic, id of the log, durable end, first offset kept, whether somebody waits, tick
 *	64    slots of 64 bytes: hash of the reader's name, what it has acked, its name
 * A slot is taken by putting the hash into it where 0 was, and is never given back: a job that is
 * given up keeps its segments until the page is taken away. */
#include "source/wal_page.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"

#define MAGIC "htawal1"
enum { PAGE_BYTES = 4096 };

struct wal_page_slot {
	_Atomic uint64_t key; /* 0: free */
	_Atomic int64_t acked;
	char name[WAL_READER_NAME_BYTES];
};

struct stored {
	char magic[8];
	uint64_t id;
	_Atomic int64_t end, first;
	_Atomic uint32_t waited_for;
	uint32_t tick; /* modified by write(2), for inotify */
	char unused[24];
	struct wal_page_slot reader[WAL_READERS];
};
_Static_assert(sizeof(struct stored) == PAGE_BYTES, "one page");

struct wal_page {
	int fd;
	bool read_only;
	uint32_t tick;
	struct stored *at;
};

/* ---- life */

static bool same_page(const struct wal_page *p, const struct wal_dir *d)
{
	struct stat st;
	struct {
		char magic[8];
		uint64_t id;
	} head;

	return fstat(p->fd, &st) == 0 && st.st_size == PAGE_BYTES &&
	       pread(p->fd, &head, sizeof(head), 0) == (ssize_t)sizeof(head) &&
	       memcmp(head.magic, MAGIC, sizeof(head.magic)) == 0 && head.id == d->id;
}

static int make_page(struct wal_page *p, const struct wal_dir *d, struct err *err)
{
	struct stored *s = mem_zalloc(sizeof(*s));
	bool good;

	memcpy(s->magic, MAGIC, sizeof(s->magic));
	s->id = d->id;
	good = pwrite(p->fd, s, sizeof(*s), 0) == (ssize_t)sizeof(*s) &&
	       ftruncate(p->fd, PAGE_BYTES) == 0 && fsync(p->fd) == 0;
	free(s);
	return good ? 0 : err_errno(err, EX_IOERR, "%s/" WAL_PAGE, d->path);
}

static int open_file(struct wal_page *p, const struct wal_dir *d, bool make, struct err *err)
{
	p->fd = openat(d->fd, WAL_PAGE, O_RDWR | O_CLOEXEC | (make ? O_CREAT : 0), 0600);
	if (p->fd < 0 && !make && (errno == EACCES || errno == EROFS)) {
		p->read_only = true;
		p->fd = openat(d->fd, WAL_PAGE, O_RDONLY | O_CLOEXEC);
	}
	return p->fd < 0 ? err_errno(err, errno == ENOENT || errno == EACCES ? EX_CONFIG : EX_IOERR,
				     "%s/" WAL_PAGE, d->path)
			 : 0;
}

static int map_page(struct wal_page *p, const struct wal_dir *d, bool make, bool *fresh,
		    struct err *err)
{
	if (open_file(p, d, make, err))
		return -1;
	*fresh = !same_page(p, d);
	if (*fresh && !make)
		return err_set(err, EX_CONFIG,
			       "%s/" WAL_PAGE ": is not of this log: start its writer, which finds "
			       "the log's end",
			       d->path);
	if (*fresh && make_page(p, d, err))
		return -1;
	p->at = mmap(NULL, PAGE_BYTES, p->read_only ? PROT_READ : PROT_READ | PROT_WRITE,
		     MAP_SHARED, p->fd, 0);
	if (p->at == MAP_FAILED) {
		p->at = NULL;
		return err_errno(err, EX_IOERR, "%s/" WAL_PAGE, d->path);
	}
	p->tick = p->at->tick;
	return 0;
}

struct wal_page *wal_page_open(const struct wal_dir *d, bool make, bool *fresh, struct err *err)
{
	struct wal_page *p = mem_zalloc(sizeof(*p));

	p->fd = -1;
	if (map_page(p, d, make, fresh, err) == 0)
		return p;
	wal_page_free(p);
	return NULL;
}

void wal_page_free(struct wal_page *p)
{
	if (!p)
		return;
	if (p->at)
		munmap(p->at, PAGE_BYTES);
	if (p->fd >= 0)
		close(p->fd);
	free(p);
}

/* ---- the ends */

int64_t wal_page_end(const struct wal_page *p)
{
	return atomic_load(&p->at->end);
}

int64_t wal_page_first(const struct wal_page *p)
{
	return atomic_load(&p->at->first);
}

void wal_page_set_end(struct wal_page *p, int64_t end)
{
	atomic_store(&p->at->end, end);
	if (!atomic_exchange(&p->at->waited_for, 0))
		return;
	p->tick++;
	/* Where that fails, whoever waits looks again by himself. */
	if (pwrite(p->fd, &p->tick, sizeof(p->tick), offsetof(struct stored, tick)) < 0)
		return;
}

void wal_page_set_first(struct wal_page *p, int64_t first)
{
	atomic_store(&p->at->first, first);
}

int64_t wal_page_wait(struct wal_page *p)
{
	if (!p->read_only)
		atomic_store(&p->at->waited_for, 1);
	return atomic_load(&p->at->end);
}

bool wal_page_wakes(const struct wal_page *p)
{
	return !p->read_only;
}

/* ---- readers */

static struct wal_page_slot *take_slot(struct wal_page *p, uint64_t key, bool *found)
{
	for (unsigned i = 0; i < WAL_READERS; i++) {
		struct wal_page_slot *s = &p->at->reader[i];
		uint64_t is = 0;

		*found = !atomic_compare_exchange_strong(&s->key, &is, key) && is == key;
		if (*found || is == 0)
			return s;
	}
	return NULL;
}

struct wal_page_slot *wal_page_reader(struct wal_page *p, const char *name, int64_t acked,
				      struct err *err)
{
	uint64_t key = hash_64(name, strlen(name));
	struct wal_page_slot *s;
	bool found = false;

	if (p->read_only) {
		err_set(err, EX_CONFIG, "its " WAL_PAGE " may not be written");
		return NULL;
	}
	s = take_slot(p, key ? key : 1, &found);
	if (!s) {
		err_set(err, EX_CONFIG,
			"%d jobs read this log already, and it has room for no more: end them all, "
			"take its " WAL_PAGE " away, and start its writer and the jobs that go on",
			WAL_READERS);
		return NULL;
	}
	if (!found) {
		atomic_store(&s->acked, acked);
		strncpy(s->name, name, sizeof(s->name) - 1);
	}
	return s;
}

void wal_page_ack(struct wal_page_slot *slot, int64_t acked)
{
	atomic_store(&slot->acked, acked);
}

int64_t wal_page_acked(const struct wal_page *p)
{
	int64_t low = -1;

	for (unsigned i = 0; i < WAL_READERS; i++) {
		int64_t acked = atomic_load(&p->at->reader[i].acked);

		if (atomic_load(&p->at->reader[i].key) && (low < 0 || acked < low))
			low = acked;
	}
	return low;
}

bool wal_page_reader_at(const struct wal_page *p, unsigned i, char name[WAL_READER_NAME_BYTES],
			int64_t *acked)
{
	const struct wal_page_slot *s = &p->at->reader[i];

	if (i >= WAL_READERS || !atomic_load(&s->key))
		return false;
	memcpy(name, s->name, WAL_READER_NAME_BYTES);
	name[WAL_READER_NAME_BYTES - 1] = 0;
	*acked = atomic_load(&s->acked);
	return true;
}
