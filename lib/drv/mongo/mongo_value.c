/* A record's JSON as BSON, so that MongoDB finds and adds up its members. The record itself is kept
 * as text beside it, so nothing is lost by what BSON has in another form:
 *
 *   number   int32, int64 where it is an integer that fits; a double where the shortest text of
 *            that double is the same number; else Decimal128, of at most 34 digits; else its text
 *   name     a . in it, and a $ at its start, are full-width ones (U+FF0E, U+FF04): MongoDB's own
 *            queries take the ASCII ones for paths and operators
 *   twice    of equal names in one object the last one counts, as in every reader of ours
 *
 * Members are appended in the order of the text. The decoded names of an object stand behind those
 * of the objects around it, in one buffer each for all. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/real.h"
#include "drv/mongo/mongo_internal.h"

enum { DEPTH_MAX = 90, DECIMAL_DIGITS = 34, NUMBER_MAX = 400 };

struct mongo_member {
	size_t at, n; /* its name, in m->keys */
	uint32_t value;
	size_t nth;
};

static bool append_value(struct mongo *m, bson_t *to, const char *name, int n, uint32_t at,
			 int depth);

/* ---- numbers */

static bool is_integer(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '.' || s.p[i] == 'e' || s.p[i] == 'E')
			return false;
	return true;
}

/* -0 is a double's. */
static bool read_integer(struct slice s, int64_t *out)
{
	bool minus = *s.p == '-';
	int64_t v = 0;

	if (s.n > 20 || !is_integer(s))
		return false;
	for (size_t i = minus; i < s.n; i++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_sub_overflow(v, s.p[i] - '0', &v))
			return false;
	*out = v;
	return minus ? v != 0 : !__builtin_sub_overflow((int64_t)0, v, out);
}

/* Whether the double's shortest text says the number that the text says. */
static bool same_number(struct mongo *m, struct slice text, double v)
{
	char shortest[REAL_TEXT_BYTES];
	size_t before = m->text.n, middle, n = real_text(v, shortest);
	bool same;

	dec_canonical(text, &m->text);
	middle = m->text.n;
	dec_canonical(slice(shortest, n), &m->text);
	same = slice_eq(slice(m->text.p + before, middle - before),
			slice(m->text.p + middle, m->text.n - middle));
	m->text.n = before;
	return same;
}

static bool append_number(struct mongo *m, bson_t *to, const char *name, int n, struct slice text)
{
	char z[NUMBER_MAX + 1];
	bson_decimal128_t decimal;
	int64_t integer;
	double v;

	if (read_integer(text, &integer))
		return integer >= INT32_MIN && integer <= INT32_MAX
			       ? bson_append_int32(to, name, n, (int32_t)integer)
			       : bson_append_int64(to, name, n, integer);
	if (text.n <= NUMBER_MAX) {
		memcpy(z, text.p, text.n);
		z[text.n] = 0;
		v = strtod(z, NULL);
		if (__builtin_isfinite(v) && same_number(m, text, v))
			return bson_append_double(to, name, n, v);
		if (!m->ferret && bson_decimal128_from_string_w_len(z, (int)text.n, &decimal))
			return bson_append_decimal128(to, name, n, &decimal);
	}
	return bson_append_utf8(to, name, n, text.p, (int)text.n);
}

/* ---- texts */

/* Its bytes, for now. False: half a surrogate pair. */
static bool decoded(struct mongo *m, uint32_t at, struct slice *out)
{
	const struct json_node *node = &m->json.node[at];

	*out = node->text;
	if (!node->escaped)
		return true;
	m->text.n = 0;
	if (json_string(&m->json, at, &m->text))
		return false;
	*out = buf_slice(&m->text);
	return true;
}

static bool append_text(struct mongo *m, bson_t *to, const char *name, int n, uint32_t at)
{
	struct slice text;

	return decoded(m, at, &text) &&
	       bson_append_utf8(to, name, n, text.n ? text.p : "", (int)text.n);
}

/* ---- objects and arrays */

/* The name behind m->keys, in the form that a path can go through. */
static bool take_name(struct mongo *m, uint32_t at)
{
	struct slice name;

	if (!decoded(m, at, &name) || memchr(name.p ? name.p : "", 0, name.n))
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] == '.')
			buf_addz(&m->keys, "\xef\xbc\x8e");
		else if (name.p[i] == '$' && i == 0)
			buf_addz(&m->keys, "\xef\xbc\x84");
		else
			buf_addc(&m->keys, name.p[i]);
	return true;
}

static struct slice name_of(const struct mongo *m, const struct mongo_member *x)
{
	return slice(m->keys.p + x->at, x->n);
}

static int by_name(const void *a, const void *b, void *arg)
{
	const struct mongo_member *x = a, *y = b;
	int c = slice_cmp(name_of(arg, x), name_of(arg, y));

	return c ? c : (x->nth > y->nth) - (x->nth < y->nth);
}

static int by_place(const void *a, const void *b)
{
	const struct mongo_member *x = a, *y = b;

	return (x->nth > y->nth) - (x->nth < y->nth);
}

enum { FEW_MEMBERS = 24 };

static bool has_equals(const struct mongo *m, const struct mongo_member *x, size_t n)
{
	if (n > FEW_MEMBERS)
		return true;
	for (size_t i = 0; i < n; i++)
		for (size_t k = i + 1; k < n; k++)
			if (x[i].n == x[k].n && slice_eq(name_of(m, &x[i]), name_of(m, &x[k])))
				return true;
	return false;
}

/* Leaves the last of equal ones; how many there are then. */
static size_t drop_equals(struct mongo *m, struct mongo_member *x, size_t n)
{
	size_t kept = 0;

	if (!has_equals(m, x, n))
		return n;
	qsort_r(x, n, sizeof(*x), by_name, m);
	for (size_t i = 0; i < n; i++)
		if (i + 1 == n || !slice_eq(name_of(m, &x[i]), name_of(m, &x[i + 1])))
			x[kept++] = x[i];
	qsort(x, kept, sizeof(*x), by_place);
	return kept;
}

/* Members of the object behind m->members; false: one has no name that BSON can hold. */
static bool take_members(struct mongo *m, uint32_t at)
{
	const struct json *j = &m->json;

	for (uint32_t i = json_first(j, at), value; i < j->node[at].next; i = j->node[value].next) {
		size_t before = m->keys.n;

		value = j->node[i].next;
		if (!take_name(m, i))
			return false;
		if (m->members == m->member_cap)
			mem_reserve(&m->member, &m->member_cap, m->members + 1, sizeof(*m->member));
		m->member[m->members] = (struct mongo_member){
			.at = before, .n = m->keys.n - before, .value = value, .nth = m->members
		};
		m->members++;
	}
	return true;
}

static bool append_members(struct mongo *m, bson_t *to, uint32_t at, int depth)
{
	size_t first = m->members, names = m->keys.n;
	bool good = take_members(m, at);

	if (good && m->members > first)
		m->members = first + drop_equals(m, m->member + first, m->members - first);
	for (size_t i = first, last = m->members; i < last && good; i++) {
		struct mongo_member x = m->member[i];

		/* names of members within may move the buffer, and these are copied at once */
		good = append_value(m, to, m->keys.n ? m->keys.p + x.at : "", (int)x.n, x.value,
				    depth);
	}
	m->members = first;
	m->keys.n = names;
	return good;
}

static bool append_elements(struct mongo *m, bson_t *to, uint32_t at, int depth)
{
	const struct json *j = &m->json;
	uint32_t nth = 0;
	bool good = true;

	for (uint32_t i = json_first(j, at); i < j->node[at].next && good; i = j->node[i].next) {
		char text[16];
		const char *name;
		size_t n = bson_uint32_to_string(nth++, &name, text, sizeof(text));

		good = append_value(m, to, name, (int)n, i, depth);
	}
	return good;
}

static bool append_nested(struct mongo *m, bson_t *to, const char *name, int n, uint32_t at,
			  int depth)
{
	bool array = m->json.node[at].type == JSON_ARRAY, good;
	bson_t child;

	if (depth >= DEPTH_MAX)
		return false;
	if (array ? !bson_append_array_begin(to, name, n, &child)
		  : !bson_append_document_begin(to, name, n, &child))
		return false;
	good = array ? append_elements(m, &child, at, depth + 1)
		     : append_members(m, &child, at, depth + 1);
	return (array ? bson_append_array_end(to, &child) : bson_append_document_end(to, &child)) &&
	       good;
}

static bool append_value(struct mongo *m, bson_t *to, const char *name, int n, uint32_t at,
			 int depth)
{
	const struct json_node *node = &m->json.node[at];

	switch (node->type) {
	case JSON_NULL:
		return bson_append_null(to, name, n);
	case JSON_FALSE:
	case JSON_TRUE:
		return bson_append_bool(to, name, n, node->type == JSON_TRUE);
	case JSON_NUMBER:
		return append_number(m, to, name, n, node->text);
	case JSON_STRING:
		return append_text(m, to, name, n, at);
	default:
		return append_nested(m, to, name, n, at, depth);
	}
}

/* Built beside, so that nothing of it is there where a part has no form. */
bool mongo_value_append(struct mongo *m, bson_t *to, const char *name, struct slice line)
{
	struct err ignored;
	bool good;

	bson_reinit(&m->value);
	m->members = m->keys.n = 0;
	good = json_parse(&m->json, line, &ignored) == 0 && m->json.node[0].type == JSON_OBJECT &&
	       append_members(m, &m->value, 0, 1) && m->value.len < MONGO_VALUE_MAX - line.n;
	return good && bson_append_document(to, name, -1, &m->value);
}
