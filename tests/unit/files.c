/* Files as a log: names, growth, compression, resume, fingerprints, last lines. */
#include "tap.h"

#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/mem.h"
#include "source/files.h"
#include "source/stream.h"

static char dir[] = "/tmp/hta-files-XXXXXX";
static struct err err;

static char *path_of(const char *name)
{
	return mem_printf("%s/%s", dir, name);
}

static char *make(const char *name, const char *text, size_t n)
{
	char *path = path_of(name);
	size_t len = strlen(name);

	if (len > 3 && strcmp(name + len - 3, ".gz") == 0) {
		gzFile z = gzopen(path, "ab");       /* each call a member of its own */
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

static struct log *open_log(const struct files_operand *v, size_t n, size_t max_line, bool last_line)
{
	struct log *log = files_log_new(&(struct files_conf){ .v = v, .n = n, .max_line_bytes = max_line, .last_line = last_line, .quiet_tail = true });

	err.code = 0;
	if (log->ops->open(log->self, NULL, &err)) {
		files_log_free(log);
		return NULL;
	}
	return log;
}

/* The files' topics, after these names were known. */
static int names(struct log *log, const char *known, struct log_parts *parts)
{
	struct log_parts k = { 0 };
	int rc;

	if (known)
		log_parts_add(&k, slice_z(known), 0);
	rc = log->ops->known(log->self, &k, &err);
	log_parts_fini(&k);
	return rc ? rc : log->ops->partitions(log->self, parts, &err);
}

static void give(struct buf *out, const struct log_record *r)
{
	buf_add(out, r->value.p, r->value.n < 20 ? r->value.n : 20);
	buf_printf(out, "@%lld%s;", (long long)r->offset, r->tail ? "t" : "");
}

/* Reads all from `from` of its only file: "value@offset;..." and the position; E where it is the end. */
static const char *read_from(struct log *log, const char *topic, int64_t from)
{
	static struct buf out;
	struct ranges start = { 0 };
	struct log_batch b;
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

static void name_texts(void)
{
	static const char *const bad[] = { "", "file:", "file:3", "file:3:12", "file:0:0123456789abcdef", "file:4097:0123456789abcdef", "file:x:0123456789abcdef",
					   "file:3:0123456789abcdeg", "File:3:0123456789abcdef" };
	struct buf b = { 0 };
	uint64_t hash;
	size_t len;

	files_name("abc", 3, &b);
	ok(b.n == sizeof("file:3:0123456789abcdef") - 1 && files_name_read(buf_slice(&b), &len, &hash) && len == 3, "a name is read back: %s", buf_z(&b));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ok(!files_name_read(slice_z(bad[i]), &len, &hash), "\"%s\" is no such name", bad[i]);
	buf_fini(&b);
}

static void identity(void)
{
	char *a = make("a.log", "one\ntwo\n", 8), *z;
	struct files_operand v[2] = { { .path = a } };
	struct log *log = open_log(v, 1, 1 << 20, false);
	struct log_parts p = { 0 };
	char *first;

	ok(log && names(log, NULL, &p) == 0 && p.n == 1, "one partition");
	first = mem_strdup(p.v[0].topic);
	is_str(read_from(log, first, 0), "one@0;two@4;8E", "lines are records, offsets bytes");
	is_str(read_from(log, first, 4), "two@4;8E", "... from an offset");
	is_str(read_from(log, first, 8), "8E", "... from the end");
	is_str(read_from(log, first, 9), "error 78", "... beyond it");
	files_log_free(log);
	log_parts_fini(&p);

	free(make("a.log", "three\n", 6));
	log = open_log(v, 1, 1 << 20, false);
	ok(names(log, first, &p) == 0 && strcmp(p.v[0].topic, first) == 0, "growth keeps a known name");
	is_str(read_from(log, first, 8), "three@8;14E", "... and goes on behind what was read");
	files_log_free(log);
	log_parts_fini(&p);
	log = open_log(v, 1, 1 << 20, false);
	ok(names(log, NULL, &p) == 0 && strcmp(p.v[0].topic, first) != 0, "a name that is not known is drawn from what is there now");
	files_log_free(log);
	log_parts_fini(&p);

	z = make("b.gz", "one\ntwo\nthree\n", 14);
	v[0].path = z;
	log = open_log(v, 1, 1 << 20, false);
	ok(names(log, first, &p) == 0 && strcmp(p.v[0].topic, first) == 0, "compression keeps it");
	is_str(read_from(log, first, 8), "three@8;14E", "... offsets count the text");
	is_str(read_from(log, first, 15), "error 78", "... beyond the end");
	files_log_free(log);
	log_parts_fini(&p);

	v[1].path = a;
	log = open_log(v, 2, 1 << 20, false);
	ok(names(log, NULL, &p) < 0 && err.code == EX_USAGE, "two files of one identity");
	files_log_free(log);
	log_parts_fini(&p);
	v[1].name = "other";
	log = open_log(v, 2, 1 << 20, false);
	ok(names(log, NULL, &p) == 0 && p.n == 2 && strcmp(p.v[1].topic, "other") == 0, "... until one is named");
	is_str(files_path(log, "other"), a, "the path of a topic");
	files_log_free(log);
	log_parts_fini(&p);
	free(first);
	free(a);
	free(z);
}

static void compressed(const char *name)
{
	struct buf text = { 0 };
	char *path;
	struct files_operand v[1];
	struct log *log;
	struct log_parts p = { 0 };
	struct ranges r = { 0 };

	for (int i = 0; i < 50000; i++)
		buf_printf(&text, "line %d of some text\n", i);
	free(make(name, text.p, text.n / 2));
	path = make(name, text.p + text.n / 2, text.n - text.n / 2);        /* a second member, cut inside a line */
	v[0] = (struct files_operand){ .path = path, .name = "t" };
	log = open_log(v, 1, 1 << 20, false);
	ok(names(log, NULL, &p) == 0 && p.n == 1, "%s: opens", name);
	ranges_add(&r, slice_z("t"), 0);
	ok(log->ops->ends(log->self, &r, &err) == 0 && r.v[0].to == -1, "%s: its end is not known yet", name);
	ok(strncmp(read_from(log, "t", (int64_t)text.n - 24), "line 49999 of some t@", 21) == 0, "%s: the last line, through both members", name);
	ok(log->ops->ends(log->self, &r, &err) == 0 && r.v[0].to == (int64_t)text.n, "%s: now it is", name);
	files_log_free(log);
	truncate(path, 1000);
	log = open_log(v, 1, 1 << 20, false);
	if (log)
		names(log, NULL, &p);
	ok(log ? strstr(read_from(log, "t", 0), "error 65") != NULL : err.code == EX_DATAERR, "%s: cut off is bad data", name);
	files_log_free(log);
	log_parts_fini(&p);
	ranges_fini(&r);
	buf_fini(&text);
	free(path);
}

static void tails(void)
{
	char *path = make("tail", "one\ntw", 6);
	struct files_operand v[1] = { { .path = path, .name = "t" } };
	struct log *log = open_log(v, 1, 1 << 20, false);
	struct log_parts p = { 0 };
	struct ranges r = { 0 };

	names(log, NULL, &p);
	is_str(read_from(log, "t", 0), "one@0;4E", "an unfinished line is left");
	ranges_add(&r, slice_z("t"), 0);
	ok(log->ops->starts(log->self, &r, LOG_LATEST, 0, &err) == 0 && r.v[0].from == 4, "latest is behind the last newline");
	files_log_free(log);
	log = open_log(v, 1, 1 << 20, true);
	names(log, NULL, &p);
	is_str(read_from(log, "t", 0), "one@0;tw@4t;6E", "--last-line takes it");
	files_log_free(log);
	log_parts_fini(&p);
	ranges_fini(&r);
	free(path);
}

static void long_lines(void)
{
	struct buf text = { 0 };
	char *path;
	struct files_operand v[1] = { { .name = "t" } };
	struct log *log;
	struct log_parts p = { 0 };
	struct log_part part = { .topic = (char *)(uintptr_t)"t" };
	struct pos_last last;
	bool found;

	buf_addz(&text, "a\n");
	for (int i = 0; i < 300000; i++)
		buf_addc(&text, 'x');
	buf_addz(&text, "\nb\n");
	v[0].path = path = make("long", text.p, text.n);
	log = open_log(v, 1, 1000, false);
	names(log, NULL, &p);
	is_str(read_from(log, "t", 0), "a@0;xxxxxxxxxxxxxxxxxxxx@2;b@300003;300005E", "an over-long line has its offsets");
	ok(log->ops->fingerprint(log->self, &part, 2, &found, &last, &err) == 0 && found && last.hash == log_hash(slice(text.p + 2, 300000)),
	   "... and its fingerprint, the same whatever --max-line is");
	ok(log->ops->fingerprint(log->self, &part, 300003, &found, &last, &err) == 0 && found && last.hash == log_hash(slice_z("b")), "a fingerprint");
	is_str(read_from(log, "t", 300005), "300005E", "... and reading goes on behind it");
	ok(log->ops->fingerprint(log->self, &part, 400000, &found, &last, &err) == 0 && !found, "nothing beyond the end");
	files_log_free(log);
	log_parts_fini(&p);
	buf_fini(&text);
	free(path);
}

static void others(void)
{
	char *empty = make("empty", "", 0), *gone = path_of("gone");
	struct files_operand v[1] = { { .path = empty } };
	struct log *log = open_log(v, 1, 1 << 20, false);
	struct log_parts p = { 0 };

	ok(log && names(log, NULL, &p) == 0 && p.n == 0, "an empty file is no partition");
	files_log_free(log);
	v[0].path = gone;
	ok(!open_log(v, 1, 1 << 20, false) && err.code == EX_CONFIG, "a file that is not there");
	v[0].path = dir;
	ok(!open_log(v, 1, 1 << 20, false) && err.code == EX_USAGE, "a folder");
	free(empty);
	free(gone);
}

int main(void)
{
	char *clean;

	if (!mkdtemp(dir))
		return 1;
	name_texts();
	identity();
	compressed("c.gz");
	compressed("c.zst");
	tails();
	long_lines();
	others();
	clean = mem_printf("rm -r %s", dir);
	ok(system(clean) == 0, "cleaned up");
	free(clean);
	return done();
}
