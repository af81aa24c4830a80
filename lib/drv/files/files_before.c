/* The last lines below an offset: of a plain file, from one read at the right place; a compressed
 * one would have to be decompressed up to there once more, for lines that nobody has to count. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "drv/files/files_internal.h"

enum { BEFORE_BYTES = 64 << 10, BEFORE_LINES = 64 };

/* The last BEFORE_LINES of the lines that end at `end`; of the first one there must be all. */
static struct slice last_lines(const char *start, const char *end, bool whole)
{
	const char *p = end;
	unsigned n = 0;

	while (n < BEFORE_LINES && p > start) {
		const char *nl = memrchr(start, '\n', (size_t)(p - 1 - start));

		if (!nl && !whole)
			break;
		p = nl ? nl + 1 : start;
		n++;
	}
	return slice(p, (size_t)(end - p));
}

int files_before(void *self, const struct partition *part, int64_t offset, struct buf *lines,
		 struct err *err)
{
	const struct file *f = files_find(self, part->topic);
	int64_t from = offset > BEFORE_BYTES ? offset - BEFORE_BYTES : 0;
	size_t bytes = (size_t)(offset - from);
	struct buf text = { 0 };
	ssize_t n;

	if (!f || f->packed || offset == 0)
		return 0;
	do
		n = pread(f->fd, buf_room(&text, bytes), bytes, from);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		err_errno(err, EX_IOERR, "%s", f->path);
	else if ((size_t)n == bytes && text.p[n - 1] == '\n')
		buf_adds(lines, last_lines(text.p, text.p + n, from == 0));
	buf_fini(&text);
	return n < 0 ? -1 : 0;
}
