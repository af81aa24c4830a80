/* Wanted rows against rows there are. A want is looked for among all rows; of an exact test each
 * row has to have a want of its own besides, which is a matching of two sets: rows are given to
 * wants along augmenting paths, so that a want of few members leaves the row alone that another one
 * needs. Tests have a handful of rows: everything is compared with everything. */
#include "app/check_internal.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/tm.h"
#include "json/json.h"

/* ---- values */

static bool same_number(struct slice a, struct slice b)
{
	dec x, y;
	char *p, *q;
	bool same;

	if (dec_parse(a, &x) == DEC_OK && dec_parse(b, &y) == DEC_OK)
		return x == y;
	p = mem_dup(a.p, a.n);
	q = mem_dup(b.p, b.n);
	same = strtod(p, NULL) == strtod(q, NULL);
	free(p);
	free(q);
	return same;
}

static bool same_text(const struct json *a, uint32_t i, const struct json *b, uint32_t k)
{
	struct buf x = { 0 };
	bool same = json_string(a, i, &x) == 0 && json_is(b, k, buf_slice(&x));

	buf_fini(&x);
	return same;
}

static bool fits(const struct json *want, uint32_t w, const struct json *got, uint32_t g);

static bool array_fits(const struct json *want, uint32_t w, const struct json *got, uint32_t g)
{
	uint32_t i = json_first(want, w), k = json_first(got, g);

	while (i < want->node[w].next && k < got->node[g].next) {
		if (!fits(want, i, got, k))
			return false;
		i = want->node[i].next;
		k = got->node[k].next;
	}
	return i == want->node[w].next && k == got->node[g].next;
}

/* The key's value in an object, by its decoded name; 0: it is not there. */
static uint32_t find_value(const struct json *want, uint32_t key, const struct json *got,
			   uint32_t g)
{
	struct buf name = { 0 };
	uint32_t found = 0;

	if (json_string(want, key, &name) == 0)
		found = json_get(got, g, buf_z(&name));
	buf_fini(&name);
	return found;
}

static bool same_instant(struct slice a, struct slice b)
{
	int64_t x, y;

	return tm_parse(a, &x) == 0 && tm_parse(b, &y) == 0 && x == y;
}

/* The value of one wanted member. */
static bool member_fits(const struct json *want, uint32_t key, const struct json *got, uint32_t g)
{
	uint32_t value = find_value(want, key, got, g);

	if (!value)
		return false;
	if (fits(want, key + 1, got, value))
		return true;
	return (json_is(want, key, slice_z("window_start")) ||
		json_is(want, key, slice_z("window_end"))) &&
	       want->node[key + 1].type == JSON_STRING &&
	       same_instant(want->node[key + 1].text, got->node[value].text);
}

static bool object_fits(const struct json *want, uint32_t w, const struct json *got, uint32_t g)
{
	for (uint32_t i = json_first(want, w); i < want->node[w].next; i = want->node[i + 1].next)
		if (!member_fits(want, i, got, g))
			return false;
	return true;
}

static bool fits(const struct json *want, uint32_t w, const struct json *got, uint32_t g)
{
	if (want->node[w].type != got->node[g].type)
		return false;
	switch (want->node[w].type) {
	case JSON_NUMBER:
		return same_number(want->node[w].text, got->node[g].text);
	case JSON_STRING:
		return same_text(want, w, got, g);
	case JSON_ARRAY:
		return array_fits(want, w, got, g);
	case JSON_OBJECT:
		return object_fits(want, w, got, g);
	default:
		return true;
	}
}

/* ---- rows */

struct matching {
	struct json *want, *got;
	size_t wants, gots;
	size_t *owner; /* of each row: the want that it is given to, plus 1 */
	bool *seen;
};

static struct json *parse_rows(const struct slice *row, size_t n)
{
	struct json *j = mem_array(n + 1, sizeof(*j));
	struct err ignored;

	for (size_t i = 0; i < n; i++)
		json_parse(&j[i], row[i], &ignored);
	return j;
}

static void free_rows(struct json *j, size_t n)
{
	for (size_t i = 0; i < n; i++)
		json_fini(&j[i]);
	free(j);
}

static bool row_fits(const struct matching *m, size_t w, size_t g)
{
	return m->want[w].n && m->got[g].n && fits(&m->want[w], 0, &m->got[g], 0);
}

/* Gives the want a row, moving those it was given to. */
static bool give_row(struct matching *m, size_t w)
{
	for (size_t g = 0; g < m->gots; g++) {
		if (m->seen[g] || !row_fits(m, w, g))
			continue;
		m->seen[g] = true;
		if (!m->owner[g] || give_row(m, m->owner[g] - 1)) {
			m->owner[g] = w + 1;
			return true;
		}
	}
	return false;
}

static bool find_row(struct matching *m, size_t w, bool exact)
{
	if (exact) {
		memset(m->seen, 0, m->gots * sizeof(*m->seen));
		return give_row(m, w);
	}
	for (size_t g = 0; g < m->gots; g++)
		if (row_fits(m, w, g))
			return true;
	return false;
}

/* ---- words */

/* The row with the most members as they are wanted, those of dims and measures one by one. */
static size_t likeness(const struct json *want, uint32_t w, const struct json *got, uint32_t g)
{
	size_t n = 0;

	for (uint32_t i = json_first(want, w); i < want->node[w].next; i = want->node[i + 1].next) {
		uint32_t value = find_value(want, i, got, g);

		if (!value)
			continue;
		if (want->node[i + 1].type == JSON_OBJECT && got->node[value].type == JSON_OBJECT)
			n += likeness(want, i + 1, got, value);
		else
			n += member_fits(want, i, got, g);
	}
	return n;
}

static size_t nearest_row(const struct matching *m, size_t w)
{
	size_t best = 0, most = 0;

	for (size_t g = 0; g < m->gots; g++) {
		size_t n = likeness(&m->want[w], 0, &m->got[g], 0);

		if (n > most) {
			most = n;
			best = g;
		}
	}
	return best;
}

static void tell_differences(const struct json *want, uint32_t w, const struct json *got,
			     uint32_t g, const char *in, struct buf *why)
{
	for (uint32_t i = json_first(want, w); i < want->node[w].next; i = want->node[i + 1].next) {
		uint32_t value = find_value(want, i, got, g);
		struct slice name = want->node[i].text;

		if (member_fits(want, i, got, g))
			continue;
		if (value && want->node[i + 1].type == JSON_OBJECT &&
		    got->node[value].type == JSON_OBJECT) {
			char *inner = mem_printf("%s%.*s.", in, (int)name.n, name.p);

			tell_differences(want, i + 1, got, value, inner, why);
			free(inner);
			continue;
		}
		if (why->n && why->p[why->n - 1] != '[')
			buf_addz(why, ", ");
		buf_printf(why, "\"%s%.*s\"", in, (int)name.n, name.p);
	}
}

static void put_line(struct buf *why, const char *indent, const char *key, struct slice text)
{
	buf_printf(why, "%s%s: ", indent, key);
	buf_adds(why, text);
	buf_addc(why, '\n');
}

static void tell_missing(const struct check_rows *rows, const struct matching *m, size_t w,
			 const char *indent, struct buf *why)
{
	size_t g = nearest_row(m, w);

	buf_printf(why, "%smessage: 'row %zu is not among the %zu that were written'\n", indent,
		   w + 1, m->gots);
	put_line(why, indent, "expected", rows->want[w]);
	if (!m->gots || !m->want[w].n || !m->got[g].n)
		return;
	put_line(why, indent, "got", rows->got[g]);
	buf_printf(why, "%sdiffers: [", indent);
	tell_differences(&m->want[w], 0, &m->got[g], 0, "", why);
	buf_addz(why, "]\n");
}

static void tell_surplus(const struct check_rows *rows, const struct matching *m,
			 const char *indent, struct buf *why)
{
	size_t g = 0;

	while (m->owner[g])
		g++;
	buf_printf(why, "%smessage: '%zu rows were written, %zu are expected'\n", indent, m->gots,
		   m->wants);
	put_line(why, indent, "got", rows->got[g]);
}

bool check_rows(const struct check_rows *rows, const char *indent, struct buf *why)
{
	struct matching m = { .want = parse_rows(rows->want, rows->wants),
			      .got = parse_rows(rows->got, rows->gots),
			      .wants = rows->wants,
			      .gots = rows->gots,
			      .owner = mem_array(rows->gots + 1, sizeof(size_t)),
			      .seen = mem_array(rows->gots + 1, sizeof(bool)) };
	bool good = true;

	for (size_t w = 0; w < m.wants && good; w++) {
		good = find_row(&m, w, rows->exact);
		if (!good)
			tell_missing(rows, &m, w, indent, why);
	}
	if (good && rows->exact && m.gots > m.wants) {
		good = false;
		tell_surplus(rows, &m, indent, why);
	}
	free_rows(m.want, m.wants);
	free_rows(m.got, m.gots);
	free(m.owner);
	free(m.seen);
	return good;
}
