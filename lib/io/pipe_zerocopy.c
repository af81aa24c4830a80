/* A ring of chunks, one more than the pipe has room for and one to fill: end[i] is what had been
 * written to the pipe when the last of chunk i was lent. The pipe may hold pages that are not
 * full, or be enlarged by somebody; then the next chunk may still be unread, and the caller
 * writes from elsewhere. */
#include "io/pipe_zerocopy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/mem.h"

enum { CHUNKS_MAX = 32, PIPE_ZEROCOPY_MIN = 16 << 10 };

struct pipe_zerocopy {
	int fd;
	pid_t reader; /* the process that has the read lock; 0: none was seen yet */
	bool over;
	char *memory; /* chunks x PIPE_ZEROCOPY_CHUNK_BYTES */
	size_t chunks, at;
	uint64_t end[CHUNKS_MAX]; /* 0: not lent */
	uint64_t written, lent;
};

struct pipe_zerocopy *pipe_zerocopy_new(int fd)
{
	struct pipe_zerocopy *l = mem_zalloc(sizeof(*l));

	l->fd = fd;
	return l;
}

uint64_t pipe_zerocopy_bytes(const struct pipe_zerocopy *l)
{
	return l->lent;
}

static void lock(int fd, short type)
{
	struct flock f = {
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = PIPE_ZEROCOPY_BYTE,
		.l_len = 1,
	};

	(void)fcntl(fd, F_SETLK, &f); /* without the lock the writer copies */
}

void pipe_zerocopy_read(int fd)
{
	if (fcntl(fd, F_GETPIPE_SZ) > 0)
		lock(fd, F_RDLCK);
}

void pipe_zerocopy_read_end(int fd)
{
	if (fcntl(fd, F_GETPIPE_SZ) > 0)
		lock(fd, F_UNLCK);
}

/* The process that says that it copies, 0: none. */
static pid_t reader_of(int fd)
{
	struct flock f = {
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = PIPE_ZEROCOPY_BYTE,
		.l_len = 1,
	};

	if (fcntl(fd, F_GETLK, &f) || f.l_type != F_RDLCK || f.l_start != PIPE_ZEROCOPY_BYTE ||
	    f.l_len != 1 || f.l_pid <= 0)
		return 0;
	return f.l_pid;
}

bool pipe_zerocopy_is_read(int fd)
{
	return fcntl(fd, F_GETPIPE_SZ) > 0 && reader_of(fd);
}

static bool still_unread(const struct pipe_zerocopy *l, size_t chunk)
{
	int unread;

	return ioctl(l->fd, FIONREAD, &unread) || l->written < l->end[chunk] + (uint64_t)unread;
}

/* Chunks that were lent belong to their readers from now on. */
static char *give_up(struct pipe_zerocopy *l)
{
	if (l->memory)
		munmap(l->memory, l->chunks * PIPE_ZEROCOPY_CHUNK_BYTES);
	l->memory = NULL;
	l->over = true;
	return NULL;
}

static bool begin_zerocopy(struct pipe_zerocopy *l)
{
	int bytes = fcntl(l->fd, F_GETPIPE_SZ);

	l->chunks = (bytes > 0 ? (size_t)bytes / PIPE_ZEROCOPY_CHUNK_BYTES : 0) + 2;
	if (bytes <= 0 || l->chunks > CHUNKS_MAX)
		return false;
	l->memory = mmap(NULL, l->chunks * PIPE_ZEROCOPY_CHUNK_BYTES, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (l->memory == MAP_FAILED)
		l->memory = NULL;
	return l->memory;
}

char *pipe_zerocopy_chunk(struct pipe_zerocopy *l)
{
	size_t next;

	if (l->over)
		return NULL;
	if (!l->reader) {
		l->reader = reader_of(l->fd);
		if (!l->reader)
			return NULL;
		return begin_zerocopy(l) ? l->memory : give_up(l);
	}
	next = (l->at + 1) % l->chunks;
	if (l->end[l->at] == 0)
		return l->memory + l->at * PIPE_ZEROCOPY_CHUNK_BYTES;
	if (l->end[next]) {
		if (still_unread(l, next))
			return NULL;
		if (reader_of(l->fd) != l->reader)
			return give_up(l);
	}
	l->end[next] = 0;
	l->at = next;
	return l->memory + next * PIPE_ZEROCOPY_CHUNK_BYTES;
}

/* True for errors by which the system forbids vmsplice; false where the reader has left, is slow,
 * or a signal came. */
static bool is_refused(ssize_t k)
{
	return k < 0 && errno != EPIPE && errno != EAGAIN && errno != EINTR;
}

ssize_t pipe_zerocopy_write(struct pipe_zerocopy *l, const char *p, size_t n)
{
	bool lends = l->memory && !l->over && n >= PIPE_ZEROCOPY_MIN && p >= l->memory &&
		     p < l->memory + l->chunks * PIPE_ZEROCOPY_CHUNK_BYTES;
	ssize_t k = lends ? vmsplice(l->fd, &(struct iovec){ (char *)(uintptr_t)p, n }, 1,
				     SPLICE_F_NONBLOCK)
			  : 0;

	if (is_refused(k))
		l->over = true, lends = false;
	if (!lends)
		k = write(l->fd, p, n);
	if (k <= 0)
		return k;
	l->written += (uint64_t)k;
	if (lends) {
		l->end[l->at] = l->written;
		l->lent += (uint64_t)k;
	}
	return k;
}

void pipe_zerocopy_free(struct pipe_zerocopy *l)
{
	if (l)
		give_up(l);
	free(l);
}
