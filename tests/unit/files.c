/* Files as a log: names, growth, compression, resume, fingerprints, last lines, damage. */
#include "files_log.h"

static void name_texts(void)
{
	static const char *const bad[] = { "",
					   "file:",
					   "file:3",
					   "file:3:12",
					   "file:0:0123456789abcdef",
					   "file:4097:0123456789abcdef",
					   "file:x:0123456789abcdef",
					   "file:3:0123456789abcdeg",
					   "File:3:0123456789abcdef" };
	struct buf b = { 0 };
	uint64_t hash;
	size_t len;

	files_name("abc", 3, &b);
	ok(b.n == sizeof("file:3:0123456789abcdef") - 1 &&
		   files_name_read(buf_slice(&b), &len, &hash) && len == 3,
	   "a name is read back: %s", buf_z(&b));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ok(!files_name_read(slice_z(bad[i]), &len, &hash), "\"%s\" is no such name",
		   bad[i]);
	buf_fini(&b);
}

static void identity(void)
{
	char *a = make("a.log", "one\ntwo\n", 8), *z;
	struct consume_file v[2] = { { .path = a } };
	struct input *log = open_log(v, 1, 1 << 20, false);
	struct partitions p = { 0 };
	char *first;

	ok(log && names(log, NULL, &p) == 0 && p.n == 1, "one partition");
	first = mem_strdup(p.v[0].topic);
	is_str(read_from(log, first, 0), "one@0;two@4;8E", "lines are records, offsets bytes");
	is_str(read_from(log, first, 4), "two@4;8E", "... from an offset");
	is_str(read_from(log, first, 8), "8E", "... from the end");
	is_str(read_from(log, first, 9), "error 78", "... beyond it");
	files_input_free(log);
	partitions_fini(&p);

	free(make("a.log", "three\n", 6));
	log = open_log(v, 1, 1 << 20, false);
	ok(names(log, first, &p) == 0 && strcmp(p.v[0].topic, first) == 0,
	   "growth keeps a known name");
	is_str(read_from(log, first, 8), "three@8;14E", "... and goes on behind what was read");
	files_input_free(log);
	partitions_fini(&p);
	log = open_log(v, 1, 1 << 20, false);
	ok(names(log, NULL, &p) == 0 && strcmp(p.v[0].topic, first) != 0,
	   "a name that is not known is drawn from what is there now");
	files_input_free(log);
	partitions_fini(&p);

	z = make("b.gz", "one\ntwo\nthree\n", 14);
	v[0].path = z;
	log = open_log(v, 1, 1 << 20, false);
	ok(names(log, first, &p) == 0 && strcmp(p.v[0].topic, first) == 0, "compression keeps it");
	is_str(read_from(log, first, 8), "three@8;14E", "... offsets count the text");
	is_str(read_from(log, first, 15), "error 78", "... beyond the end");
	files_input_free(log);
	partitions_fini(&p);

	v[1].path = a;
	log = open_log(v, 2, 1 << 20, false);
	ok(names(log, NULL, &p) < 0 && err.code == EX_USAGE, "two files of one identity");
	files_input_free(log);
	partitions_fini(&p);
	v[1].name = "other";
	log = open_log(v, 2, 1 << 20, false);
	ok(names(log, NULL, &p) == 0 && p.n == 2 && strcmp(p.v[1].topic, "other") == 0,
	   "... until one is named");
	is_str(input_place(log, "other"), a, "the path of a topic");
	files_input_free(log);
	partitions_fini(&p);
	v[1].name = NULL;
	log = open_log(v + 1, 1, 1 << 20, false);
	free(make("a.log", "four\n", 5));
	ok(names(log, first, &p) == 0, "a file that has grown since it was opened");
	is_str(read_from(log, first, 14), "four@14;19E",
	       "... to where another process of the job stands, who knows");
	files_input_free(log);
	partitions_fini(&p);
	free(first);
	free(a);
	free(z);
}

static void compressed(const char *name)
{
	struct buf text = { 0 };
	char *path;
	struct consume_file v[1];
	struct input *log;
	struct partitions p = { 0 };
	struct ranges r = { 0 };
	struct pos_last last;
	const char *got;
	char want[32];
	int64_t far;
	bool found;
	FILE *f;

	for (int i = 0; i < 50000; i++)
		buf_printf(&text, "line %d of some text\n", i);
	free(make(name, text.p, text.n / 2));
	path = make(name, text.p + text.n / 2,
		    text.n - text.n / 2); /* a second member, cut inside a line */
	v[0] = (struct consume_file){ .path = path, .name = "t" };
	log = open_log(v, 1, 1 << 20, false);
	ok(names(log, NULL, &p) == 0 && p.n == 1, "%s: opens", name);
	ranges_add(&r, slice_z("t"), 0);
	ok(log->ops->ends(log->self, &r, &err) == 0 && r.v[0].to == -1,
	   "%s: its end is not known yet", name);
	ok(strncmp(read_from(log, "t", (int64_t)text.n - 24), "line 49999 of some t@", 21) == 0,
	   "%s: the last line, through both members", name);
	ok(log->ops->ends(log->self, &r, &err) == 0 && r.v[0].to == (int64_t)text.n,
	   "%s: now it is", name);
	ok(log->ops->left(log->self, &err) == 0, "%s: nothing is left", name);
	files_input_free(log);
	f = fopen(path, "r");
	fseek(f, 0, SEEK_END);
	truncate(path, ftell(f) / 3);
	fclose(f);
	log = open_log(v, 1, 1 << 20, false);
	names(log, NULL, &p);
	far = (int64_t)text.n - 24;
	got = read_from(log, "t", 0);
	ok(strncmp(got, "line 0 of some text@0;line 1 of some text@20;", 45) == 0,
	   "%s: what a cut file has at its beginning is read", name);
	ok(log->ops->left(log->self, &err) == -1 && err.code == EX_DATAERR &&
		   strstr(err.msg, "they end in the middle"),
	   "%s: ... and why the rest is not: %s", name, err.msg);
	ok(log->ops->fingerprint(log->self, &p.v[0], 20, &found, &last, &err) == 0 && found &&
		   last.hash == record_hash(slice_z("line 1 of some text")),
	   "%s: a fingerprint before the damage", name);
	err_clear(&err);
	ok(log->ops->fingerprint(log->self, &p.v[0], far, &found, &last, &err) == 0 && !found,
	   "%s: none behind it", name);
	snprintf(want, sizeof want, "%lldE", (long long)far);
	is_str(read_from(log, "t", far), want, "a position behind the damage: nothing comes");
	err_clear(&err);
	ok(log->ops->left(log->self, &err) == -1 && err.code == EX_DATAERR,
	   "%s: ... and that is said", name);
	files_input_free(log);
	partitions_fini(&p);
	ranges_fini(&r);
	buf_fini(&text);
	free(path);
}

static void tails(void)
{
	char *path = make("tail", "one\ntw", 6);
	struct consume_file v[1] = { { .path = path, .name = "t" } };
	struct input *log = open_log(v, 1, 1 << 20, false);
	struct partitions p = { 0 };
	struct ranges r = { 0 };

	names(log, NULL, &p);
	is_str(read_from(log, "t", 0), "one@0;4E", "an unfinished line is left");
	ranges_add(&r, slice_z("t"), 0);
	ok(log->ops->starts(log->self, &r, INPUT_LATEST, 0, &err) == 0 && r.v[0].from == 4,
	   "latest is behind the last newline");
	files_input_free(log);
	log = open_log(v, 1, 1 << 20, true);
	names(log, NULL, &p);
	is_str(read_from(log, "t", 0), "one@0;tw@4t;6E", "--last-line takes it");
	files_input_free(log);
	partitions_fini(&p);
	ranges_fini(&r);
	free(path);
}

static void long_lines(void)
{
	struct buf text = { 0 };
	char *path;
	struct consume_file v[1] = { { .name = "t" } };
	struct input *log;
	struct partitions p = { 0 };
	struct partition part = { .topic = (char *)(uintptr_t) "t" };
	struct pos_last last;
	bool found;

	buf_addz(&text, "a\n");
	for (int i = 0; i < 300000; i++)
		buf_addc(&text, 'x');
	buf_addz(&text, "\nb\n");
	v[0].path = path = make("long", text.p, text.n);
	log = open_log(v, 1, 1000, false);
	names(log, NULL, &p);
	is_str(read_from(log, "t", 0), "a@0;xxxxxxxxxxxxxxxxxxxx@2;b@300003;300005E",
	       "an over-long line has its offsets");
	ok(log->ops->fingerprint(log->self, &part, 2, &found, &last, &err) == 0 && found &&
		   last.hash == record_hash(slice(text.p + 2, 300000)),
	   "... and its fingerprint, the same whatever --max-line is");
	ok(log->ops->fingerprint(log->self, &part, 300003, &found, &last, &err) == 0 && found &&
		   last.hash == record_hash(slice_z("b")),
	   "a fingerprint");
	is_str(read_from(log, "t", 300005), "300005E", "... and reading goes on behind it");
	ok(log->ops->fingerprint(log->self, &part, 400000, &found, &last, &err) == 0 && !found,
	   "nothing beyond the end");
	files_input_free(log);
	partitions_fini(&p);
	buf_fini(&text);
	free(path);
}

static const char *before(struct input *log, int64_t offset)
{
	static struct buf out;
	struct partition part = { .topic = (char *)(uintptr_t) "t" };

	out.n = 0;
	return log->ops->before(log->self, &part, offset, &out, &err) ? "error" : buf_z(&out);
}

static void lines_before(void)
{
	struct consume_file v[1] = { { .name = "t" } };
	struct buf text = { 0 };
	struct partitions p = { 0 };
	struct input *log;
	char *path;

	for (int i = 0; i < 100; i++)
		buf_printf(&text, "%02d\n", i);
	for (int i = 0; i < 70000; i++)
		buf_addc(&text, 'x');
	buf_addz(&text, "\nb\ntail");
	v[0].path = path = make("before", text.p, text.n);
	log = open_log(v, 1, 1 << 20, false);
	names(log, NULL, &p);
	is_str(before(log, 0), "", "before the first line there is none");
	is_str(before(log, 3), "00\n", "the first line");
	is_str(before(log, 9), "00\n01\n02\n", "all lines");
	is_int(strlen(before(log, 300)), 64 * 3, "no more than 64");
	ok(strncmp(before(log, 300), "36\n", 3) == 0, "the last ones");
	is_str(before(log, 70303), "b\n", "none that is not whole");
	is_str(before(log, 70301), "", "one that is longer than what is looked at");
	is_str(before(log, 4), "", "an offset where no line ends");
	is_str(before(log, 1 << 30), "", "beyond the end");
	files_input_free(log);
	partitions_fini(&p);
	free(path);
	v[0].path = path = make("before.gz", text.p, text.n);
	log = open_log(v, 1, 1 << 20, false);
	is_str(before(log, 3), "", "nothing of a compressed file");
	files_input_free(log);
	buf_fini(&text);
	free(path);
}

static void others(void)
{
	char *empty = make("empty", "", 0), *gone = path_of("gone");
	struct consume_file v[1] = { { .path = empty } };
	struct input *log = open_log(v, 1, 1 << 20, false);
	struct partitions p = { 0 };

	ok(log && names(log, NULL, &p) == 0 && p.n == 0, "an empty file is no partition");
	files_input_free(log);
	v[0].path = gone;
	ok(!open_log(v, 1, 1 << 20, false) && err.code == EX_CONFIG, "a file that is not there");
	v[0].path = dir;
	ok(!open_log(v, 1, 1 << 20, false) && err.code == EX_CONFIG, "a folder");
	v[0].path = "/dev/null";
	ok(!open_log(v, 1, 1 << 20, false) && err.code == EX_USAGE, "a device");
	free(empty);
	free(gone);
}

int main(void)
{
	if (!mkdtemp(dir))
		return 1;
	name_texts();
	identity();
	compressed("c.gz");
	compressed("c.zst");
	tails();
	long_lines();
	lines_before();
	others();
	remove_folder();
	return done();
}
