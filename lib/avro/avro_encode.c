/* Values of JSON to the binary form: one walk down type and JSON together.
 *
 * Defaults are JSON of the schema and are encoded by the same walk, under rules of their own: bytes
 * are code points, logical types their base values, unions take the first branch that holds it. A
 * default may be as large as its text, but the defaults of fields that it leaves out come on top,
 * level by level: DEFAULT_VALUES bounds what comes of it.
 *
 * Places are kept as a list on the stack, and are made a path only for an error. */
#include "avro/avro_encoder.h"

#include <stdio.h>

#include "avro/avro_take.h"

enum { DEFAULT_VALUES = 1 << 16, MEMBER_CHARS = 128 };

static int encode(struct avro_encoder *e, const struct avro_type *type, uint32_t at,
		  const struct avro_place *place);

/* ---- errors */

static void put_path(struct buf *path, const struct avro_place *place)
{
	if (!place)
		return;
	put_path(path, place->up);
	if (place->member.p)
		buf_printf(path, ".%.*s",
			   place->member.n < MEMBER_CHARS ? (int)place->member.n : MEMBER_CHARS,
			   place->member.p);
	else
		buf_printf(path, "[%zu]", place->index);
}

static int refuse(struct avro_encoder *e, const struct avro_place *place, const char *why)
{
	struct buf path = { 0 };

	put_path(&path, place);
	if (path.n == 0)
		buf_addc(&path, '.');
	err_set(e->err, EX_DATAERR, "%s: %s", buf_z(&path), why);
	buf_fini(&path);
	return -1;
}

static int refuse_type(struct avro_encoder *e, const struct avro_place *place,
		       const struct avro_type *type, uint32_t at)
{
	static const char *const kinds[] = {
		[JSON_NULL] = "null",       [JSON_FALSE] = "a boolean", [JSON_TRUE] = "a boolean",
		[JSON_NUMBER] = "a number", [JSON_STRING] = "a string", [JSON_ARRAY] = "an array",
		[JSON_OBJECT] = "an object"
	};
	char why[ERR_MSG_BYTES / 4];

	snprintf(why, sizeof(why), "%s, and the schema has %.128s", kinds[e->json->node[at].type],
		 type->name);
	return refuse(e, place, why);
}

/* ---- bytes out */

static void put_long(struct buf *out, int64_t v)
{
	uint64_t u = (uint64_t)v << 1 ^ (v < 0 ? ~0ULL : 0);
	char *p = buf_room(out, 10);
	size_t n = 0;

	for (; u >= 0x80; u >>= 7)
		p[n++] = (char)(u | 0x80);
	p[n++] = (char)u;
	out->n += n;
}

static void put_little(struct buf *out, uint64_t bits, size_t n)
{
	char *p = buf_room(out, n);

	for (size_t i = 0; i < n; i++)
		p[i] = (char)(bits >> 8 * i);
	out->n += n;
}

static int encode_union(struct avro_encoder *e, const struct avro_type *u, uint32_t at,
			const struct avro_place *place)
{
	size_t branch = avro_branch_of(e, u, at);

	if (branch == u->n)
		branch = avro_named_branch(e, u, &at);
	if (branch == u->n)
		return refuse(e, place, "no branch of the union holds the value");
	put_long(e->out, (int64_t)branch);
	return encode(e, u->branch[branch], at, place);
}

/* ---- values of many parts */

static size_t count_parts(const struct avro_encoder *e, uint32_t at)
{
	size_t n = 0;

	for (uint32_t i = json_first(e->json, at); i < e->json->node[at].next;
	     i = e->json->node[i].next)
		n++;
	return n;
}

static int encode_array(struct avro_encoder *e, const struct avro_type *type, uint32_t at,
			const struct avro_place *up)
{
	struct avro_place place = { .up = up };
	size_t n = count_parts(e, at);

	if (n > 0)
		put_long(e->out, (int64_t)n);
	for (uint32_t i = json_first(e->json, at); i < e->json->node[at].next;
	     i = e->json->node[i].next, place.index++)
		if (encode(e, type->items, i, &place))
			return -1;
	put_long(e->out, 0);
	return 0;
}

static int encode_map(struct avro_encoder *e, const struct avro_type *type, uint32_t at,
		      const struct avro_place *up)
{
	size_t n = count_parts(e, at) / 2;
	struct slice text;

	if (n > 0)
		put_long(e->out, (int64_t)n);
	for (uint32_t i = json_first(e->json, at); i < e->json->node[at].next;
	     i = e->json->node[i + 1].next) {
		struct avro_place place = { .up = up, .member = e->json->node[i].text };

		if (!avro_text_of_value(e, i, &text))
			return refuse(e, &place, "half of a surrogate pair");
		put_long(e->out, (int64_t)text.n);
		buf_adds(e->out, text);
		if (encode(e, type->items, i + 1, &place))
			return -1;
	}
	put_long(e->out, 0);
	return 0;
}

/* A field that the value does not have. */
static int encode_missing(struct avro_encoder *e, const struct avro_field *field,
			  const struct avro_place *place)
{
	struct avro_encoder inner = *e;

	if (!field->value.json)
		return refuse(e, place, "missing, and the schema has no default for it");
	inner.json = field->value.json;
	if (!e->is_default)
		inner.left = DEFAULT_VALUES;
	inner.is_default = true;
	inner.text = (struct buf){ 0 };
	int result = encode(&inner, field->type, field->value.at, place);
	buf_fini(&inner.text);
	e->left = inner.left;
	return result;
}

static int encode_record(struct avro_encoder *e, const struct avro_type *type, uint32_t at,
			 const struct avro_place *up)
{
	size_t found = 0;

	for (size_t i = 0; i < type->n; i++) {
		const struct avro_field *field = &type->field[i];
		uint32_t member = json_get(e->json, at, field->name);
		struct avro_place place = { .up = up, .member = slice_z(field->name) };

		found += member != 0;
		if (member ? encode(e, field->type, member, &place)
			   : encode_missing(e, field, &place))
			return -1;
	}
	if (e->unknown == AVRO_DROP_UNKNOWN || 2 * found == count_parts(e, at))
		return 0;
	uint32_t unknown = avro_unknown_member(e, type, at);
	struct avro_place place = { .up = up, .member = e->json->node[unknown].text };
	return unknown ? refuse(e, &place, "the schema has no such field") : 0;
}

/* ---- values of one part */

static int encode_bytes(struct avro_encoder *e, const struct avro_type *type, uint32_t at,
			const struct avro_place *place)
{
	uint8_t decimal[AVRO_DECIMAL_BYTES];
	struct slice bytes = { (const char *)decimal, 0 };
	const char *why = avro_logical_here(e, type)
				  ? avro_decimal_at(e, type, at, decimal, &bytes.n)
				  : avro_bytes_at(e, at, &bytes);

	if (why)
		return refuse(e, place, why);
	put_long(e->out, (int64_t)bytes.n);
	buf_adds(e->out, bytes);
	return 0;
}

static int encode_fixed(struct avro_encoder *e, const struct avro_type *type, uint32_t at,
			const struct avro_place *place)
{
	uint8_t fixed[AVRO_DECIMAL_BYTES];
	struct slice bytes = { (const char *)fixed, type->size };
	const char *why = avro_logical_here(e, type) ? avro_fixed_at(e, type, at, fixed)
						     : avro_bytes_at(e, at, &bytes);

	if (!why && bytes.n != type->size)
		why = "not as many bytes as its type";
	if (why)
		return refuse(e, place, why);
	buf_adds(e->out, bytes);
	return 0;
}

static int encode_real(struct avro_encoder *e, const struct avro_type *type, uint32_t at,
		       const struct avro_place *place)
{
	uint64_t bits = 0;
	uint32_t half;
	struct slice text;
	double real = 0;
	float small = 0;
	const char *why;

	if (!avro_text_of_value(e, at, &text))
		return refuse_type(e, place, type, at);
	if (type->kind == AVRO_FLOAT) {
		why = avro_take_float(text, &small);
		memcpy(&half, &small, sizeof(half));
		bits = half;
	} else {
		why = avro_take_double(text, &real);
		memcpy(&bits, &real, sizeof(bits));
	}
	if (why)
		return refuse(e, place, why);
	put_little(e->out, bits, type->kind == AVRO_FLOAT ? 4 : 8);
	return 0;
}

static int encode_string(struct avro_encoder *e, const struct avro_type *type, uint32_t at,
			 const struct avro_place *place)
{
	struct slice text;
	const char *why = avro_string_at(e, type, at, &text);

	if (why)
		return refuse(e, place, why);
	put_long(e->out, (int64_t)text.n);
	buf_adds(e->out, text);
	return 0;
}

static int encode_number(struct avro_encoder *e, const struct avro_type *type, uint32_t at,
			 const struct avro_place *place)
{
	int64_t v;
	size_t symbol;
	const char *why = type->kind == AVRO_ENUM ? avro_symbol_at(e, type, at, &symbol)
						  : avro_long_at(e, type, at, &v);

	if (why)
		return refuse(e, place, why);
	put_long(e->out, type->kind == AVRO_ENUM ? (int64_t)symbol : v);
	return 0;
}

static int encode_many(struct avro_encoder *e, const struct avro_type *type, uint32_t at,
		       const struct avro_place *place)
{
	int result;

	if (!avro_is_type(e, at, type->kind == AVRO_ARRAY ? JSON_ARRAY : JSON_OBJECT))
		return refuse_type(e, place, type, at);
	if (e->depth == AVRO_DEPTH)
		return refuse(e, place, "too many values inside of one another");
	e->depth++;
	result = type->kind == AVRO_ARRAY ? encode_array(e, type, at, place)
		 : type->kind == AVRO_MAP ? encode_map(e, type, at, place)
					  : encode_record(e, type, at, place);
	e->depth--;
	return result;
}

static int encode(struct avro_encoder *e, const struct avro_type *type, uint32_t at,
		  const struct avro_place *place)
{
	if (e->is_default && e->left-- == 0)
		return refuse(e, place, "a default of too many values");
	switch (type->kind) {
	case AVRO_NULL:
		return avro_is_type(e, at, JSON_NULL) ? 0 : refuse_type(e, place, type, at);
	case AVRO_BOOLEAN:
		if (!avro_is_type(e, at, JSON_TRUE) && !avro_is_type(e, at, JSON_FALSE))
			return refuse_type(e, place, type, at);
		buf_addc(e->out, avro_is_type(e, at, JSON_TRUE));
		return 0;
	case AVRO_INT:
	case AVRO_LONG:
	case AVRO_ENUM:
		return encode_number(e, type, at, place);
	case AVRO_FLOAT:
	case AVRO_DOUBLE:
		return encode_real(e, type, at, place);
	case AVRO_BYTES:
		return encode_bytes(e, type, at, place);
	case AVRO_STRING:
		return encode_string(e, type, at, place);
	case AVRO_FIXED:
		return encode_fixed(e, type, at, place);
	case AVRO_UNION:
		return encode_union(e, type, at, place);
	default:
		return encode_many(e, type, at, place);
	}
}

/* ---- the whole */

static int encode_all(struct avro_encoder *e, const struct avro_type *type, uint32_t at)
{
	size_t before = e->out->n;
	int result = encode(e, type, at, NULL);

	if (result)
		e->out->n = before;
	buf_fini(&e->text);
	return result;
}

int avro_encode(const struct avro_schema *schema, const struct json *json, uint32_t at,
		enum avro_unknown unknown, struct buf *out, struct err *err)
{
	struct avro_encoder e = { .json = json, .unknown = unknown, .out = out, .err = err };

	return encode_all(&e, schema->root, at);
}

int avro_encode_default(const struct avro_field *field, struct buf *out, struct err *err)
{
	struct avro_encoder e = { .json = field->value.json,
				  .is_default = true,
				  .left = DEFAULT_VALUES,
				  .out = out,
				  .err = err };
	int result = encode_all(&e, field->type, field->value.at);

	if (result && err)
		err->code = EX_CONFIG;
	return result;
}
