/* What the tests of files as a log share: files in a folder of their own, and what is read of
 * them. */
#ifndef TESTS_UNIT_FILES_LOG_H
#define TESTS_UNIT_FILES_LOG_H

#include "drv/files/files.h"

#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/mem.h"
#include "tap.h"

static char dir[] = "/tmp/hta-files-XXXXXX";
static struct err err;

static inline char *path_of(const char *name)
{
	return mem_printf("%s/%s", dir, name);
}

static inline char *make(const char *name, const char *text, size_t n)
{
	char *path = path_of(name);
	size_t len = strlen(name);

	if (len > 3 && strcmp(name + len - 3, ".gz") == 0) {
		gzFile z = gzopen(path, "ab"); /* each call a member of its own */
		gzwrite(z, text, (unsigned)n);
		gzclose(z);
	} else {
		FILE *f = fopen(path, "ab");
		if (len > 4 && strcmp(name + len - 4, ".zst") == 0) {
			size_t cap = ZSTD_compressBound(n);
			char *z = mem_alloc(cap);
			fwrite(z, 1, ZSTD_compress(z, cap, text, n, 1), f);
			free(z);
		} else {
			fwrite(text, 1, n, f);
		}
		fclose(f);
	}
	return path;
}

static inline struct input *open_log(const struct consume_file *v, size_t n, size_t max_line,
				     bool last_line)
{
	struct input *log = files_input_new(&(struct files_conf){ .v = v,
								  .n = n,
								  .max_line_bytes = max_line,
								  .last_line = last_line,
								  .quiet_tail = true });

	err.code = 0;
	if (log->ops->open(log->self, NULL, &err)) {
		files_input_free(log);
		return NULL;
	}
	return log;
}

/* The files' topics, after these names were known. */
static inline int names(struct input *log, const char *known, struct partitions *parts)
{
	struct positions k = { 0 };
	int rc;

	if (known)
		positions_add(&k, slice_z(known), 0)->idle = true;
	rc = log->ops->known(log->self, &k, &err);
	positions_fini(&k);
	return rc ? rc : log->ops->partitions(log->self, parts, &err);
}

static inline void give(struct buf *out, const struct input_record *r)
{
	buf_add(out, r->value.p, r->value.n < 20 ? r->value.n : 20);
	buf_printf(out, "@%lld%s;", (long long)r->offset, r->tail ? "t" : "");
}

/* Reads all from `from` of its only file: "value@offset;..." and the position; E where it is the
 * end. */
static inline const char *read_from(struct input *log, const char *topic, int64_t from)
{
	static struct buf out;
	struct ranges start = { 0 };
	struct input_batch b;
	int fd;

	out.n = 0;
	ranges_add(&start, slice_z(topic), 0)->from = from;
	if (log->ops->assign(log->self, &start, &err))
		buf_printf(&out, "error %d", err.code);
	ranges_fini(&start);
	for (;;) {
		if (log->ops->read(log->self, &b, &fd, &err)) {
			buf_printf(&out, "error %d", err.code);
			break;
		}
		if (!b.part)
			break;
		for (size_t i = 0; i < b.n && out.n < 1000; i++)
			give(&out, &b.v[i]);
		if (b.end)
			buf_printf(&out, "%lldE", (long long)b.position);
	}
	return buf_z(&out);
}

static inline void remove_folder(void)
{
	char *clean = mem_printf("rm -r %s", dir);

	ok(system(clean) == 0, "cleaned up");
	free(clean);
}

#endif
