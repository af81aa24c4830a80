#include "tool/rules_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

enum { RULES_BYTES_MAX = 16 << 20 };

int rules_files_read(int fd, const char *name, struct buf *text, struct err *err)
{
	ssize_t n = 1;

	while (n > 0 && text->n < RULES_BYTES_MAX) {
		n = read(fd, buf_room(text, 64 << 10), 64 << 10);
		text->n += n > 0 ? (size_t)n : 0;
	}
	if (n < 0)
		return err_errno(err, EX_CONFIG, "%s", name);
	return n ? err_set(err, EX_CONFIG, "%s: more than 16 MiB of rules", name) : 0;
}

static int read_rules_file(const char *path, rules_file_fn *fn, void *arg, struct err *err)
{
	struct buf text = { 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;

	if (fd < 0)
		return err_errno(err, EX_CONFIG, "%s", path);
	rc = rules_files_read(fd, path, &text, err);
	close(fd);
	if (rc == 0)
		rc = fn(arg, path, buf_slice(&text), err);
	buf_fini(&text);
	return rc;
}

static int is_rules_file(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return e->d_name[0] != '.' && n > 5 && strcmp(e->d_name + n - 5, ".json") == 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

int rules_files_each(const char *path, rules_file_fn *fn, void *arg, struct err *err)
{
	struct dirent **entry;
	int n = scandir(path, &entry, is_rules_file, by_bytes), rc = 0;

	if (n < 0)
		return errno == ENOTDIR ? read_rules_file(path, fn, arg, err)
					: err_errno(err, EX_CONFIG, "%s", path);
	if (n == 0)
		rc = err_set(err, EX_CONFIG, "%s: no file NAME.json in this folder", path);
	for (int i = 0; i < n; i++) {
		char *file = mem_printf("%s/%s", path, entry[i]->d_name);

		if (rc == 0)
			rc = read_rules_file(file, fn, arg, err);
		free(file);
		free(entry[i]);
	}
	free(entry);
	return rc;
}
