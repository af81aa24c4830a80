/* Files that are as they were, and that are not; files whose size says nothing. */
#include "io/intact.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tap.h"

static int file_of(size_t n)
{
	int fd = memfd_create("intact", 0);

	for (size_t i = 0; i < n; i++)
		if (pwrite(fd, &(char){ (char)(i * 7 % 251) }, 1, (off_t)i) != 1)
			exit(EX_OSERR);
	return fd;
}

/* Whether a byte that is changed at `at` is noticed. */
static bool notices(size_t n, size_t at)
{
	struct err err = ERR_INIT;
	struct intact f;
	int fd = file_of(n), rc;
	bool fine = intact_begin(&f, fd, "f", &err) == 0 && intact_check(&f, &err) == 0;

	if (pwrite(fd, "\xff", 1, (off_t)at) != 1)
		exit(EX_OSERR);
	rc = intact_check(&f, &err);
	close(fd);
	return fine && rc == 1 && err.code == EX_IOERR &&
	       strstr(err.msg, "f: was written anew while it was read");
}

int main(void)
{
	static const size_t sizes[] = {
		1, 100, INTACT_BYTES - 1, INTACT_BYTES, INTACT_BYTES + 1, 2 * INTACT_BYTES, 50000,
	};
	struct err err = ERR_INIT;
	struct intact f;
	int fd;

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		size_t n = sizes[i];

		ok(notices(n, 0) && notices(n, n - 1), "%zu bytes: the first and the last one", n);
		ok(notices(n, n > INTACT_BYTES ? INTACT_BYTES - 1 : n / 2) &&
			   notices(n, n > INTACT_BYTES ? n - INTACT_BYTES : n / 3),
		   "%zu bytes: others", n);
		fd = file_of(n);
		ok(intact_begin(&f, fd, "f", &err) == 0 && f.bytes == (int64_t)n &&
			   ftruncate(fd, (off_t)n + 10) == 0 && intact_check(&f, &err) == 0,
		   "%zu bytes: grown", n);
		ok(ftruncate(fd, (off_t)n - 1) == 0 && intact_check(&f, &err) == 1 &&
			   err.code == EX_IOERR &&
			   strstr(err.msg, "f: was cut off while it was read"),
		   "%s", err.msg);
		close(fd);
	}
	fd = file_of(0);
	ok(intact_begin(&f, fd, "f", &err) == 0 && f.bytes == 0 && pwrite(fd, "x", 1, 0) == 1 &&
		   intact_check(&f, &err) == 0,
	   "an empty file");
	close(fd);
	fd = open("/proc/self/stat", O_RDONLY);
	ok(intact_begin(&f, fd, "f", &err) == 0 && f.bytes == 0 && intact_check(&f, &err) == 0,
	   "a file that says no size");
	close(fd);
	fd = open("/sys/kernel/mm/transparent_hugepage/enabled", O_RDONLY);
	ok(fd < 0 || (intact_begin(&f, fd, "f", &err) == 0 && f.bytes == 0 &&
		      intact_check(&f, &err) == 0),
	   "a file that says a size that it does not have");
	close(fd);
	ok(intact_begin(&f, -1, "f", &err) == -1 && err.code == EX_IOERR, "no file");
	return done();
}
