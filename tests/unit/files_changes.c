/* Files as a log, that change below their reader: which changes are noticed, and which are none. */
#include "files_log.h"

enum { LINE = 20, LINES = 50000 };

/* LINES lines of LINE bytes that begin with `first`; of other lines from `from` on. */
static void write_lines(const char *path, const char *first, int lines, int from)
{
	FILE *f = fopen(path, "w");

	for (int i = 0; i < lines; i++)
		fprintf(f, "%s %08d%s", i < from ? first : "late", i, "______\n");
	fclose(f);
}

static bool reads(struct input *log)
{
	struct input_batch b;
	int fd;

	err_clear(&err);
	return log->ops->read(log->self, &b, &fd, &err) == 0 && b.part;
}

/* What verify says after the file was opened, a batch was read, and then `change` was done to
 * it. */
static int verified(const char *what, void (*change)(const char *path))
{
	char *path = path_of("log");
	struct consume_file v[1] = { { .path = path, .name = "t" } };
	struct partitions p = { 0 };
	struct ranges start = { 0 };
	struct input *log;
	int rc;

	write_lines(path, "line", LINES, LINES);
	log = open_log(v, 1, 1 << 20, false);
	names(log, NULL, &p);
	ranges_add(&start, slice_z("t"), 0);
	log->ops->assign(log->self, &start, &err);
	ok(reads(log) && log->ops->verify(log->self, &err) == 0, "%s: as it was", what);
	change(path);
	ok(log->ops->verify(log->self, &err) == 0, "%s: nothing was read since", what);
	reads(log);
	rc = err.code ? err.code : log->ops->verify(log->self, &err) ? err.code : 0;
	ok(rc == 0 || (rc == EX_TEMPFAIL && strstr(err.msg, "/log: was ")), "%s: %s", what,
	   err.msg);
	files_input_free(log);
	partitions_fini(&p);
	ranges_fini(&start);
	unlink(path);
	free(path);
	return rc;
}

static void append(const char *path)
{
	FILE *f = fopen(path, "a");

	fputs("more\n", f);
	fclose(f);
}

static void empty(const char *path)
{
	truncate(path, 0);
}
static void cut(const char *path)
{
	truncate(path, (LINES - 1) * (off_t)LINE);
}
static void make_shorter(const char *path)
{
	write_lines(path, "LINE", 10, LINES);
}
static void make_same(const char *path)
{
	write_lines(path, "LINE", LINES, LINES);
}
static void make_longer(const char *path)
{
	write_lines(path, "LINE", 2 * LINES, 2 * LINES);
}
static void make_begin_alike(const char *path)
{
	write_lines(path, "line", LINES + 5, LINES / 2);
}
static void make_equal(const char *path)
{
	write_lines(path, "line", LINES, LINES);
}

static void make_hole(const char *path)
{
	truncate(path, 0);
	truncate(path, LINES * (off_t)LINE);
	append(path);
}

static void move(const char *path)
{
	char *to = path_of("log.1");

	rename(path, to);
	write_lines(path, "LINE", 3, 3);
	unlink(to);
	free(to);
}

static void changes(void)
{
	is_int(verified("appended to", append), 0, "... is the same file");
	is_int(verified("renamed and deleted", move), 0, "... is the same file");
	is_int(verified("written anew with the same text", make_equal), 0, "... is the same file");
	is_int(verified("emptied", empty), EX_TEMPFAIL, "... is noticed");
	is_int(verified("cut off", cut), EX_TEMPFAIL, "... is noticed");
	is_int(verified("written anew, shorter", make_shorter), EX_TEMPFAIL, "... is noticed");
	is_int(verified("written anew, as long", make_same), EX_TEMPFAIL, "... is noticed");
	is_int(verified("written anew, longer", make_longer), EX_TEMPFAIL, "... is noticed");
	is_int(verified("written anew, with the same beginning", make_begin_alike), EX_TEMPFAIL,
	       "... is noticed");
	is_int(verified("written anew behind a hole", make_hole), EX_TEMPFAIL, "... is noticed");
}

int main(void)
{
	if (!mkdtemp(dir))
		return 1;
	changes();
	remove_folder();
	return done();
}
