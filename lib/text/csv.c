/* A record is walked field by field beside the names, which are JSON strings already, and written
 * as it is walked; the buffer is told only at its end. Names are decoded before they are compared,
 * so that "a" and a are one name. */
#include "text/csv.h"

#include <stdlib.h>

#include "base/mem.h"
#include "text/number.h"

struct csv {
	char separator;
	bool is_tsv;
	struct buf *name; /* each as a JSON string */
	size_t names, cap;
	size_t names_bytes;
	struct buf scratch;
};

struct csv *csv_new(char separator, bool is_tsv)
{
	struct csv *c = mem_zalloc(sizeof(*c));

	c->separator = separator;
	c->is_tsv = is_tsv;
	return c;
}

void csv_forget(struct csv *c)
{
	for (size_t i = 0; i < c->names; i++)
		buf_fini(&c->name[i]);
	c->names = c->names_bytes = 0;
}

void csv_free(struct csv *c)
{
	if (!c)
		return;
	csv_forget(c);
	free(c->name);
	buf_fini(&c->scratch);
	free(c);
}

/* ---- fields */

/* The quote that closes a field whose text begins at p, or NULL. */
static const char *closing_quote(const char *p, const char *end)
{
	while ((p = memchr(p, '"', (size_t)(end - p)))) {
		if (p + 1 == end || p[1] != '"')
			return p;
		p += 2;
	}
	return NULL;
}

bool csv_is_open(const struct csv *c, struct slice line, bool inside)
{
	const char *p = line.p, *end = line.p + line.n;

	if (c->is_tsv || (!inside && (!line.n || !memchr(p, '"', line.n))))
		return false;
	while (p) {
		if (!inside && p < end && *p == '"') {
			inside = true;
			p++;
		}
		if (inside && !(p = closing_quote(p, end)))
			return true;
		inside = false;
		p = memchr(p, c->separator, (size_t)(end - p));
		if (p)
			p++;
	}
	return false;
}

/* A record on its way through. p NULL: it has ended. */
struct cursor {
	char separator;
	bool is_tsv;
	const char *start, *p, *end;
	struct err *why;
};

struct value {
	struct slice text;
	enum text_form form;
	bool is_quoted;
};

static struct cursor cursor_of(const struct csv *c, struct slice record, struct err *why)
{
	size_t n = record.n - (record.n && record.p[record.n - 1] == '\r');

	return (struct cursor){ c->separator, c->is_tsv, record.p, record.p, record.p + n, why };
}

static bool misfit(const struct cursor *c, const char *what, const char *at)
{
	err_set(c->why, EX_DATAERR, "%s (byte %zu)", what, (size_t)(at - c->start) + 1);
	return false;
}

static bool take_quoted(struct cursor *c, struct value *v)
{
	const char *from = c->p + 1, *close = closing_quote(from, c->end);

	if (!close)
		return misfit(c, "a quote that is not closed", c->p);
	if (close + 1 < c->end && close[1] != c->separator)
		return misfit(c, "text behind a field in quotes; a quote in one is doubled",
			      close + 1);
	*v = (struct value){ slice(from, (size_t)(close - from)), TEXT_DOUBLED, true };
	c->p = close + 1 < c->end ? close + 2 : NULL;
	return true;
}

static bool take_plain(struct cursor *c, struct value *v)
{
	const char *to = memchr(c->p, c->separator, (size_t)(c->end - c->p)), *quote;
	size_t n = (size_t)((to ? to : c->end) - c->p);

	*v = (struct value){ slice(c->p, n), c->is_tsv ? TEXT_TABBED : TEXT_RAW, false };
	quote = c->is_tsv ? NULL : memchr(c->p, '"', n);
	if (quote)
		return misfit(c, "a quote in a field without quotes", quote);
	c->p = to ? to + 1 : NULL;
	return true;
}

static bool take_value(struct cursor *c, struct value *v)
{
	return !c->is_tsv && c->p < c->end && *c->p == '"' ? take_quoted(c, v) : take_plain(c, v);
}

static bool is_number(const struct value *v)
{
	char first = v->text.n ? *v->text.p : 0;

	return !v->is_quoted && (first == '-' || (unsigned char)(first - '0') < 10) &&
	       text_is_exact(v->text);
}

static bool put_string(const struct cursor *c, const struct value *v, struct text_out *out)
{
	*out->p++ = '"';
	text_put(out, v->text, v->form);
	*out->p++ = '"';
	return out->bad ? misfit(c, "not UTF-8", out->bad) : true;
}

/* ---- names */

static bool add_name(struct csv *c, const struct cursor *at, const struct value *v)
{
	struct buf name = { 0 };
	char *start = buf_room(&name, v->text.n * TEXT_GROWS + TEXT_PAD);
	struct text_out out = { start, NULL };
	bool good = put_string(at, v, &out);

	name.n = (size_t)(out.p - start);
	if (!good) {
		buf_fini(&name);
		return false;
	}
	mem_reserve(&c->name, &c->cap, c->names + 1, sizeof(*c->name));
	c->name[c->names++] = name;
	c->names_bytes += name.n;
	return true;
}

static int compare_names(const void *a, const void *b)
{
	const struct buf *const *x = a, *const *y = b;

	return slice_cmp(buf_slice(*x), buf_slice(*y));
}

static int check_names(const struct csv *c, struct err *err)
{
	const struct buf **sorted = mem_array(c->names, sizeof(*sorted));
	const struct buf *twice = NULL;

	for (size_t i = 0; i < c->names; i++)
		sorted[i] = &c->name[i];
	qsort(sorted, c->names, sizeof(*sorted), compare_names);
	for (size_t i = 1; i < c->names && !twice; i++)
		if (compare_names(&sorted[i - 1], &sorted[i]) == 0)
			twice = sorted[i];
	free(sorted);
	if (!twice)
		return 0;
	return err_set(err, EX_DATAERR, "two columns are called %.*s",
		       (int)(twice->n < 200 ? twice->n : 200), twice->p);
}

static int take_names(struct csv *c, struct cursor at)
{
	struct value v;

	csv_forget(c);
	while (at.p)
		if (!take_value(&at, &v) || !add_name(c, &at, &v))
			goto forget;
	if (check_names(c, at.why) == 0)
		return 0;
forget:
	csv_forget(c);
	return -1;
}

int csv_header(struct csv *c, struct slice record, struct err *err)
{
	return take_names(c, cursor_of(c, record, err));
}

int csv_names(struct csv *c, const char *list, struct err *err)
{
	size_t n = strlen(list);
	struct buf padded = { 0 };
	int rc;

	memset(buf_room(&padded, n + TEXT_PAD), 0, n + TEXT_PAD);
	buf_add(&padded, list, n);
	rc = take_names(c, (struct cursor){ ',', false, padded.p, padded.p, padded.p + n, err });
	buf_fini(&padded);
	return rc;
}

bool csv_has_names(const struct csv *c)
{
	return c->names > 0;
}

bool csv_is_header(struct csv *c, struct slice record)
{
	struct cursor at = cursor_of(c, record, NULL);
	size_t i = 0;

	for (; at.p && i < c->names; i++) {
		struct text_out out = { 0 };
		struct value v;

		if (!take_value(&at, &v))
			return false;
		out.p = buf_room(&c->scratch, v.text.n * TEXT_GROWS + TEXT_PAD);
		if (!put_string(&at, &v, &out) ||
		    !slice_eq(buf_slice(&c->name[i]),
			      slice(c->scratch.p, (size_t)(out.p - c->scratch.p))))
			return false;
	}
	return !at.p && i == c->names;
}

/* ---- records */

static int count_misfits(struct cursor *at, size_t fields, size_t names)
{
	struct value v;

	while (at->p) {
		if (!take_value(at, &v))
			return -1;
		fields++;
	}
	return err_set(at->why, EX_DATAERR, "%zu field%s, and %zu name%s", fields,
		       fields == 1 ? "" : "s", names, names == 1 ? "" : "s");
}

static bool put_value(const struct csv *c, const struct cursor *at, size_t i, const struct value *v,
		      struct text_out *out)
{
	*out->p++ = ',';
	text_add(out, c->name[i].p, c->name[i].n);
	*out->p++ = ':';
	if (!is_number(v))
		return put_string(at, v, out);
	text_add(out, v->text.p, v->text.n);
	return true;
}

int csv_line(struct csv *c, struct slice record, struct buf *buf, struct err *why)
{
	struct cursor at = cursor_of(c, record, why);
	size_t room = record.n * TEXT_GROWS + c->names_bytes + 4 * c->names + TEXT_PAD;
	struct text_out out = { buf_room(buf, room), NULL };
	char *start = out.p;
	size_t i = 0;

	for (; at.p && i < c->names; i++) {
		struct value v;

		if (!take_value(&at, &v) || !put_value(c, &at, i, &v, &out))
			return -1;
	}
	if (at.p || i < c->names)
		return count_misfits(&at, i, c->names);
	TEXT_ADD(&out, "}\n");
	*start = '{'; /* in place of the first member's comma */
	buf->n += (size_t)(out.p - start);
	return 0;
}
