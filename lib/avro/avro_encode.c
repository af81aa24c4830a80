/* Values of JSON to the binary form: one walk down type and JSON together.
 *
 * A union wants a choice. fit_of says of a branch whether it holds the value, and whether without
 * loss; it never looks below the value (of a record at the names of its members), so that the walk
 * is linear: what is wrong further down is an error, and no reason to try the next branch.
 *
 * Defaults are JSON of the schema and are encoded by the same walk, under rules of their own: bytes
 * are code points, logical types their base values, unions take the first branch that holds it. A
 * default may be as large as its text, but the defaults of fields that it leaves out come on top,
 * level by level: DEFAULT_VALUES bounds what comes of it.
 *
 * Places are kept as a list on the stack, and are made a path only for an error. */
#include "avro/avro_internal.h"

#include <stdio.h>

#include "avro/avro_take.h"

enum { DEFAULT_VALUES = 1 << 16 };

struct avro_place {
	const struct avro_place *up;
	struct slice member; /* p NULL: an element */
	size_t index;
};

struct avro_encoder {
	const struct json *json;
	enum avro_unknown unknown;
	bool is_default;
	unsigned depth;
	size_t left; /* values of a default */
	struct buf *out;
	struct buf text; /* a decoded string */
	struct err *err;
};

static int encode(struct avro_encoder *e, const struct avro_type *type, uint32_t at,
		  const struct avro_place *place);

/* ---- errors */

static void put_path(struct buf *path, const struct avro_place *place)
{
	if (!place)
		return;
	put_path(path, place->up);
	if (place->member.p)
		buf_printf(path, ".%.*s", (int)(place->member.n & 0xff), place->member.p);
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

/* ---- values of JSON */

static bool is_type(const struct avro_encoder *e, uint32_t at, enum json_type type)
{
	return e->json->node[at].type == type;
}

static enum avro_logical logical_of(const struct avro_encoder *e, const struct avro_type *type)
{
	return e->is_default ? AVRO_PLAIN : type->logical;
}

/* The decoded text of a string, or of a number as it is; valid until the next one. False: it is
 * neither, or half of a surrogate pair. */
static bool text_at(struct avro_encoder *e, uint32_t at, struct slice *text)
{
	const struct json_node *node = &e->json->node[at];

	*text = node->text;
	if (node->type == JSON_NUMBER || (node->type == JSON_STRING && !node->escaped))
		return true;
	if (node->type != JSON_STRING)
		return false;
	e->text.n = 0;
	if (json_string(e->json, at, &e->text))
		return false;
	*text = buf_slice(&e->text);
	return true;
}

/* Code points up to 255 as bytes, over the text itself; -1: there are others. */
static int code_points(struct avro_encoder *e, struct slice *text)
{
	struct buf bytes = { 0 };

	for (size_t i = 0; i < text->n; i++) {
		unsigned c = (unsigned char)text->p[i];

		if (c >= 0x80 && (c > 0xc3 || i + 1 == text->n)) {
			buf_fini(&bytes);
			return -1;
		}
		if (c >= 0x80)
			c = (c & 3) << 6 | ((unsigned char)text->p[++i] & 0x3f);
		buf_addc(&bytes, (char)c);
	}
	buf_fini(&e->text);
	e->text = bytes;
	*text = buf_slice(&e->text);
	return 0;
}

/* What a string of JSON stands for as bytes. */
static const char *bytes_at(struct avro_encoder *e, uint32_t at, struct slice *bytes)
{
	struct buf raw = { 0 };

	if (!is_type(e, at, JSON_STRING) || !text_at(e, at, bytes))
		return "not a string";
	if (e->is_default)
		return code_points(e, bytes) ? "a character beyond U+00FF in bytes" : NULL;
	if (str_unbase64(*bytes, &raw)) {
		buf_fini(&raw);
		return "not base64";
	}
	buf_fini(&e->text);
	e->text = raw;
	*bytes = buf_slice(&e->text);
	return NULL;
}

static const char *long_at(struct avro_encoder *e, const struct avro_type *type, uint32_t at,
			   int64_t *v)
{
	enum avro_logical logical = logical_of(e, type);
	const char *why;
	struct slice text;

	if (is_type(e, at, JSON_STRING) && logical) {
		why = text_at(e, at, &text) ? avro_take_time(logical, text, v) : "not a time";
		if (why)
			return why;
	} else if (!is_type(e, at, JSON_NUMBER)) {
		return "not a number";
	} else if (!json_i64(e->json, at, v)) {
		return "not an integer of 64 bits";
	}
	return type->kind == AVRO_INT && *v != (int32_t)*v ? "not an integer of 32 bits" : NULL;
}

static const char *decimal_at(struct avro_encoder *e, const struct avro_type *type, uint32_t at,
			      uint8_t out[AVRO_DECIMAL_BYTES], size_t *n)
{
	struct slice text;
	const char *why;

	if (!text_at(e, at, &text))
		return "not a number";
	why = avro_take_decimal(text, type->precision, type->scale, out, n);
	if (!why && type->kind == AVRO_FIXED && *n > type->size)
		return "a decimal of more bytes than its type";
	return why;
}

/* A fixed of at most AVRO_DECIMAL_BYTES that is not plain. */
static const char *fixed_at(struct avro_encoder *e, const struct avro_type *type, uint32_t at,
			    uint8_t out[AVRO_DECIMAL_BYTES])
{
	uint8_t number[AVRO_DECIMAL_BYTES];
	struct slice text;
	const char *why;
	size_t n;

	if (type->logical == AVRO_DECIMAL) {
		why = decimal_at(e, type, at, number, &n);
		if (why)
			return why;
		memset(out, number[0] & 0x80 ? 0xff : 0, type->size - n);
		memcpy(out + type->size - n, number, n);
		return NULL;
	}
	if (!is_type(e, at, JSON_STRING) || !text_at(e, at, &text))
		return "not a string";
	return type->logical == AVRO_UUID ? avro_take_uuid(text, out)
					  : avro_take_duration(text, out);
}

static const char *string_at(struct avro_encoder *e, const struct avro_type *type, uint32_t at,
			     struct slice *text)
{
	uint8_t uuid[16];

	if (!is_type(e, at, JSON_STRING))
		return "not a string";
	if (!text_at(e, at, text))
		return "half of a surrogate pair";
	return logical_of(e, type) == AVRO_UUID ? avro_take_uuid(*text, uuid) : NULL;
}

static const char *symbol_at(struct avro_encoder *e, const struct avro_type *type, uint32_t at,
			     size_t *symbol)
{
	for (*symbol = 0; *symbol < type->n; ++*symbol)
		if (json_is(e->json, at, slice_z(type->symbol[*symbol])))
			return NULL;
	return "none of the symbols";
}

/* The member of that name of object `at` that counts (the last), 0: none. */
static uint32_t member_of(const struct avro_encoder *e, uint32_t at, const char *name)
{
	return json_get(e->json, at, name);
}

/* The first member that no field has the name of, 0: none. */
static uint32_t unknown_member(const struct avro_encoder *e, const struct avro_type *type,
			       uint32_t at)
{
	const struct json *j = e->json;

	for (uint32_t key = json_first(j, at); key < j->node[at].next;
	     key = j->node[key + 1].next) {
		size_t i = 0;

		while (i < type->n && !json_is(j, key, slice_z(type->field[i].name)))
			i++;
		if (i == type->n)
			return key;
	}
	return 0;
}

/* ---- which branch of a union */

enum { FIT_NOT, FIT_LOSS, FIT_EXACT };

static int fit_real(struct avro_encoder *e, const struct avro_type *type, uint32_t at)
{
	int64_t v, most = type->kind == AVRO_FLOAT ? 1 << 24 : 1LL << 53;
	struct slice text;
	double real;

	if (!text_at(e, at, &text) || avro_take_double(text, &real))
		return FIT_NOT;
	if (is_type(e, at, JSON_STRING))
		return FIT_LOSS; /* NaN */
	if (json_i64(e->json, at, &v))
		return v >= -most && v <= most ? FIT_EXACT : FIT_LOSS;
	return type->kind == AVRO_DOUBLE ? FIT_EXACT : FIT_LOSS;
}

static int fit_bytes(struct avro_encoder *e, const struct avro_type *type, uint32_t at)
{
	uint8_t fixed[AVRO_DECIMAL_BYTES];
	struct slice bytes;
	size_t n;

	if (logical_of(e, type) && type->kind == AVRO_BYTES)
		return decimal_at(e, type, at, fixed, &n) ? FIT_NOT
		       : is_type(e, at, JSON_STRING)      ? FIT_LOSS
							  : FIT_EXACT;
	if (logical_of(e, type))
		return fixed_at(e, type, at, fixed) ? FIT_NOT : FIT_EXACT;
	if (bytes_at(e, at, &bytes) || (type->kind == AVRO_FIXED && bytes.n != type->size))
		return FIT_NOT;
	return FIT_LOSS;
}

static int fit_record(struct avro_encoder *e, const struct avro_type *type, uint32_t at)
{
	for (size_t i = 0; i < type->n; i++)
		if (!type->field[i].value.json && !member_of(e, at, type->field[i].name))
			return FIT_NOT;
	return e->unknown == AVRO_REFUSE_UNKNOWN && unknown_member(e, type, at) ? FIT_NOT
										: FIT_EXACT;
}

static int fit_of(struct avro_encoder *e, const struct avro_type *type, uint32_t at)
{
	enum json_type json = e->json->node[at].type;
	struct slice text;
	int64_t number;
	size_t symbol;

	switch (type->kind) {
	case AVRO_NULL:
		return json == JSON_NULL ? FIT_EXACT : FIT_NOT;
	case AVRO_BOOLEAN:
		return json == JSON_TRUE || json == JSON_FALSE ? FIT_EXACT : FIT_NOT;
	case AVRO_INT:
	case AVRO_LONG:
		return long_at(e, type, at, &number) ? FIT_NOT : FIT_EXACT;
	case AVRO_FLOAT:
	case AVRO_DOUBLE:
		return fit_real(e, type, at);
	case AVRO_BYTES:
	case AVRO_FIXED:
		return fit_bytes(e, type, at);
	case AVRO_STRING:
		return string_at(e, type, at, &text) ? FIT_NOT : FIT_EXACT;
	case AVRO_ENUM:
		return symbol_at(e, type, at, &symbol) ? FIT_NOT : FIT_EXACT;
	case AVRO_ARRAY:
		return json == JSON_ARRAY ? FIT_EXACT : FIT_NOT;
	case AVRO_MAP:
		return json == JSON_OBJECT ? FIT_LOSS : FIT_NOT;
	default:
		return json == JSON_OBJECT ? fit_record(e, type, at) : FIT_NOT;
	}
}

/* The branch that takes it; n: none. */
static size_t branch_of(struct avro_encoder *e, const struct avro_type *u, uint32_t at)
{
	size_t best = u->n;
	int fit, best_fit = FIT_NOT;

	for (size_t i = 0; i < u->n && best_fit < FIT_EXACT; i++) {
		fit = fit_of(e, u->branch[i], at);
		if (fit > best_fit) {
			best = i;
			best_fit = e->is_default ? FIT_EXACT : fit;
		}
	}
	return best;
}

/* The branch that {"full.Name": value} names, n: none. *at becomes the value. */
static size_t named_branch(const struct avro_encoder *e, const struct avro_type *u, uint32_t *at)
{
	const struct json_node *node = e->json->node;
	uint32_t key = *at + 1;
	size_t i = u->n;

	if (node[*at].type != JSON_OBJECT || key == node[*at].next ||
	    node[key + 1].next != node[*at].next || e->is_default)
		return u->n;
	for (i = 0; i < u->n && !json_is(e->json, key, slice_z(u->branch[i]->name));)
		i++;
	if (i < u->n)
		*at = key + 1;
	return i;
}

static int encode_union(struct avro_encoder *e, const struct avro_type *u, uint32_t at,
			const struct avro_place *place)
{
	size_t branch = branch_of(e, u, at);

	if (branch == u->n)
		branch = named_branch(e, u, &at);
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

		if (!text_at(e, i, &text))
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
		uint32_t member = member_of(e, at, field->name);
		struct avro_place place = { .up = up, .member = slice_z(field->name) };

		found += member != 0;
		if (member ? encode(e, field->type, member, &place)
			   : encode_missing(e, field, &place))
			return -1;
	}
	if (e->unknown == AVRO_DROP_UNKNOWN || 2 * found == count_parts(e, at))
		return 0;
	uint32_t unknown = unknown_member(e, type, at);
	struct avro_place place = { .up = up, .member = e->json->node[unknown].text };
	return unknown ? refuse(e, &place, "the schema has no such field") : 0;
}

/* ---- values of one part */

static int encode_bytes(struct avro_encoder *e, const struct avro_type *type, uint32_t at,
			const struct avro_place *place)
{
	uint8_t decimal[AVRO_DECIMAL_BYTES];
	struct slice bytes = { (const char *)decimal, 0 };
	const char *why = logical_of(e, type) ? decimal_at(e, type, at, decimal, &bytes.n)
					      : bytes_at(e, at, &bytes);

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
	const char *why = logical_of(e, type) ? fixed_at(e, type, at, fixed)
					      : bytes_at(e, at, &bytes);

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

	if (!text_at(e, at, &text))
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
	const char *why = string_at(e, type, at, &text);

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
	const char *why = type->kind == AVRO_ENUM ? symbol_at(e, type, at, &symbol)
						  : long_at(e, type, at, &v);

	if (why)
		return refuse(e, place, why);
	put_long(e->out, type->kind == AVRO_ENUM ? (int64_t)symbol : v);
	return 0;
}

static int encode_many(struct avro_encoder *e, const struct avro_type *type, uint32_t at,
		       const struct avro_place *place)
{
	int result;

	if (!is_type(e, at, type->kind == AVRO_ARRAY ? JSON_ARRAY : JSON_OBJECT))
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
		return is_type(e, at, JSON_NULL) ? 0 : refuse_type(e, place, type, at);
	case AVRO_BOOLEAN:
		if (!is_type(e, at, JSON_TRUE) && !is_type(e, at, JSON_FALSE))
			return refuse_type(e, place, type, at);
		buf_addc(e->out, is_type(e, at, JSON_TRUE));
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
