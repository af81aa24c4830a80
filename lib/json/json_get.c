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

/* Behind its backslash, of the characters that need one; u: four digits follow. */
static const char escapes[256] = {
	['"'] = '"',  ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r',
	['\t'] = 't', [0x00] = 'u',  [0x01] = 'u', [0x02] = 'u', [0x03] = 'u', [0x04] = 'u',
	[0x05] = 'u', [0x06] = 'u',  [0x07] = 'u', [0x0b] = 'u', [0x0e] = 'u', [0x0f] = 'u',
	[0x10] = 'u', [0x11] = 'u',  [0x12] = 'u', [0x13] = 'u', [0x14] = 'u', [0x15] = 'u',
	[0x16] = 'u', [0x17] = 'u',  [0x18] = 'u', [0x19] = 'u', [0x1a] = 'u', [0x1b] = 'u',
	[0x1c] = 'u', [0x1d] = 'u',  [0x1e] = 'u', [0x1f] = 'u',
};
enum { ESCAPE_MOST = 6, QUOTE_PIECE = 4096 };

static char *put_escaped(char *to, const char *p, const char *end)
{
	static const char hex[] = "0123456789abcdef";

	for (; p < end; p++) {
		unsigned char c = (unsigned char)*p;

		if (!escapes[c]) {
			*to++ = *p;
			continue;
		}
		*to++ = '\\';
		*to++ = escapes[c];
		if (escapes[c] == 'u') {
			*to++ = '0';
			*to++ = '0';
			*to++ = hex[c >> 4];
			*to++ = hex[c & 15];
		}
	}
	return to;
}

/* A piece at a time: there is room for all of it to need escapes, and none to waste. */
void json_quote(struct buf *out, struct slice text)
{
	buf_room(out, text.n + 2);
	buf_addc(out, '"');
	for (size_t i = 0, n; i < text.n; i += n) {
		char *to;

		n = text.n - i < QUOTE_PIECE ? text.n - i : QUOTE_PIECE;
		to = buf_room(out, ESCAPE_MOST * n);
		out->n += (size_t)(put_escaped(to, text.p + i, text.p + i + n) - to);
	}
	buf_addc(out, '"');
}

void json_quote_z(struct buf *out, const char *text)
{
	json_quote(out, slice_z(text));
}
