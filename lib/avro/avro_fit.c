/* What a value of JSON is as a value of Avro, and which branch of a union holds it.
 *
 * fit_of says of a branch whether it holds the value, and whether without loss. It never looks
 * below the value, of a record at the names of its members only: so the walk is linear, and what is
 * wrong further down is an error, and no reason to try the next branch. */
#include "avro/avro_encoder.h"
#include "avro/avro_take.h"

bool avro_text_of_value(struct avro_encoder *e, uint32_t at, struct slice *text)
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

const char *avro_bytes_at(struct avro_encoder *e, uint32_t at, struct slice *bytes)
{
	struct buf raw = { 0 };

	if (!avro_is_type(e, at, JSON_STRING) || !avro_text_of_value(e, at, bytes))
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

const char *avro_long_at(struct avro_encoder *e, const struct avro_type *type, uint32_t at,
			 int64_t *v)
{
	enum avro_logical logical = avro_logical_here(e, type);
	const char *why;
	struct slice text;

	if (avro_is_type(e, at, JSON_STRING) && logical) {
		why = avro_text_of_value(e, at, &text) ? avro_take_time(logical, text, v)
						       : "not a time";
		if (why)
			return why;
	} else if (!avro_is_type(e, at, JSON_NUMBER)) {
		return "not a number";
	} else if (!json_i64(e->json, at, v)) {
		return "not an integer of 64 bits";
	}
	return type->kind == AVRO_INT && *v != (int32_t)*v ? "not an integer of 32 bits" : NULL;
}

const char *avro_decimal_at(struct avro_encoder *e, const struct avro_type *type, uint32_t at,
			    uint8_t out[AVRO_DECIMAL_BYTES], size_t *n)
{
	struct slice text;
	const char *why;

	if (!avro_text_of_value(e, at, &text))
		return "not a number";
	why = avro_take_decimal(text, type->precision, type->scale, out, n);
	if (!why && type->kind == AVRO_FIXED && *n > type->size)
		return "a decimal of more bytes than its type";
	return why;
}

/* A fixed of at most AVRO_DECIMAL_BYTES that is not plain. */
const char *avro_fixed_at(struct avro_encoder *e, const struct avro_type *type, uint32_t at,
			  uint8_t out[AVRO_DECIMAL_BYTES])
{
	uint8_t number[AVRO_DECIMAL_BYTES];
	struct slice text;
	const char *why;
	size_t n;

	if (type->logical == AVRO_DECIMAL) {
		why = avro_decimal_at(e, type, at, number, &n);
		if (why)
			return why;
		memset(out, number[0] & 0x80 ? 0xff : 0, type->size - n);
		memcpy(out + type->size - n, number, n);
		return NULL;
	}
	if (!avro_is_type(e, at, JSON_STRING) || !avro_text_of_value(e, at, &text))
		return "not a string";
	return type->logical == AVRO_UUID ? avro_take_uuid(text, out)
					  : avro_take_duration(text, out);
}

const char *avro_string_at(struct avro_encoder *e, const struct avro_type *type, uint32_t at,
			   struct slice *text)
{
	uint8_t uuid[16];

	if (!avro_is_type(e, at, JSON_STRING))
		return "not a string";
	if (!avro_text_of_value(e, at, text))
		return "half of a surrogate pair";
	return avro_logical_here(e, type) == AVRO_UUID ? avro_take_uuid(*text, uuid) : NULL;
}

const char *avro_symbol_at(struct avro_encoder *e, const struct avro_type *type, uint32_t at,
			   size_t *symbol)
{
	for (*symbol = 0; *symbol < type->n; ++*symbol)
		if (json_is(e->json, at, slice_z(type->symbol[*symbol])))
			return NULL;
	return "none of the symbols";
}

uint32_t avro_unknown_member(const struct avro_encoder *e, const struct avro_type *type,
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

	if (!avro_text_of_value(e, at, &text) || avro_take_double(text, &real))
		return FIT_NOT;
	if (avro_is_type(e, at, JSON_STRING))
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

	if (avro_logical_here(e, type) && type->kind == AVRO_BYTES)
		return avro_decimal_at(e, type, at, fixed, &n) ? FIT_NOT
		       : avro_is_type(e, at, JSON_STRING)      ? FIT_LOSS
							       : FIT_EXACT;
	if (avro_logical_here(e, type))
		return avro_fixed_at(e, type, at, fixed) ? FIT_NOT : FIT_EXACT;
	if (avro_bytes_at(e, at, &bytes) || (type->kind == AVRO_FIXED && bytes.n != type->size))
		return FIT_NOT;
	return FIT_LOSS;
}

static int fit_record(struct avro_encoder *e, const struct avro_type *type, uint32_t at)
{
	for (size_t i = 0; i < type->n; i++)
		if (!type->field[i].value.json && !json_get(e->json, at, type->field[i].name))
			return FIT_NOT;
	return e->unknown == AVRO_REFUSE_UNKNOWN && avro_unknown_member(e, type, at) ? FIT_NOT
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
		return avro_long_at(e, type, at, &number) ? FIT_NOT : FIT_EXACT;
	case AVRO_FLOAT:
	case AVRO_DOUBLE:
		return fit_real(e, type, at);
	case AVRO_BYTES:
	case AVRO_FIXED:
		return fit_bytes(e, type, at);
	case AVRO_STRING:
		return avro_string_at(e, type, at, &text) ? FIT_NOT : FIT_EXACT;
	case AVRO_ENUM:
		return avro_symbol_at(e, type, at, &symbol) ? FIT_NOT : FIT_EXACT;
	case AVRO_ARRAY:
		return json == JSON_ARRAY ? FIT_EXACT : FIT_NOT;
	case AVRO_MAP:
		return json == JSON_OBJECT ? FIT_LOSS : FIT_NOT;
	default:
		return json == JSON_OBJECT ? fit_record(e, type, at) : FIT_NOT;
	}
}

size_t avro_branch_of(struct avro_encoder *e, const struct avro_type *u, uint32_t at)
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

size_t avro_named_branch(const struct avro_encoder *e, const struct avro_type *u, uint32_t *at)
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
