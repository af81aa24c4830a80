/* ls, show, count. Lines for people hold no control characters, whatever a record has: a terminal
 * obeys them. Where a driver gives letters in another order than they were stored in (a topic's
 * come a partition at a time), their lines are kept and sorted by time before they are written;
 * all others are written as they come. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/dlq_internal.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"
#include "json/json.h"
#include "proto/ctl.h"
#include "tool/terminal.h"

enum { RECORD_SHOWN = 1000 };

static bool wants_json(const struct dlq *q)
{
	return q->format == DLQ_JSON || (q->format == DLQ_AUTO && !isatty(STDOUT_FILENO));
}

static int say_none(const struct dlq *q, struct err *err)
{
	return err_set(err, EX_NO, "no such letter%s",
		       q->again ? "" : " (--again: those that were retried, too)");
}

/* ---- texts */

static void add_time(int64_t us, struct buf *out)
{
	char text[TM_TEXT_BYTES];

	if (us == POS_NONE)
		buf_addc(out, '-');
	else
		buf_add(out, text, tm_text_ms(us, text));
}

/* Without control characters, and what is not UTF-8 as question marks. */
static void add_safe(struct slice text, size_t max, struct buf *out)
{
	bool utf8 = str_utf8(text.p, text.n);

	for (size_t i = 0; i < text.n && i < max; i++) {
		unsigned char c = (unsigned char)text.p[i];

		/* U+0080 .. U+009F are C2 80 .. C2 9F */
		if (c < 0x20 || c == 0x7f || (!utf8 && c >= 0x80) ||
		    (c == 0xc2 && i + 1 < text.n && (unsigned char)text.p[i + 1] < 0xa0))
			buf_addc(out, c == 0xc2 ? (i++, '?') : c == '\n' || c == '\t' ? ' ' : '?');
		else
			buf_addc(out, (char)c);
	}
	if (text.n > max) {
		while (utf8 && out->n && ((unsigned char)out->p[out->n - 1] & 0xc0) == 0x80)
			out->n--;
		if (utf8 && out->n && (unsigned char)out->p[out->n - 1] >= 0xc0)
			out->n--;
		buf_addz(out, "..");
	}
}

static void add_marks(const struct letter *l, struct buf *out)
{
	if (l->late)
		buf_addz(out, "[late] ");
	if (l->record.n < l->size)
		buf_printf(out, "[cut, %llu bytes] ", (unsigned long long)l->size);
	if (l->taken.n)
		buf_addz(out, "[in doubt] ");
	if (l->retried_us != POS_NONE) {
		buf_addz(out, "[retried ");
		add_time(l->retried_us, out);
		buf_addz(out, "] ");
	}
	if (l->retries > (l->retried_us != POS_NONE))
		buf_printf(out, "[retries %llu] ", (unsigned long long)l->retries);
}

/* As many characters as the terminal has places. */
static void cut_line(struct buf *line, size_t from, unsigned width)
{
	unsigned places = 0;

	for (size_t i = from; i < line->n; i++)
		if (((unsigned char)line->p[i] & 0xc0) != 0x80 && ++places > width) {
			line->n = i;
			return;
		}
}

static void add_text(const struct letter *l, unsigned width, struct buf *out)
{
	struct buf place = { 0 };
	size_t from = out->n;

	add_time(l->at_us, out);
	dlq_place(l, &place);
	buf_addz(out, "  ");
	add_safe(buf_slice(&place), SIZE_MAX, out);
	buf_addz(out, "  ");
	add_safe(l->stage, SIZE_MAX, out);
	buf_addz(out, "  ");
	add_marks(l, out);
	add_safe(l->reason, SIZE_MAX, out);
	buf_addz(out, "  ");
	add_safe(l->record, RECORD_SHOWN, out);
	if (width)
		cut_line(out, from, width);
	buf_addc(out, '\n');
	buf_fini(&place);
}

static void add_member(struct buf *out, const char *name, struct slice text)
{
	struct buf safe = { 0 };

	if (!text.p)
		return;
	if (!str_utf8(text.p, text.n)) {
		add_safe(text, SIZE_MAX, &safe);
		text = buf_slice(&safe);
	}
	buf_printf(out, "\"%s\":", name);
	json_quote(out, text);
	buf_addc(out, ',');
	buf_fini(&safe);
}

static void add_time_member(struct buf *out, const char *name, int64_t us)
{
	if (us == POS_NONE)
		return;
	buf_printf(out, "\"%s\":\"", name);
	add_time(us, out);
	buf_addz(out, "\",");
}

static void add_json_place(const struct letter *l, struct buf *out)
{
	if (l->job.n)
		add_member(out, "job", l->job);
	add_member(out, "topic", l->topic);
	if (l->topic.p)
		buf_printf(out, "\"partition\":%d,", l->partition);
	if (l->topic.p && l->offset >= 0)
		buf_printf(out, "\"offset\":%lld,", (long long)l->offset);
	if (l->inexact)
		buf_addz(out, "\"inexact\":true,");
	add_member(out, "file", l->file);
	if (l->file.p)
		buf_printf(out, "\"line\":%llu,", (unsigned long long)l->line);
}

/* Members as a line of --dead FILE has them, and what is known of retries. */
static void add_json(const struct letter *l, struct buf *out)
{
	struct buf record = { 0 };
	bool base64 = ctl_keep(l->record, &record);

	buf_addc(out, '{');
	add_time_member(out, "at", l->at_us);
	add_json_place(l, out);
	add_member(out, "stage", l->stage);
	add_member(out, "reason", l->reason);
	if (l->late)
		buf_addz(out, "\"late\":true,");
	if (l->taken.n)
		buf_addz(out, "\"in_doubt\":true,");
	add_time_member(out, "retried_at", l->retried_us);
	buf_printf(out, "\"retries\":%llu,\"size\":%llu,\"cut\":%s,\"encoding\":\"%s\",\"record\":",
		   (unsigned long long)l->retries, (unsigned long long)l->size,
		   l->record.n < l->size ? "true" : "false", base64 ? "base64" : "utf8");
	buf_adds(out, buf_slice(&record));
	buf_addz(out, "}\n");
	buf_fini(&record);
}

/* ---- ls */

struct listed {
	int64_t at_us;
	size_t from, n, nth; /* of the text */
};

struct list {
	bool json;
	unsigned width;
	uint64_t letters;
	struct buf text;
	struct listed *v; /* where letters are to be sorted */
	size_t n, cap;
};

static int compare_listed(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;

	return x->at_us != y->at_us ? (x->at_us > y->at_us) - (x->at_us < y->at_us)
				    : (x->nth > y->nth) - (x->nth < y->nth);
}

static int list_page(struct dlq *q, const struct letter *const *v, size_t n, void *arg,
		     struct err *err)
{
	struct list *list = arg;

	for (size_t i = 0; i < n; i++) {
		size_t from = list->text.n;

		if (list->json)
			add_json(v[i], &list->text);
		else
			add_text(v[i], list->width, &list->text);
		if (q->driver->ordered)
			continue;
		mem_reserve(&list->v, &list->cap, list->n + 1, sizeof(*list->v));
		list->v[list->n] = (struct listed){ v[i]->at_us, from, list->text.n - from,
						    list->n };
		list->n++;
	}
	list->letters += n;
	if (!q->driver->ordered)
		return 0;
	n = list->text.n;
	list->text.n = 0;
	return out_write(q->out, list->text.p, n, err);
}

int dlq_ls(struct dlq *q, struct err *err)
{
	struct list list = { .json = wants_json(q) };
	int rc;

	list.width = isatty(STDOUT_FILENO) ? terminal_width(STDOUT_FILENO) : 0;
	rc = dlq_each_page(q, list_page, &list, err);
	if (list.n)
		qsort(list.v, list.n, sizeof(*list.v), compare_listed);
	for (size_t i = 0; i < list.n && rc == 0; i++)
		rc = out_write(q->out, list.text.p + list.v[i].from, list.v[i].n, err);
	buf_fini(&list.text);
	free(list.v);
	if (rc == 0 && list.letters == 0)
		rc = say_none(q, err);
	return rc;
}

/* ---- show */

struct shown {
	uint64_t letters, cut;
};

static int show_page(struct dlq *q, const struct letter *const *v, size_t n, void *arg,
		     struct err *err)
{
	struct shown *shown = arg;

	for (size_t i = 0; i < n; i++) {
		struct letters_original log = { 0 };
		enum dlq_whole what = v[i]->record.n < v[i]->size ? DLQ_GONE : DLQ_KEPT;
		struct slice bytes = v[i]->record;

		if (what == DLQ_GONE && dlq_look_up(q, v[i], &log, &what, err))
			return -1;
		if (what == DLQ_SAME)
			bytes = log.value;
		shown->cut += what == DLQ_GONE || what == DLQ_CHANGED;
		if (out_write(q->out, bytes.p, bytes.n, err) || out_write(q->out, "\n", 1, err))
			return -1;
	}
	shown->letters += n;
	return 0;
}

int dlq_show(struct dlq *q, struct err *err)
{
	struct shown shown = { 0 };

	if (dlq_each_page(q, show_page, &shown, err))
		return -1;
	if (shown.cut)
		log_warn("%llu of %llu records are cut at 64 KiB: %s",
			 (unsigned long long)shown.cut, (unsigned long long)shown.letters,
			 q->c ? "the log does not have them any more"
			      : "-b BROKERS gets them whole from the log");
	return shown.letters ? 0 : say_none(q, err);
}

/* ---- count */

struct counted {
	struct slice stage, reason; /* of the arena */
	uint64_t n;
};

struct counts {
	struct counted *v;
	size_t n, cap;
	struct arena arena;
};

static int compare_reasons(const void *a, const void *b)
{
	const struct counted *x = a, *y = b;
	int by_stage = slice_cmp(x->stage, y->stage);

	return by_stage ? by_stage : slice_cmp(x->reason, y->reason);
}

static int compare_counted(const void *a, const void *b)
{
	const struct counted *x = a, *y = b;

	return x->n != y->n ? (x->n < y->n) - (x->n > y->n) : compare_reasons(a, b);
}

/* The list is sorted by stage and reason; where the new one belongs. */
static size_t find_counted(const struct counts *c, const struct counted *key)
{
	size_t low = 0, high = c->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_reasons(&c->v[middle], key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int count_page(struct dlq *q, const struct letter *const *v, size_t n, void *arg,
		      struct err *err)
{
	struct counts *c = arg;

	(void)q;
	(void)err;
	for (size_t i = 0; i < n; i++) {
		struct counted key = { v[i]->stage, v[i]->reason, 1 };
		size_t at = find_counted(c, &key);

		if (at < c->n && compare_reasons(&c->v[at], &key) == 0) {
			c->v[at].n++;
			continue;
		}
		key.stage = arena_copy(&c->arena, key.stage);
		key.reason = arena_copy(&c->arena, key.reason);
		mem_reserve(&c->v, &c->cap, c->n + 1, sizeof(*c->v));
		memmove(&c->v[at + 1], &c->v[at], (c->n - at) * sizeof(*c->v));
		c->v[at] = key;
		c->n++;
	}
	return 0;
}

static void add_counted(const struct counted *c, bool json, struct buf *out)
{
	if (json) {
		buf_addc(out, '{');
		add_member(out, "stage", c->stage);
		add_member(out, "reason", c->reason);
		buf_printf(out, "\"count\":%llu}\n", (unsigned long long)c->n);
		return;
	}
	buf_printf(out, "%8llu  ", (unsigned long long)c->n);
	add_safe(c->stage, SIZE_MAX, out);
	buf_addz(out, "  ");
	add_safe(c->reason, SIZE_MAX, out);
	buf_addc(out, '\n');
}

int dlq_count(struct dlq *q, struct err *err)
{
	struct counts c = { 0 };
	struct buf text = { 0 };
	int rc = dlq_each_page(q, count_page, &c, err);

	if (c.n)
		qsort(c.v, c.n, sizeof(*c.v), compare_counted);
	for (size_t i = 0; i < c.n && rc == 0; i++)
		add_counted(&c.v[i], wants_json(q), &text);
	if (rc == 0 && text.n)
		rc = out_write(q->out, text.p, text.n, err);
	if (rc == 0 && c.n == 0)
		rc = say_none(q, err);
	buf_fini(&text);
	free(c.v);
	arena_fini(&c.arena);
	return rc;
}
