/* A line with an open quote is put aside, and looked at again with those that close it: each byte
 * is read twice at most, however many lines a record has. */
#include "app/parse_csv.h"

#include <stdio.h>

#include "text/quote.h"

void parse_csv_fini(struct parse_csv *p)
{
	csv_free(p->csv);
	buf_fini(&p->open);
	buf_fini(&p->record);
}

/* ---- records that are open */

/* A dead letter of several lines: where it begins, and all of it. */
static int give_up(struct parse_csv *p, struct slice record, const char *reason, struct err *err)
{
	const struct run run = { .origin = p->first, .block = record };

	p->open.n = 0;
	return stage_dead(p->st, &run, 0, 0, record, record.n, reason, err);
}

static int end_open(struct parse_csv *p, struct err *err)
{
	if (!p->open.n)
		return 0;
	return give_up(p, slice(p->open.p, p->open.n - 1), "a quote that is not closed", err);
}

static void gather(struct parse_csv *p, const struct record *r, struct slice line)
{
	if (!p->open.n) {
		p->first = r->run->origin;
		p->first.line += r->nth;
	}
	buf_adds(&p->open, line);
	buf_addc(&p->open, '\n');
}

/* ---- files */

/* A line of a plain stream: another file, or a line that is not the next one, ends what is open. */
static int take_place(struct parse_csv *p, const struct record *r, struct err *err)
{
	const char *file = r->run->origin.file;
	uint64_t line = r->run->origin.line + r->nth;
	bool begins = line == 1 || file != p->file;

	if ((begins || line != p->next_line) && end_open(p, err))
		return -1;
	p->file = file;
	p->next_line = line + 1;
	if (!begins || p->has_names)
		return 0;
	csv_forget(p->csv);
	if (line != 1)
		return err_set(err, EX_DATAERR, "%s:1: the header is longer than --max-line", file);
	return 0;
}

/* ---- records */

static bool is_blank(struct slice s)
{
	return s.n == 0 || (s.n == 1 && *s.p == '\r');
}

static enum record_verdict take_record(struct parse_csv *p, struct slice record, bool first,
				       struct buf *replace, struct err *why)
{
	if (is_blank(record))
		return RECORD_DROP;
	if (!csv_has_names(p->csv)) {
		if (csv_header(p->csv, record, why) == 0)
			return RECORD_DROP;
		err_in(why, "%s: header", p->file);
		return RECORD_FAILED;
	}
	if (first && csv_is_header(p->csv, record))
		return RECORD_DROP;
	return csv_line(p->csv, record, replace, why) ? RECORD_DEAD : RECORD_REPLACE;
}

/* The last line of a record of several. */
static enum record_verdict close_record(struct parse_csv *p, struct slice line, struct buf *replace,
					struct err *why)
{
	bool first = p->first.line == 1;
	enum record_verdict verdict;
	struct slice record;
	struct err failed;

	p->record.n = 0;
	buf_adds(&p->record, buf_slice(&p->open));
	buf_adds(&p->record, line);
	record = slice(p->record.p, p->record.n);
	memset(buf_room(&p->record, TEXT_PAD), 0, TEXT_PAD);
	record.p = p->record.p;
	p->open.n = 0;
	verdict = take_record(p, record, first, replace, why);
	if (verdict != RECORD_DEAD)
		return verdict;
	if (give_up(p, record, why->msg, &failed) == 0)
		return RECORD_DROP;
	*why = failed;
	return RECORD_FAILED;
}

static enum record_verdict hold_line(struct parse_csv *p, const struct record *r, struct slice line,
				     struct err *why)
{
	gather(p, r, line);
	if (p->open.n <= stage_max_line(p->st))
		return RECORD_DROP;
	return give_up(p, slice(p->open.p, p->open.n - 1),
		       "a quote that is not closed within --max-line", why)
		       ? RECORD_FAILED
		       : RECORD_DROP;
}

static bool is_first(const struct record *r)
{
	const struct origin *o = &r->run->origin;

	if (o->file)
		return o->line + r->nth == 1;
	return o->bytes && !o->inexact && origin_offset(o, r->nth, r->at) == 0;
}

enum record_verdict parse_csv_record(struct parse_csv *p, const struct record *r,
				     struct buf *replace, struct err *why)
{
	bool plain = r->run->origin.file, first = is_first(r);
	size_t mark = first ? str_mark(r->line) : 0;
	struct slice line = slice(r->line.p + mark, r->line.n - mark);

	if (plain && take_place(p, r, why))
		return RECORD_FAILED;
	if (plain && csv_is_open(p->csv, line, p->open.n > 0))
		return hold_line(p, r, line, why);
	if (p->open.n)
		return close_record(p, line, replace, why);
	return take_record(p, line, first, replace, why);
}

int parse_csv_finish(struct parse_csv *p, struct err *err)
{
	return end_open(p, err);
}
