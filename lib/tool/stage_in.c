/* What a stage reads: data lines in runs, control records one by one, in the order of the stream.
 *
 *   block of whole lines      data data data | control | data data | control ...
 *                             `-- one run --'            `- run --'
 * ctl_find cuts the block; on a plain stream a block is one run. The output is flushed before a
 * read that would block, never else. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "io/decoder.h"
#include "io/fd.h"
#include "io/intact.h"
#include "tool/stage_internal.h"

/* ---- data */

static void advance_origin(struct stage *st, uint64_t lines, uint64_t bytes)
{
	st->lines += lines;
	st->bytes += bytes;
	st->seen_total += lines;
	st->at.line += lines;
	if (!st->at.inexact)
		st->at.offset += (int64_t)(st->at.bytes ? bytes : lines);
	if (st->f->rows)
		st->account.rows_in += lines;
	else
		st->account.in += lines;
	counters_add(st->counters, st->f->rows ? COUNTER_ROWS_IN : COUNTER_RECORDS_IN, lines);
	counters_add(st->counters, COUNTER_BYTES_IN, bytes);
}

static int take_data_run(struct stage *st, struct slice block, struct err *err)
{
	struct run run = { .block = block, .origin = st->at };
	uint64_t lines = 0;

	if (block.n == 0)
		return 0;
	if (st->f->data(st->self, st, &run, &lines, err))
		return -1;
	advance_origin(st, lines, block.n);
	return 0;
}

/* The data at the start of a block: k bytes, and what is gathered behind. *used: so much of it. */
static int take_data(struct stage *st, struct slice b, size_t k, size_t *used, struct err *err)
{
	struct run run;
	uint64_t lines = 0;

	*used = st->gaps.taken ? stage_gaps_gather(st, b, k, &run) : 0;
	if (*used == 0) {
		*used = k;
		return take_data_run(st, slice(b.p, k), err);
	}
	if (run.block.n && st->f->data(st->self, st, &run, &lines, err))
		return -1;
	advance_origin(st, lines, run.block.n);
	st->at.offset = stage_gaps_end(&run);
	return 0;
}

static int take_long_line(struct stage *st, struct slice kept, uint64_t size, struct err *err)
{
	struct run run = { .block = kept, .origin = st->at };

	if (stage_dead_long(st, &run, 0, 0, kept, size, err))
		return -1;
	stage_moved(st);
	advance_origin(st, 1, size + 1);
	return 0;
}

void stage_took(struct stage *st, uint64_t lines, uint64_t bytes)
{
	advance_origin(st, lines, bytes);
}

/* ---- blocks */

static int take_block(struct stage *st, struct slice b, struct err *err)
{
	while (b.n && !st->ended) {
		size_t k = st->acked ? ctl_find(&st->inc, b.p, b.n) : b.n, used;
		const char *end;

		if (take_data(st, b, k, &used, err))
			return -1;
		b = slice(b.p + used, b.n - used);
		if (b.n == 0)
			return 0;
		end = memchr(b.p, '\n', b.n);
		if (stage_control(st, slice(b.p, (size_t)(end - b.p)), err))
			return -1;
		b.n -= (size_t)(end + 1 - b.p);
		b.p = end + 1;
	}
	return 0;
}

/* ---- reading */

/* Flushes before it waits. */
static enum lines_result next_block_flushed(struct stage *st, struct slice *block, struct err *err)
{
	enum lines_result r = lines_next(st->in, 0, block, err);

	if (r != LINES_TIMEOUT)
		return r;
	if (st->out && out_flush(st->out, err))
		return LINES_ERROR;
	do
		r = lines_next(st->in, INT64_MAX, block, err);
	while (r == LINES_TIMEOUT);
	return r;
}

/* A last line without its newline: a plain stream takes it as jq does; an acknowledged one drops
 * it (kill -9 leaves such a thing). */
static int take_tail(struct stage *st, struct slice tail, struct err *err)
{
	struct buf line = { 0 };
	int rc;

	if (st->acked)
		return 0;
	buf_room(&line, tail.n + 1 + 2 * LINES_PAD);
	memset(line.p, 0, LINES_PAD);
	memcpy(line.p + LINES_PAD, tail.p, tail.n);
	line.p[LINES_PAD + tail.n] = '\n';
	memset(line.p + LINES_PAD + tail.n + 1, 0, LINES_PAD);
	rc = take_data_run(st, slice(line.p + LINES_PAD, tail.n + 1), err);
	buf_fini(&line);
	return rc;
}

/* A filter that finds bad lines counts what stood before a damaged place, and the other files; it
 * is told at the end. */
static int take_damage(struct stage *st, struct err *err)
{
	if (err->code != EX_DATAERR || st->acked || !st->f->finds_dead)
		return -1;
	if (st->damage.code)
		log_err(&st->damage);
	st->damage = *err;
	err_clear(err);
	return 0;
}

static int read_input(struct stage *st, enum lines_result r, struct slice b, struct err *err)
{
	for (;; r = next_block_flushed(st, &b, err)) {
		int rc = 0;

		switch (r) {
		case LINES_BLOCK:
			rc = take_block(st, b, err);
			break;
		case LINES_LONG:
			rc = take_long_line(st, b, lines_long_bytes(st->in), err);
			break;
		case LINES_TAIL:
			rc = take_tail(st, b, err);
			break;
		case LINES_TIMEOUT:
			break;
		case LINES_EOF:
			return 0;
		case LINES_ERROR:
			return take_damage(st, err);
		}
		if (rc)
			return -1;
		if (st->ended)
			return 0;
	}
}

/* A regular file, by the filter itself if it likes to. */
static int read_plain(struct stage *st, int fd, const char *name, struct err *err)
{
	bool itself = st->f->file && fd_kind(fd) == FD_FILE && !decoder_file(fd);
	int rc = itself ? st->f->file(st->self, st, fd, name, err) : 0;

	if (rc)
		return rc;
	lines_free(st->in);
	st->in = lines_new(st->loop, fd, st->o->max_line);
	lines_name(st->in, name);
	st->at = (struct origin){ .file = name, .line = 1 };
	return read_input(st, LINES_TIMEOUT, slice(NULL, 0), err);
}

int stage_read_plain(struct stage *st, int fd, const char *name, struct err *err)
{
	struct intact intact;
	bool regular = fd_kind(fd) == FD_FILE;

	if (regular && intact_begin(&intact, fd, name, err))
		return -1;
	if (read_plain(st, fd, name, err) < 0)
		return -1;
	return regular && intact_check(&intact, err) ? -1 : 0;
}

/* The end of an acknowledged stream that nobody announced. */
static int crashed(struct stage *st, struct err *err)
{
	if (loop_signalled(st->loop))
		return err_set(err, EX_TEMPFAIL,
			       "ended by a signal before the stream was complete");
	return err_set(err, EX_PROTOCOL,
		       "the stage above has gone without `end`: what came after the last barrier "
		       "is dropped; start the pipeline again");
}

/* The stage above died before or inside its hello. That must not pass for a plain stream: 64 or
 * 65 would keep a supervisor from starting the pipeline again. */
static int died_early(struct err *err)
{
	return err_set(err, EX_PROTOCOL,
		       "the stage above has gone before its first line was complete; "
		       "start the pipeline again");
}

/* No input at all is an empty plain stream to a filter. Who has nothing to do on plain ones asks
 * why: a program that was killed is to be started again, one that is not there is not. */
static int nothing_came(struct stage *st, struct err *err)
{
	bool pipe = fd_kind(STDIN_FILENO) == FD_PIPE;

	prog_nothing_came();
	if (fd_marked(STDIN_FILENO, FD_CLOSED))
		return err_set(err, EX_USAGE,
			       "hta-commit stands above, and it is the end: put this program "
			       "before it");
	if (!st->f->ends)
		return 0;
	if (!pipe || fd_marked(STDIN_FILENO, FD_BEGUN))
		return died_early(err);
	return err_set(err, EX_CONFIG,
		       "nothing has come, not even a first line: either a program above is "
		       "not there or could not begin (it or the shell has said so), or this is a "
		       "plain stream: say "
		       "hta-consume -g GROUP, or --job NAME over files");
}

int stage_read_input(struct stage *st, struct err *err)
{
	struct slice b = { 0 };
	struct stat sb;
	struct err why = ERR_INIT;
	enum lines_result r = LINES_TIMEOUT;
	bool may_greet = fstat(STDIN_FILENO, &sb) == 0 &&
			 (S_ISFIFO(sb.st_mode) || S_ISSOCK(sb.st_mode));

	st->heard = true;
	if (!may_greet && S_ISREG(sb.st_mode)) {
		if (st->f->plain && st->f->plain(st->self, st, err))
			return -1;
		return stage_read_plain(st, STDIN_FILENO, "standard input", err);
	}
	st->in = lines_new(st->loop, STDIN_FILENO, st->o->max_line);
	st->at = (struct origin){ .file = "standard input", .line = 1 };
	if (may_greet)
		while ((r = lines_first(st->in, INT64_MAX, &b, &why)) == LINES_TIMEOUT)
			;
	if (r == LINES_TAIL && ctl_is_hello(b))
		return died_early(err);
	if (r == LINES_EOF && nothing_came(st, err))
		return -1;
	if (r == LINES_BLOCK && ctl_is_hello(b)) {
		st->at = (struct origin){ 0 };
		if (stage_hello(st, slice(b.p, b.n - 1), err) ||
		    read_input(st, LINES_TIMEOUT, b, err))
			return -1;
		return st->ended ? 0 : crashed(st, err);
	}
	if (st->f->plain && st->f->plain(st->self, st, err))
		return -1;
	if (r == LINES_ERROR)
		err_copy(err, &why);
	return read_input(st, r, b, err);
}
