/* A run is cut into lines, by the scanner 64 at a time where fields are wanted, else by its \n.
 *
 *   pass pass pass | drop | pass pass | replace | pass
 *   `---- owed ---'       `-- owed --'            `- ..
 *
 * Lines that pass are not copied one by one: they are owed, from `owed` on, until another verdict
 * or the end of the run, and are then written as one block. So a filter that passes most of its
 * input costs a memcpy a block, and what a stage owes never outlives data(): barriers and other
 * control records find everything written.
 *
 * Lines that are asked for wait in a list of their own, and are decided like others when it is
 * settled: at the end of the run at the latest, since they are slices of its block. */
#include "tool/record_filter.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* A line that is asked for. */
struct asked_line {
	struct slice line;
	uint64_t nth;
};

struct records {
	const struct record_filter *f;
	void *self;
	struct stage *st;
	struct scan *scan; /* NULL: no paths */
	struct scan_batch batch;
	uint64_t pass, drop; /* lines of the batch that record() need not see */
	struct buf replace;
	struct err why; /* of the line at work, where it is dead or the filter fails */
	/* the run at work */
	const struct run *run;
	uint64_t lines;
	const char *owed; /* first byte that passed and is not written */
	uint64_t owed_lines;
	uint64_t owed_nth; /* its line in the run */
	/* lines that wait, all behind what is owed; NULL: the filter does not ask */
	struct asked_line *asked;
	enum record_verdict *answer;
	size_t n_asked;
};

/* ---- what becomes of a line */

static void book_line(struct records *w, uint64_t *account, enum counter counter)
{
	(*account)++;
	counters_add(stage_counters(w->st), counter, 1);
}

/* Writes what is owed up to `to`; after it the next line is owed from `next` on. */
static int write_owed(struct records *w, const char *to, const char *next, struct err *err)
{
	struct slice block = slice(w->owed, (size_t)(to - w->owed));
	uint64_t lines = w->owed_lines, nth = w->owed_nth;
	size_t at = (size_t)(w->owed - w->run->block.p);

	w->owed = next;
	w->owed_nth += lines + (next > to);
	w->owed_lines = 0;
	return lines ? stage_pass_at(w->st, w->run, nth, at, false, block, lines, err) : 0;
}

/* Most often there is one, and the search for its end is all. */
static uint64_t count_lines(struct slice text)
{
	const char *nl = text.n ? memchr(text.p, '\n', text.n) : NULL;

	return nl && nl + 1 == text.p + text.n ? 1 : str_lines(text);
}

static int replace_line(struct records *w, const struct record *r, struct err *err)
{
	struct account *account = stage_account(w->st);
	struct slice text = buf_slice(&w->replace);
	uint64_t lines = count_lines(text);

	if (text.n && text.p[text.n - 1] != '\n')
		BUG("a line without its end");
	if (lines == 0) {
		book_line(w, &account->filtered, COUNTER_FILTERED);
		stage_moved(w->st);
		return 0;
	}
	account->added += lines - 1;
	if (stage_pass_at(w->st, w->run, r->nth, r->at, lines > 1, text, lines, err))
		return -1;
	if (lines > 1 || w->run->origin.bytes)
		stage_moved(w->st);
	return 0;
}

/* A line that is not passed on as it came. */
static int leave_line(struct records *w, const struct record *r, enum record_verdict verdict,
		      struct err *err)
{
	struct account *account = stage_account(w->st);

	switch (verdict) {
	case RECORD_REPLACE:
		return replace_line(w, r, err);
	case RECORD_DROP:
		book_line(w, &account->filtered, COUNTER_FILTERED);
		return 0;
	case RECORD_DUPLICATE:
		book_line(w, &account->duplicate, COUNTER_DUPLICATE);
		return 0;
	case RECORD_DEAD:
		return stage_dead(w->st, w->run, r->nth, r->at, r->line, r->line.n, w->why.msg,
				  err);
	case RECORD_FAILED:
		return err_copy(err, &w->why);
	default:
		BUG("verdict %d", verdict);
	}
}

static int act_on(struct records *w, const struct record *r, enum record_verdict verdict,
		  struct err *err)
{
	if (verdict == RECORD_PASS) {
		w->owed_lines++;
		return 0;
	}
	if (write_owed(w, w->run->block.p + r->at, r->line.p + r->line.n + 1, err) ||
	    leave_line(w, r, verdict, err))
		return -1;
	if (verdict != RECORD_REPLACE)
		stage_moved(w->st);
	return 0;
}

/* ---- lines that are asked for */

static int settle_asked(struct records *w, struct err *err)
{
	size_t n = w->n_asked;

	if (n == 0)
		return 0;
	w->n_asked = 0;
	if (w->f->settle(w->self, w->answer, n, err))
		return -1;
	for (size_t i = 0; i < n; i++) {
		const struct record r = {
			.line = w->asked[i].line,
			.run = w->run,
			.nth = w->asked[i].nth,
			.at = (size_t)(w->asked[i].line.p - w->run->block.p),
		};

		if (act_on(w, &r, w->answer[i], err))
			return -1;
	}
	return 0;
}

/* Those before it are settled first, where the line has its verdict. */
static int decide_line(struct records *w, const struct record *r, enum record_verdict verdict,
		       struct err *err)
{
	if (verdict != RECORD_ASKED)
		return settle_asked(w, err) ? -1 : act_on(w, r, verdict, err);
	w->asked[w->n_asked++] = (struct asked_line){ r->line, r->nth };
	return w->n_asked < RECORD_ASKED_MOST ? 0 : settle_asked(w, err);
}

/* ---- lines of a run */

static enum record_verdict judge_line(struct records *w, const struct record *r,
				      enum scan_status status)
{
	uint64_t line = (uint64_t)1 << r->line_of_batch;

	if (w->pass & line)
		return RECORD_PASS;
	if (w->drop & line)
		return RECORD_DROP;
	switch (status) {
	case SCAN_BLANK:
		return RECORD_DROP;
	case SCAN_BAD:
		scan_why(r->line, &w->why);
		return RECORD_DEAD;
	case SCAN_OK:
		break;
	}
	w->replace.n = 0;
	return w->f->record(w->self, r, &w->replace, &w->why);
}

static int take_line(struct records *w, struct slice line, unsigned line_of_batch,
		     const struct field *field, enum scan_status status, struct err *err)
{
	const struct record r = {
		.line = line,
		.line_of_batch = line_of_batch,
		.field = field,
		.run = w->run,
		.nth = w->lines++,
		.at = (size_t)(line.p - w->run->block.p),
	};

	return decide_line(w, &r, judge_line(w, &r, status), err);
}

static int scan_run(struct records *w, struct err *err)
{
	struct scan_batch *b = &w->batch;
	struct slice rest = w->run->block;
	size_t width = scan_width(w->scan);

	while (rest.n) {
		scan_lines(w->scan, rest.p, rest.n, b);
		w->pass = w->drop = 0;
		if (w->f->judge)
			w->f->judge(w->self, b, width, &w->pass, &w->drop);
		for (unsigned i = 0; i < b->lines; i++)
			if (take_line(w, slice(b->start[i], b->length[i]), i, b->field + i * width,
				      scan_status(b, i), err))
				return -1;
		rest = slice(rest.p + b->used, rest.n - b->used);
	}
	return 0;
}

static int split_run(struct records *w, struct err *err)
{
	const char *p = w->run->block.p, *end = p + w->run->block.n;

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));

		if (take_line(w, slice(p, (size_t)(nl - p)), 0, NULL, SCAN_OK, err))
			return -1;
		p = nl + 1;
	}
	return 0;
}

static int filter_run(void *self, struct stage *st, const struct run *run, uint64_t *lines,
		      struct err *err)
{
	struct records *w = self;
	const char *end = run->block.p + run->block.n;

	(void)st;
	w->run = run;
	w->lines = 0;
	w->owed = run->block.p;
	w->owed_lines = w->owed_nth = 0;
	w->n_asked = 0;
	if ((w->scan ? scan_run(w, err) : split_run(w, err)) || settle_asked(w, err) ||
	    write_owed(w, end, end, err))
		return -1;
	*lines = w->lines;
	return 0;
}

/* ---- the filter's own calls */

static int open_records(void *self, struct stage *st, struct err *err)
{
	struct records *w = self;

	w->st = st;
	return w->f->open ? w->f->open(w->self, st, err) : 0;
}

static int begin_plain(void *self, struct stage *st, struct err *err)
{
	struct records *w = self;

	return w->f->plain ? w->f->plain(w->self, st, err) : 0;
}

static int greet_records(void *self, struct stage *st, const struct ctl *hello, struct buf *members,
			 struct err *err)
{
	struct records *w = self;

	if (w->f->multiplies)
		buf_addz(members, ",\"multiplies\":true");
	return w->f->hello ? w->f->hello(w->self, st, hello, members, err) : 0;
}

static int close_epoch(void *self, struct stage *st, const struct ctl *bar, struct err *err)
{
	struct records *w = self;

	return w->f->barrier ? w->f->barrier(w->self, st, bar, err) : 0;
}

static int control_records(void *self, struct stage *st, const struct ctl *ctl, struct buf *instead,
			   struct err *err)
{
	struct records *w = self;

	return w->f->control ? w->f->control(w->self, st, ctl, instead, err) : 0;
}

static int finish_records(void *self, struct stage *st, bool eof, struct err *err)
{
	struct records *w = self;

	return w->f->finish ? w->f->finish(w->self, st, eof, err) : 0;
}

static void close_records(void *self, struct stage *st)
{
	struct records *w = self;

	if (w->f->close)
		w->f->close(w->self, st);
}

/* ---- the whole */

static size_t count_paths(const char *const *paths)
{
	size_t n = 0;

	while (paths && paths[n])
		n++;
	return n;
}

static bool is_scanned(const struct record_filter *f)
{
	return f->objects || count_paths(f->paths);
}

/* *out stays NULL where lines are not scanned. */
static int scan_for(const struct record_filter *f, struct scan **out, struct err *err)
{
	size_t n = count_paths(f->paths), parsed = 0;
	struct path *path = mem_zalloc((n + 1) * sizeof(*path));
	int rc = 0;

	while (parsed < n && (rc = path_parse(&path[parsed], slice_z(f->paths[parsed]), err)) == 0)
		parsed++;
	if (rc == 0 && is_scanned(f)) {
		*out = scan_new(path, n, err);
		rc = *out ? 0 : -1;
	}
	while (parsed)
		path_fini(&path[--parsed]);
	free(path);
	return rc;
}

int record_filter_run(const struct record_filter *f, void *self, const char *const *files,
		      size_t n_files, struct err *err)
{
	struct records w = { .f = f, .self = self };
	const struct filter filter = {
		.finds_dead = f->finds_dead || is_scanned(f),
		.rows = f->rows,
		.open = open_records,
		.plain = begin_plain,
		.hello = greet_records,
		.data = filter_run,
		.barrier = close_epoch,
		.control = control_records,
		.finish = finish_records,
		.close = close_records,
	};
	int rc = scan_for(f, &w.scan, err);

	if (f->settle) {
		w.asked = mem_array(RECORD_ASKED_MOST, sizeof(*w.asked));
		w.answer = mem_array(RECORD_ASKED_MOST, sizeof(*w.answer));
	}
	if (rc == 0)
		rc = stage_run(&filter, &w, files, n_files, err);
	scan_free(w.scan);
	free(w.asked);
	free(w.answer);
	buf_fini(&w.replace);
	return rc;
}
