/* Letters of a file that --dead FILE has written, line by line. A line that is no letter is told
 * and passed over: a kill may leave half a line, and what is written behind it stands on its
 * own. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"
#include "io/fd.h"
#include "io/lines.h"
#include "json/json.h"
#include "read/letters.h"
#include "read/letters_marks.h"

/* A record of 64 KiB as a JSON string has at most six times that. */
enum { LETTER_LINE_MAX = 1 << 20 };

struct file_letters {
	const char *path;
	struct letters_marks *marks;
	const struct letters_want *want;
	int fd;
	struct lines *in;
	struct slice block; /* not looked at yet */
	bool ended;
	int64_t offset; /* of the block */
	uint64_t line;  /* the number of the line before it */
	uint64_t bad;
	struct json json;
	struct buf scratch;
};

static void file_letters_close(void *d)
{
	struct file_letters *f = d;

	if (!f)
		return;
	lines_free(f->in);
	if (f->fd >= 0)
		close(f->fd);
	letters_marks_free(f->marks);
	json_fini(&f->json);
	buf_fini(&f->scratch);
	free(f);
}

/* Somebody who has a store gives it with -d. */
static int check_no_store(struct file_letters *f, struct err *err)
{
	static const char sqlite[] = "SQLite format 3";
	char head[sizeof(sqlite)];

	if (fd_kind(f->fd) != FD_FILE)
		return err_set(err, EX_USAGE, "%s: is no regular file", f->path);
	if (pread(f->fd, head, sizeof(head), 0) == (ssize_t)sizeof(head) &&
	    memcmp(head, sqlite, sizeof(head)) == 0)
		return err_set(err, EX_USAGE, "%s: is a SQLite database: -d %s", f->path, f->path);
	return 0;
}

static void *file_letters_open(const struct letters_conf *conf, struct err *err)
{
	struct file_letters *f = mem_zalloc(sizeof(*f));

	f->path = conf->file;
	f->fd = fd_open(f->path, err);
	if (f->fd >= 0 && check_no_store(f, err) == 0)
		f->marks = letters_marks_open(f->path, conf->marks, err);
	if (f->marks)
		return f;
	file_letters_close(f);
	return NULL;
}

static int file_letters_rewind(void *d, const struct letters_want *want, struct err *err)
{
	struct file_letters *f = d;

	if (lseek(f->fd, 0, SEEK_SET) < 0)
		return err_errno(err, EX_IOERR, "%s", f->path);
	lines_free(f->in);
	f->in = lines_new(NULL, f->fd, LETTER_LINE_MAX);
	lines_name(f->in, f->path);
	f->want = want;
	f->block = slice(NULL, 0);
	f->ended = false;
	f->offset = 0;
	f->line = f->bad = 0;
	return 0;
}

/* ---- a letter */

static struct slice text_of(struct file_letters *f, struct letters_page *page, const char *key)
{
	uint32_t at = json_get(&f->json, 0, key);

	f->scratch.n = 0;
	if (!at || f->json.node[at].type != JSON_STRING || json_string(&f->json, at, &f->scratch))
		return slice(NULL, 0);
	return arena_copy(&page->arena, slice(f->scratch.n ? f->scratch.p : "", f->scratch.n));
}

static void read_place(struct file_letters *f, struct letters_page *page, struct letter *l)
{
	int64_t partition = 0;

	l->topic = text_of(f, page, "topic");
	if (json_get_i64(&f->json, 0, "partition", &partition))
		l->partition = (int32_t)partition;
	json_get_i64(&f->json, 0, "offset", &l->offset);
	json_get_bool(&f->json, 0, "inexact", &l->inexact);
	json_get_u64(&f->json, 0, "retries", &l->retries);
	l->file = text_of(f, page, "file");
	json_get_u64(&f->json, 0, "line", &l->line);
}

/* False: the line is no letter. */
static bool read_letter(struct file_letters *f, struct letters_page *page, struct slice line)
{
	struct letter *l;
	struct slice encoding, at;

	if (json_parse(&f->json, line, NULL) || !json_get(&f->json, 0, "record") ||
	    !json_get(&f->json, 0, "stage"))
		return false;
	l = letters_page_add(page);
	read_place(f, page, l);
	l->stage = text_of(f, page, "stage");
	l->reason = text_of(f, page, "reason");
	encoding = text_of(f, page, "encoding");
	at = text_of(f, page, "at");
	if (!at.p || tm_parse(at, &l->at_us))
		l->at_us = POS_NONE;
	if (letters_decode(page, l, slice_is(encoding, "base64"), text_of(f, page, "record"),
			   NULL)) {
		page->n--;
		return false;
	}
	if (!json_get_u64(&f->json, 0, "size", &l->size))
		l->size = l->record.n;
	return true;
}

static bool is_wanted(const struct letters_want *w, const struct letter *l)
{
	return (w->again || l->retried_us == POS_NONE) &&
	       (w->since_us == POS_NONE || l->at_us >= w->since_us) &&
	       (w->until_us == POS_NONE || l->at_us < w->until_us);
}

static void take_line(struct file_letters *f, struct letters_page *page, struct slice line)
{
	uint64_t hash = hash_64(line.p, line.n);
	struct letter *l;

	if (!line.n)
		return;
	if (!read_letter(f, page, line)) {
		if (!f->bad++)
			log_warn("%s:%llu: is no letter of --dead, passed over", f->path,
				 (unsigned long long)f->line);
		return;
	}
	l = &page->v[page->n - 1];
	l->id = f->offset;
	l->check = hash;
	letters_marks_find(f->marks, l->id, hash, l);
	if (!is_wanted(f->want, l))
		page->n--;
}

/* ---- pages */

/* The next block, of one line where it is too long (it is passed over) or not ended. */
static int next_block(struct file_letters *f, struct letters_page *page, struct err *err)
{
	struct slice block;

	switch (lines_next(f->in, 0, &block, err)) {
	case LINES_BLOCK:
		f->block = block;
		return 0;
	case LINES_LONG:
		f->line++;
		f->bad++;
		log_warn("%s:%llu: is too long for a letter, passed over", f->path,
			 (unsigned long long)f->line);
		f->offset += (int64_t)lines_long_bytes(f->in) + 1;
		return 0;
	case LINES_TAIL:
		f->line++;
		take_line(f, page, block);
		f->offset += (int64_t)block.n;
		return 0;
	case LINES_EOF:
	case LINES_TIMEOUT:
		f->ended = true;
		return 0;
	case LINES_ERROR:
		break;
	}
	return -1;
}

static int file_letters_page(void *d, struct letters_page *page, struct err *err)
{
	struct file_letters *f = d;
	size_t bytes = 0, before;

	while (page->n < LETTERS_PAGE && bytes < LETTERS_PAGE_BYTES && !f->ended) {
		const char *nl = f->block.n ? memchr(f->block.p, '\n', f->block.n) : NULL;
		struct slice line;

		if (!nl) {
			if (next_block(f, page, err))
				return -1;
			continue;
		}
		line = slice(f->block.p, (size_t)(nl - f->block.p));
		f->line++;
		before = page->n;
		take_line(f, page, line);
		bytes += page->n > before ? page->v[before].record.n : 0;
		f->offset += (int64_t)line.n + 1;
		f->block.p = nl + 1;
		f->block.n -= line.n + 1;
	}
	page->end = f->ended;
	return 0;
}

/* ---- marks */

static int file_letters_take(void *d, const struct letter *const *v, size_t n, const char *call,
			     uint64_t batch, bool *got, struct err *err)
{
	struct file_letters *f = d;
	int64_t *offset = mem_array(n + 1, sizeof(*offset));
	uint64_t *hash = mem_array(n + 1, sizeof(*hash));
	int rc;

	for (size_t i = 0; i < n; i++) {
		offset[i] = v[i]->id;
		hash[i] = v[i]->check;
		got[i] = true;
	}
	rc = letters_marks_take(f->marks, offset, hash, n, call, batch, err);
	free(offset);
	free(hash);
	return rc;
}

static int file_letters_settle(void *d, const char *call, uint64_t sent, struct err *err)
{
	struct file_letters *f = d;

	return letters_marks_settle(f->marks, call, sent, err);
}

static int file_letters_calls(void *d, letters_call_fn *fn, void *arg, struct err *err)
{
	struct file_letters *f = d;

	return letters_marks_calls(f->marks, fn, arg, err);
}

const struct letters_driver letters_file = {
	.ordered = true,
	.open = file_letters_open,
	.close = file_letters_close,
	.rewind = file_letters_rewind,
	.page = file_letters_page,
	.take = file_letters_take,
	.settle = file_letters_settle,
	.calls = file_letters_calls,
};
