/* Members of a JSON object by name, and the writers. */
#include "json/json.h"

static const dec UNIT = 1000000000; /* of a dec: one */

bool json_is(const struct json *j, uint32_t at, struct slice text)
{
	const struct json_node *node = &j->node[at];
	if (node->type != JSON_STRING || !node->escaped)
		return node->type == JSON_STRING && slice_eq(node->text, text);
	struct buf decoded = { 0 };
	bool is = json_unescape(node->text, &decoded) == 0 && slice_eq(buf_slice(&decoded), text);
	buf_fini(&decoded);
	return is;
}

uint32_t json_get(const struct json *j, uint32_t at, const char *key)
{
	struct slice name = slice_z(key);
	uint32_t found = 0;
	if (at >= j->n || j->node[at].type != JSON_OBJECT)
		return 0;
	for (uint32_t i = json_first(j, at); i < j->node[at].next; i = j->node[i + 1].next)
		if (json_is(j, i, name))
			found = i + 1;
	return found;
}

bool json_get_text(const struct json *j, uint32_t at, const char *key, struct slice *out)
{
	uint32_t i = json_get(j, at, key);
	if (!i || j->node[i].type != JSON_STRING || j->node[i].escaped)
		return false;
	*out = j->node[i].text;
	return true;
}

bool json_get_bool(const struct json *j, uint32_t at, const char *key, bool *out)
{
	uint32_t i = json_get(j, at, key);
	if (!i || (j->node[i].type != JSON_TRUE && j->node[i].type != JSON_FALSE))
		return false;
	*out = j->node[i].type == JSON_TRUE;
	return true;
}

/* A number, or a string that holds one. */
static enum dec_result read_dec(const struct json *j, uint32_t at, dec *out)
{
	enum json_type type = j->node[at].type;
	return type == JSON_NUMBER || type == JSON_STRING ? dec_parse_sum(j->node[at].text, out)
							  : DEC_SYNTAX;
}

bool json_dec(const struct json *j, uint32_t at, dec *out)
{
	dec v;
	enum dec_result result = read_dec(j, at, &v);
	if (result != DEC_OK && result != DEC_ROUNDED)
		return false;
	*out = v;
	return true;
}

static bool read_integer(const struct json *j, uint32_t at, dec min, dec max, dec *out)
{
	if (read_dec(j, at, out) != DEC_OK || *out % UNIT != 0)
		return false;
	*out /= UNIT;
	return *out >= min && *out <= max;
}

bool json_u64(const struct json *j, uint32_t at, uint64_t *out)
{
	dec v;
	if (!read_integer(j, at, 0, UINT64_MAX, &v))
		return false;
	*out = (uint64_t)v;
	return true;
}

bool json_i64(const struct json *j, uint32_t at, int64_t *out)
{
	dec v;
	if (!read_integer(j, at, INT64_MIN, INT64_MAX, &v))
		return false;
	*out = (int64_t)v;
	return true;
}

bool json_get_u64(const struct json *j, uint32_t at, const char *key, uint64_t *out)
{
	uint32_t i = json_get(j, at, key);
	return i && json_u64(j, i, out);
}

bool json_get_i64(const struct json *j, uint32_t at, const char *key, int64_t *out)
{
	uint32_t i = json_get(j, at, key);
	return i && json_i64(j, i, out);
}

static void add_escape(struct buf *out, unsigned char c)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *named = c ? strchr(from, c) : NULL;
	buf_addc(out, '\\');
	if (named) {
		buf_addc(out, to[named - from]);
		return;
	}
	buf_addz(out, "u00");
	buf_hex(out, &c, 1);
}

void json_quote(struct buf *out, struct slice text)
{
	const char *p = text.p, *const end = p + text.n;
	buf_room(out, text.n + 2);
	buf_addc(out, '"');
	while (p < end) {
		const char *plain = p;
		while (p < end && (unsigned char)*p >= 0x20 && *p != '"' && *p != '\\')
			p++;
		buf_add(out, plain, (size_t)(p - plain));
		if (p < end)
			add_escape(out, (unsigned char)*p++);
	}
	buf_addc(out, '"');
}

void json_quote_z(struct buf *out, const char *text)
{
	json_quote(out, slice_z(text));
}
