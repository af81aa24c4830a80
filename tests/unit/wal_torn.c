/* Where an intake's log ends after a writer that was killed in any way. */
#include "wal_writer.h"

#include "base/mem.h"
#include "source/wal_format.h"

enum { SECTOR = 512 };

struct scene {
	int64_t first;       /* of the segment that the last group is in */
	int64_t before, end; /* of the last group */
	struct buf all;      /* what it should have, with the last group, and without it: */
	size_t kept;
};

/* Groups of many sizes, the last one of some sectors. */
static void write_scene(struct scene *s, unsigned groups)
{
	struct writer w;
	struct wal_segments all = { 0 };
	struct wal_dir d;
	struct err err = ERR_INIT;

	empty_folder();
	if (!open_writer(&w))
		exit(EX_OSERR);
	for (unsigned i = 0; i < groups; i++) {
		s->before = w.durable;
		if (i + 1 == groups)
			read_log(&s->all, &(int64_t){ 0 });
		s->kept = s->all.n;
		put_line(&w, i, i + 1 == groups ? below(6000) : below(3000));
	}
	close_writer(&w);
	read_log(&s->all, &s->end);
	wal_dir_open(&d, dir, &err);
	wal_dir_segments(&d, &all, &err);
	s->first = all.v[all.n - 1].first;
	free(all.v);
	wal_dir_close(&d);
	uncut(s->first);
}

/* Of the last group some sectors were written, and of one perhaps less. */
static void tear(const struct scene *s, bool *whole)
{
	size_t n = (size_t)(s->end - s->before);
	int64_t at = s->before - s->first, first = at / SECTOR;
	char *was = mem_alloc(n), *now = mem_zalloc(n);
	unsigned kind = below(4), cut = below((unsigned)n + 1);

	get_bytes(path_of(s->first), was, n, at);
	for (size_t i = 0; i < n; i++) {
		int64_t sector = (at + (int64_t)i) / SECTOR - first;
		bool there = kind == 0   ? i < cut
			     : kind == 1 ? i >= cut
					 : (state >> (sector & 63)) & 1;

		now[i] = there ? was[i] : 0;
	}
	*whole = memcmp(was, now, n) == 0;
	put_bytes(path_of(s->first), now, n, at);
	next();
	free(was);
	free(now);
}

static bool torn_once(unsigned groups)
{
	struct scene s = { 0 };
	struct buf got = { 0 };
	struct writer w;
	int64_t end;
	bool whole, good;

	write_scene(&s, groups);
	tear(&s, &whole);
	set_durable(s.before);
	good = open_writer(&w) && w.durable == (whole ? s.end : s.before);
	if (good) {
		put_line(&w, groups, below(2000)); /* nothing of the torn one comes back */
		close_writer(&w);
		read_log(&got, &end);
		good = end == w.durable && got.n > (whole ? s.all.n : s.kept) &&
		       memcmp(got.p, s.all.p, whole ? s.all.n : s.kept) == 0 &&
		       strncmp(got.p + (whole ? s.all.n : s.kept), "{\"i\":", 5) == 0 &&
		       str_lines(buf_slice(&got)) == groups + whole;
	}
	buf_fini(&got);
	buf_fini(&s.all);
	return good;
}

static bool flipped_once(unsigned groups)
{
	struct scene s = { 0 };
	struct writer w;
	char at_text[128], byte;
	int64_t at;
	bool good;

	write_scene(&s, groups);
	set_durable(s.end);
	if (s.before == s.first) { /* the last group is alone in its segment */
		buf_fini(&s.all);
		return true;
	}
	at = s.first + (int64_t)below((unsigned)(s.end - s.first));
	get_bytes(path_of(s.first), &byte, 1, at - s.first);
	byte = (char)(byte ^ 1 << below(8));
	put_bytes(path_of(s.first), &byte, 1, at - s.first);
	good = !open_writer(&w) && w.why.code == EX_DATAERR && strstr(w.why.msg, "--cut-at");
	loop_free(w.loop);
	if (good) {
		long long offset = strtoll(strstr(w.why.msg, "at offset ") + 10, NULL, 10);

		snprintf(at_text, sizeof(at_text), "%s/cut-%lld.log", dir, offset);
		good = offset <= at && !open_with(&w, offset + 1, 0) && w.why.code == EX_CONFIG;
		loop_free(w.loop);
		good = good && open_with(&w, offset, 0) && w.durable == offset &&
		       access(at_text, R_OK) == 0;
		if (good)
			close_writer(&w);
	}
	buf_fini(&s.all);
	return good;
}

static void test_property(void)
{
	unsigned torn = 0, flipped = 0;

	for (unsigned i = 0; i < 150; i++)
		torn += torn_once(2 + below(12));
	is_int(torn, 150, "a torn last group: exactly what was answered, or that group whole");
	for (unsigned i = 0; i < 60; i++)
		flipped += flipped_once(2 + below(12));
	is_int(flipped, 60, "a flipped bit below the durable end: 65, and --cut-at mends it");
}

int main(void)
{
	if (!mkdtemp(dir))
		return EX_OSERR;
	test_property();
	empty_folder();
	return done();
}
