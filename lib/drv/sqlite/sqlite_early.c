/* Of a large transaction SQLite first writes every page and then waits for the disk: half of the
 * time the processor works and half of it the disk does. Here the kernel is told to begin with each
 * MiB when it is written, so that little is left for fdatasync to wait for:
 *
 *   pages   1111111122222222333333334444|fdatasync
 *   disk            11111111222222223333|4444
 *
 * sync_file_range starts writes and promises nothing: what is durable is as ever what fdatasync
 * has returned for. It is called where a page ends or crosses a MiB, and covers the two MiB below,
 * as a checkpoint writes the file in order and with gaps. No state is needed for that. SQLite has
 * no better place: a VFS of our own does not learn the descriptor. */
#include <fcntl.h>
#include <unistd.h>

#include "drv/sqlite/sqlite_internal.h"

enum { CHUNK_BITS = 20 };

static ssize_t write_early(int fd, const void *p, size_t n, off_t at)
{
	ssize_t done = pwrite(fd, p, n, at);
	off_t from = at >> CHUNK_BITS, to = (at + (done > 0 ? done : 0)) >> CHUNK_BITS;

	if (to > from) {
		from = from ? from - 1 : 0;
		sync_file_range(fd, from << CHUNK_BITS, (to - from) << CHUNK_BITS,
				SYNC_FILE_RANGE_WRITE);
	}
	return done;
}

void sqlite_write_early(void)
{
	static const char *const name[] = { "pwrite", "pwrite64" };
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

	for (size_t i = 0; vfs && vfs->iVersion >= 3 && i < sizeof(name) / sizeof(*name); i++)
		vfs->xSetSystemCall(vfs, name[i], (sqlite3_syscall_ptr)write_early);
}
