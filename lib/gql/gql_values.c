#include "gql/gql_values.h"

#include <errno.h>
#include <stdlib.h>

struct judging {
	const struct gql_schema *schema;
	bool json, good;
	const struct gql_at *at;
	struct gql_errors *errors;
};

static const char *const kind_names[] = {
	[GQL_IN_NULL] = "null",        [GQL_IN_BOOL] = "a boolean",
	[GQL_IN_INT] = "this integer", [GQL_IN_FLOAT] = "a number with a fraction",
	[GQL_IN_STRING] = "a string",  [GQL_IN_ENUM] = "a bare word",
	[GQL_IN_LIST] = "a list",      [GQL_IN_OBJECT] = "an object",
};

static void misfit(struct judging *j, struct slice ref, const struct gql_input *v)
{
	j->good = false;
	gql_error(j->errors, j->at ? *j->at : v->at, "%s is not of the type %.*s",
		  kind_names[v->kind], GQL_NAME(ref));
}

/* ---- scalars ---- */

static bool fits_bits(struct slice digits, unsigned bits)
{
	char text[24], *end;

	if (digits.n >= sizeof text)
		return false;
	memcpy(text, digits.p, digits.n);
	text[digits.n] = '\0';
	errno = 0;
	long long n = strtoll(text, &end, 10);
	return errno == 0 && (bits == 64 || (n >= INT32_MIN && n <= INT32_MAX));
}

static bool is_number(struct slice text)
{
	dec value;
	enum dec_result r = dec_parse(text, &value);

	return r == DEC_OK || r == DEC_ROUNDED;
}

static bool fits_scalar(enum gql_scalar scalar, const struct gql_input *v)
{
	bool integer = v->kind == GQL_IN_INT, text = v->kind == GQL_IN_STRING;

	switch (scalar) {
	case GQL_INT:
		return integer && fits_bits(v->text, 32);
	case GQL_LONG:
		return integer && fits_bits(v->text, 64);
	case GQL_FLOAT:
		return integer || v->kind == GQL_IN_FLOAT;
	case GQL_DECIMAL:
		return (integer || v->kind == GQL_IN_FLOAT || text) && is_number(v->text);
	case GQL_BOOLEAN:
		return v->kind == GQL_IN_BOOL;
	case GQL_ID:
		return integer || text;
	case GQL_STRING:
	case GQL_TEXT:
		return text;
	case GQL_ANY:
		break;
	}
	return true;
}

static bool fits_named(struct judging *j, const struct gql_type *type, const struct gql_input *v)
{
	if (type->kind == GQL_SCALAR)
		return fits_scalar(type->scalar, v);
	if (type->kind != GQL_ENUM || v->kind != (j->json ? GQL_IN_STRING : GQL_IN_ENUM))
		return false;
	return gql_field(type, v->text) != NULL;
}

/* ---- any value ---- */

static void judge_value(struct judging *j, struct slice ref, const struct gql_input *v);

static void judge_members(struct judging *j, const struct gql_input *first)
{
	for (const struct gql_input *m = first; m; m = m->next) {
		if (gql_input(first, m->name) != m) {
			j->good = false;
			gql_error(j->errors, j->at ? *j->at : m->at,
				  "the member \"%.*s\" stands twice in an object",
				  GQL_NAME(m->name));
		}
		judge_value(j, slice(NULL, 0), m);
	}
}

static void judge_list(struct judging *j, struct slice ref, const struct gql_input *v)
{
	if (v->kind != GQL_IN_LIST) {
		judge_value(j, gql_ref_item(ref), v); /* one value is a list of one */
		return;
	}
	for (const struct gql_input *item = v->first; item; item = item->next)
		judge_value(j, gql_ref_item(ref), item);
}

static void judge_value(struct judging *j, struct slice ref, const struct gql_input *v)
{
	const struct gql_type *type = ref.n ? gql_type(j->schema, gql_ref_name(ref)) : NULL;

	if (v->kind == GQL_IN_VARIABLE)
		return;
	if (type && v->kind == GQL_IN_NULL) {
		if (gql_ref_required(ref))
			misfit(j, ref, v);
		return;
	}
	if (type && gql_ref_list(ref)) {
		judge_list(j, ref, v);
		return;
	}
	if (type && !fits_named(j, type, v))
		misfit(j, ref, v);
	if (v->kind == GQL_IN_OBJECT)
		judge_members(j, v->first);
	for (const struct gql_input *i = v->kind == GQL_IN_LIST ? v->first : NULL; i; i = i->next)
		judge_value(j, slice(NULL, 0), i);
}

bool gql_value_check(const struct gql_schema *schema, struct slice ref, const struct gql_input *v,
		     bool json, const struct gql_at *at, struct gql_errors *errors)
{
	struct judging j = {
		.schema = schema,
		.json = json,
		.good = true,
		.at = at,
		.errors = errors,
	};

	judge_value(&j, ref, v);
	return j.good;
}

/* ---- JSON ---- */

static struct gql_input *number_of_json(const struct json *j, uint32_t node, struct arena *arena,
					struct gql_input *v)
{
	struct slice text = j->node[node].text;
	struct buf digits = { 0 };
	int64_t n;

	v->kind = GQL_IN_INT;
	v->text = text;
	if (!memchr(text.p, '.', text.n) && !memchr(text.p, 'e', text.n) &&
	    !memchr(text.p, 'E', text.n))
		return v;
	if (!json_i64(j, node, &n)) {
		v->kind = GQL_IN_FLOAT;
		return v;
	}
	buf_addi(&digits, n);
	v->text = arena_copy(arena, buf_slice(&digits));
	buf_fini(&digits);
	return v;
}

static bool text_of_json(const struct json *j, uint32_t node, struct arena *arena,
			 struct slice *text)
{
	struct buf decoded = { 0 };

	if (!j->node[node].escaped) {
		*text = j->node[node].text;
		return true;
	}
	bool good = json_string(j, node, &decoded) == 0;
	*text = arena_copy(arena, decoded.n ? buf_slice(&decoded) : slice("", 0));
	buf_fini(&decoded);
	return good;
}

static struct gql_input *nested_of_json(const struct json *j, uint32_t node, struct arena *arena,
					struct gql_input *v)
{
	bool object = j->node[node].type == JSON_OBJECT;
	struct gql_input **last = &v->first;

	v->kind = object ? GQL_IN_OBJECT : GQL_IN_LIST;
	for (uint32_t i = json_first(j, node); i < j->node[node].next; i = j->node[i].next) {
		struct slice name = { 0 };
		if (object && !text_of_json(j, i, arena, &name))
			return NULL;
		i = object ? j->node[i].next : i;
		struct gql_input *item = gql_value_of_json(j, i, arena);
		if (!item)
			return NULL;
		item->name = name;
		*last = item;
		last = &item->next;
	}
	return v;
}

struct gql_input *gql_value_of_json(const struct json *j, uint32_t node, struct arena *arena)
{
	struct gql_input *v = arena_alloc(arena, sizeof(*v));

	*v = (struct gql_input){ .kind = GQL_IN_NULL, .text = j->node[node].text };
	switch (j->node[node].type) {
	case JSON_NULL:
		break;
	case JSON_FALSE:
	case JSON_TRUE:
		v->kind = GQL_IN_BOOL;
		break;
	case JSON_NUMBER:
		return number_of_json(j, node, arena, v);
	case JSON_STRING:
		v->kind = GQL_IN_STRING;
		return text_of_json(j, node, arena, &v->text) ? v : NULL;
	case JSON_ARRAY:
	case JSON_OBJECT:
		return nested_of_json(j, node, arena, v);
	}
	return v;
}

void gql_value_json(const struct gql_input *v, struct buf *out)
{
	bool nested = v->kind == GQL_IN_LIST || v->kind == GQL_IN_OBJECT;

	if (v->kind == GQL_IN_STRING || v->kind == GQL_IN_ENUM) {
		json_quote(out, v->text);
		return;
	}
	if (!nested) {
		buf_adds(out, v->kind == GQL_IN_NULL ? slice("null", 4) : v->text);
		return;
	}
	buf_addc(out, v->kind == GQL_IN_LIST ? '[' : '{');
	for (const struct gql_input *m = v->first; m; m = m->next) {
		if (m != v->first)
			buf_addc(out, ',');
		if (v->kind == GQL_IN_OBJECT) {
			json_quote(out, m->name);
			buf_addc(out, ':');
		}
		gql_value_json(m, out);
	}
	buf_addc(out, v->kind == GQL_IN_LIST ? ']' : '}');
}

/* ---- equal literals ---- */

bool gql_members_same(const struct gql_input *a, const struct gql_input *b)
{
	size_t na = 0, nb = 0;

	for (const struct gql_input *m = b; m; m = m->next)
		nb++;
	for (; a; a = a->next, na++) {
		const struct gql_input *other = gql_input(b, a->name);
		if (!other || !gql_value_same(a, other))
			return false;
	}
	return na == nb;
}

bool gql_value_same(const struct gql_input *a, const struct gql_input *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == GQL_IN_OBJECT)
		return gql_members_same(a->first, b->first);
	if (a->kind != GQL_IN_LIST)
		return slice_eq(a->text, b->text);
	for (a = a->first, b = b->first; a && b; a = a->next, b = b->next)
		if (!gql_value_same(a, b))
			return false;
	return !a && !b;
}
