/* The base line is a file of a few lines that is written under a lock on the folder: a line is
 * replaced, those of other logs stay. */
#include "tool/intake_stats.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/tm.h"
#include "json/json.h"
#include "tool/prog.h"

enum { FILE_MOST = 4 << 20, TOPICS_MOST = 1000 };
#define BASE "stats-base.json"
#define TOLD "intake-"

void intake_stats_fini(struct intake_stats *s)
{
	buf_fini(&s->topics);
	*s = (struct intake_stats){ 0 };
}

/* ---- files of the folder */
static int open_folder(struct err *err)
{
	const char *dir = prog_run_dir(err);
	int fd;

	if (!dir)
		return -1;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_errno(err, EX_IOERR, "%s", dir) : fd;
}

/* What cannot be read is empty. */
static void read_file(int dir, const char *name, struct buf *out)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = 1;

	while (fd >= 0 && n > 0 && out->n < FILE_MOST) {
		n = read(fd, buf_room(out, 4096), 4096);
		out->n += n > 0 ? (size_t)n : 0;
	}
	if (fd >= 0)
		close(fd);
}

static int write_file(int dir, const char *name, const struct buf *text, bool sync, struct err *err)
{
	struct buf fresh = { 0 };
	int fd, rc = -1;

	buf_printf(&fresh, "%s.new", name);
	fd = openat(dir, buf_z(&fresh), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd >= 0 && write(fd, text->p, text->n) == (ssize_t)text->n &&
	    (!sync || fsync(fd) == 0) && renameat(dir, buf_z(&fresh), dir, name) == 0)
		rc = 0;
	else
		err_errno(err, EX_IOERR, "%s", name);
	if (fd >= 0)
		close(fd);
	buf_fini(&fresh);
	return rc;
}

/* ---- lines */
static bool read_sums(const struct json *j, uint64_t *log, struct intake_stats *s)
{
	struct slice id;

	return json_get_text(j, 0, "log", &id) && id.n == 16 &&
	       str_unhex(id, log, sizeof(*log)) == 0 &&
	       json_get_u64(j, 0, "received", &s->received) &&
	       json_get_u64(j, 0, "duplicate", &s->duplicate) && s->duplicate <= s->received;
}

static void add_sums(struct buf *b, uint64_t log, const struct intake_stats *s)
{
	buf_addz(b, "{\"v\":1,\"log\":\"");
	buf_hex(b, &log, sizeof(log));
	buf_printf(b, "\",\"received\":%" PRIu64 ",\"duplicate\":%" PRIu64, s->received,
		   s->duplicate);
}

static struct slice next_line(struct slice *left)
{
	const char *end = memchr(left->p, '\n', left->n);
	struct slice line = slice(left->p, end ? (size_t)(end - left->p) : left->n);

	*left = slice(left->p + line.n + (end != NULL), left->n - line.n - (end != NULL));
	return line;
}

/* ---- the base line */
/* That of the log, if there is one; the lines of others are added to others, unless it is NULL. */
static bool find_base(int dir, uint64_t log, struct intake_stats *base, struct buf *others)
{
	struct buf text = { 0 };
	struct slice left;
	bool found = false;

	read_file(dir, BASE, &text);
	for (left = buf_slice(&text); left.n;) {
		struct slice line = next_line(&left);
		struct intake_stats s = { 0 };
		struct json j = { 0 };
		uint64_t of;

		if (json_parse(&j, line, NULL) == 0 && read_sums(&j, &of, &s)) {
			if (of == log) {
				*base = s;
				found = true;
			} else if (others) {
				buf_adds(others, line);
				buf_addc(others, '\n');
			}
		}
		json_fini(&j);
	}
	buf_fini(&text);
	return found;
}

static void take_base_off(int dir, uint64_t log, struct intake_stats *s)
{
	struct intake_stats base = { 0 };

	if (!find_base(dir, log, &base, NULL) || base.received > s->received ||
	    base.duplicate > s->duplicate ||
	    base.received - base.duplicate > s->received - s->duplicate)
		return;
	s->received -= base.received;
	s->duplicate -= base.duplicate;
}

static int set_base(int dir, uint64_t log, const struct intake_stats *s, struct err *err)
{
	struct intake_stats base;
	struct buf text = { 0 };
	int rc;

	flock(dir, LOCK_EX);
	find_base(dir, log, &base, &text);
	add_sums(&text, log, s);
	buf_addz(&text, "}\n");
	rc = write_file(dir, BASE, &text, true, err);
	flock(dir, LOCK_UN);
	buf_fini(&text);
	return rc;
}

void intake_stats_since(uint64_t log, struct intake_stats *s)
{
	int dir = open_folder(NULL);

	if (dir < 0)
		return;
	take_base_off(dir, log, s);
	close(dir);
}

int intake_stats_reset(uint64_t log, const struct intake_stats *s, struct err *err)
{
	int dir = open_folder(err), rc;

	if (dir < 0)
		return -1;
	rc = set_base(dir, log, s, err);
	close(dir);
	return rc;
}

/* ---- what is told */
static void add_now(struct buf *b, const struct intake_now *now)
{
	buf_printf(b, ",\"now\":{\"pid\":%" PRIu64 ",\"at\":\"", now->pid);
	b->n += tm_text_ms(now->at_us, buf_room(b, TM_TEXT_BYTES));
	buf_addz(b, "\",\"topic\":");
	json_quote_z(b, now->topic);
	buf_printf(b,
		   ",\"posts\":%" PRIu64 ",\"client_errors\":%" PRIu64 ",\"server_errors\":%" PRIu64
		   ",\"log_bytes\":%" PRIu64 ",\"log_full\":%s,\"ack\":",
		   now->posts, now->client_errors, now->server_errors, now->log_bytes,
		   now->log_full ? "true" : "false");
	http_times_json(now->ack, b);
	buf_addc(b, '}');
}

int intake_stats_tell(uint64_t log, const struct intake_stats *s, const struct intake_now *now,
		      struct err *err)
{
	struct buf name = { 0 }, text = { 0 };
	int dir = open_folder(err), rc;

	if (dir < 0)
		return -1;
	buf_addz(&name, TOLD);
	buf_hex(&name, &log, sizeof(log));
	buf_addz(&name, ".json");
	add_sums(&text, log, s);
	buf_addz(&text, ",\"topics\":");
	buf_adds(&text, buf_slice(&s->topics));
	add_now(&text, now);
	buf_addz(&text, "}\n");
	rc = write_file(dir, buf_z(&name), &text, false, err);
	close(dir);
	buf_fini(&name);
	buf_fini(&text);
	return rc;
}

/* Calls act for each log that was told of, with its sums and the text that they stand in. */
typedef int told_fn(void *arg, int dir, uint64_t log, struct intake_stats *s, const struct json *j,
		    struct err *err);

static bool is_told(const char *name)
{
	size_t n = strlen(name);

	return strncmp(name, TOLD, sizeof(TOLD) - 1) == 0 && n > 5 &&
	       strcmp(name + n - 5, ".json") == 0;
}

static int act_on_file(int dir, const char *name, told_fn *act, void *arg, struct err *err)
{
	struct intake_stats s = { 0 };
	struct buf text = { 0 };
	struct json j = { 0 };
	uint64_t log;
	int rc = 0;

	read_file(dir, name, &text);
	if (json_parse(&j, buf_slice(&text), NULL) == 0 && read_sums(&j, &log, &s))
		rc = act(arg, dir, log, &s, &j, err);
	json_fini(&j);
	buf_fini(&text);
	return rc;
}

static int each_told(told_fn *act, void *arg, struct err *err)
{
	int fd = open_folder(err), rc = 0;
	struct dirent *e;
	DIR *dir;

	if (fd < 0)
		return -1;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return err_errno(err, EX_IOERR, "run folder");
	}
	while (rc == 0 && (e = readdir(dir)))
		if (is_told(e->d_name))
			rc = act_on_file(fd, e->d_name, act, arg, err);
	closedir(dir);
	return rc;
}

/* ---- all of them */
/* Topics as they are written, quotes included; the bytes are in text. */
struct topics {
	struct buf text;
	struct topic {
		size_t at, n;
	} * v;
	size_t n, cap;
};
struct all {
	struct intake_stats *sum;
	struct topics topics;
};

static void add_topics(struct topics *t, const struct json *j)
{
	uint32_t list = json_get(j, 0, "topics");

	if (!list || j->node[list].type != JSON_ARRAY)
		return;
	for (uint32_t i = json_first(j, list); i < j->node[list].next; i = j->node[i].next) {
		struct slice text = j->node[i].text;

		if (j->node[i].type != JSON_STRING)
			continue;
		mem_reserve(&t->v, &t->cap, t->n + 1, sizeof(*t->v));
		t->v[t->n++] = (struct topic){ t->text.n, text.n + 2 };
		buf_add(&t->text, text.p - 1, text.n + 2);
	}
}

static int by_text(const void *a, const void *b, void *text)
{
	const struct topic *x = a, *y = b;
	const char *p = ((const struct buf *)text)->p;

	return slice_cmp(slice(p + x->at, x->n), slice(p + y->at, y->n));
}

static void write_topics(struct topics *t, struct buf *out)
{
	size_t n = 0;

	if (t->n)
		qsort_r(t->v, t->n, sizeof(*t->v), by_text, &t->text);
	buf_addc(out, '[');
	for (size_t i = 0; i < t->n && n < TOPICS_MOST; i++) {
		if (i && by_text(&t->v[i - 1], &t->v[i], &t->text) == 0)
			continue;
		if (n++)
			buf_addc(out, ',');
		buf_add(out, t->text.p + t->v[i].at, t->v[i].n);
	}
	buf_addc(out, ']');
}

static int add_told(void *arg, int dir, uint64_t log, struct intake_stats *s, const struct json *j,
		    struct err *err)
{
	struct all *all = arg;

	(void)err;
	take_base_off(dir, log, s);
	all->sum->received += s->received;
	all->sum->duplicate += s->duplicate;
	add_topics(&all->topics, j);
	return 0;
}

int intake_stats_all(struct intake_stats *out, struct err *err)
{
	struct all all = { .sum = out };
	int rc;

	*out = (struct intake_stats){ 0 };
	rc = each_told(add_told, &all, err);
	write_topics(&all.topics, &out->topics);
	buf_fini(&all.topics.text);
	free(all.topics.v);
	return rc;
}

struct each_now {
	intake_told_fn *fn;
	void *arg;
};

static int give_now(void *arg, int dir, uint64_t log, struct intake_stats *s, const struct json *j,
		    struct err *err)
{
	const struct each_now *each = arg;
	uint32_t now = json_get(j, 0, "now");
	uint64_t pid;

	(void)dir, (void)s, (void)err;
	if (now && j->node[now].type == JSON_OBJECT && json_get_u64(j, now, "pid", &pid))
		each->fn(each->arg, log, pid, j->node[now].text);
	return 0;
}

int intake_stats_each(intake_told_fn *fn, void *arg, struct err *err)
{
	struct each_now each = { fn, arg };

	return each_told(give_now, &each, err);
}

static int reset_told(void *arg, int dir, uint64_t log, struct intake_stats *s,
		      const struct json *j, struct err *err)
{
	(void)arg, (void)j;
	return set_base(dir, log, s, err);
}

int intake_stats_reset_all(struct err *err)
{
	return each_told(reset_told, NULL, err);
}

void intake_stats_json(const struct intake_stats *s, int64_t up_us, struct buf *out)
{
	int64_t up_s = up_us / TM_S;

	buf_printf(out,
		   "{\"received_count\":%" PRIu64 ",\"unique_processed\":%" PRIu64
		   ",\"duplicate_dropped\":%" PRIu64 ",\"deduplication_rate\":%.2f,\"topics\":",
		   s->received, s->received - s->duplicate, s->duplicate,
		   s->received ? 100.0 * (double)s->duplicate / (double)s->received : 0.0);
	buf_adds(out, buf_slice(&s->topics));
	buf_printf(out, ",\"uptime\":\"%" PRId64 ":%02d:%02d.%06d\"}\n", up_s / 3600,
		   (int)(up_s / 60 % 60), (int)(up_s % 60), (int)(up_us % TM_S));
}
