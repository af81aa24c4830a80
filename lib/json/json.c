/* Strict JSON into a flat table: one pass, no recursion.
 *
 * 	{"a":[1,2],"b":null}        node  0 object   next 7
 * 	                                  1 "a"      next 2     key
 * 	                                  2 array    next 5     its value
 * 	                                  3 1        next 4
 * 	                                  4 2        next 5
 * 	                                  5 "b"      next 6     key
 * 	                                  6 null     next 7     its value
 *
 * The reader keeps the indexes of the containers that are open on a stack of JSON_DEPTH. A value
 * is taken; if it opened a container the next value follows inside, else everything that ends
 * here is closed. Strings are passed over eight bytes at a time; only one with a byte above 0x7f
 * is looked at again as UTF-8 (outside of strings such a byte is an error anyway). */
#include "json/json.h"

#include <endian.h>
#include <stdlib.h>

#include "base/mem.h"

struct reader {
	struct json *json;
	const char *start, *p, *end;
	struct err *err;
	unsigned depth;
	uint32_t open[JSON_DEPTH];
};

void json_fini(struct json *j)
{
	free(j->node);
	*j = (struct json){ 0 };
}

/* ---- errors: the first byte is byte 1 */

static int fail_json(struct reader *r, const char *at, const char *reason)
{
	return err_set(r->err, EX_DATAERR, "byte %zu: %s", (size_t)(at - r->start) + 1, reason);
}

static int unexpected(struct reader *r, const char *want)
{
	size_t at = (size_t)(r->p - r->start) + 1;
	if (r->p == r->end)
		return err_set(r->err, EX_DATAERR, "byte %zu: %s expected, but the text ends", at,
			       want);
	unsigned char c = (unsigned char)*r->p;
	if (c > 0x20 && c < 0x7f)
		return err_set(r->err, EX_DATAERR, "byte %zu: %s expected, not %c", at, want, c);
	return err_set(r->err, EX_DATAERR, "byte %zu: %s expected, not byte 0x%02x", at, want, c);
}

/* ---- nodes */

static struct json_node *add_node(struct reader *r, enum json_type type, const char *text)
{
	struct json *j = r->json;
	mem_reserve(&j->node, &j->cap, j->n + 1, sizeof(*j->node));
	struct json_node *node = &j->node[j->n++];
	*node = (struct json_node){ .type = type, .next = (uint32_t)j->n, .text = slice(text, 0) };
	return node;
}

static int open_container(struct reader *r, enum json_type type)
{
	if (r->depth == JSON_DEPTH)
		return fail_json(r, r->p, "nested deeper than 256");
	r->open[r->depth++] = (uint32_t)r->json->n;
	add_node(r, type, r->p++);
	return 0;
}

static void close_container(struct reader *r)
{
	struct json_node *node = &r->json->node[r->open[--r->depth]];
	r->p++;
	node->next = (uint32_t)r->json->n;
	node->text.n = (size_t)(r->p - node->text.p);
}

/* ---- scalars */

static inline bool is_json_digit(char c)
{
	return (unsigned char)(c - '0') < 10;
}

static inline void skip_space(struct reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r'))
		r->p++;
}

/* The first byte from p on that a string cannot hold as it is: quote, backslash, control; or
 * end. *high collects the bits of what was passed. The lowest bit of `hits` stands in the first
 * such byte: a borrow can only set bits above it. */
static const char *skip_plain(const char *p, const char *end, uint64_t *high)
{
	const uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;
	for (uint64_t x; end - p >= 8; p += 8, *high |= x) {
		memcpy(&x, p, 8);
		x = le64toh(x);
		uint64_t quote = x ^ ones * '"', slash = x ^ ones * '\\';
		uint64_t hits = (((x - ones * 0x20) & ~x) | ((quote - ones) & ~quote) |
				 ((slash - ones) & ~slash)) &
				tops;
		if (hits) {
			*high |= x & ((hits & -hits) - 1);
			return p + __builtin_ctzll(hits) / 8;
		}
	}
	for (; p < end && (unsigned char)*p >= 0x20 && *p != '"' && *p != '\\'; p++)
		*high |= (unsigned char)*p;
	return p;
}

/* -1: not a hex digit. */
static int json_hex_value(char c)
{
	if (is_json_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Passes the escape at r->p. */
static int take_escape(struct reader *r)
{
	const char *at = r->p++;
	if (r->p == r->end)
		return fail_json(r, at, "the text ends in an escape");
	if (*r->p && strchr("\"\\/bfnrt", *r->p)) {
		r->p++;
		return 0;
	}
	if (*r->p != 'u')
		return fail_json(r, at, "no such escape in JSON");
	for (int i = 1; i <= 4; i++)
		if (r->end - r->p <= i || json_hex_value(r->p[i]) < 0)
			return fail_json(r, at, "\\u needs four hex digits");
	r->p += 5;
	return 0;
}

/* Where a text that is not UTF-8 stops being it. */
static const char *bad_utf8(const char *p, const char *end)
{
	for (size_t n = 1; p < end; p += n) {
		for (n = 1; n <= 4 && n <= (size_t)(end - p) && !str_utf8(p, n);)
			n++;
		if (n > 4 || n > (size_t)(end - p))
			break;
	}
	return p;
}

/* At the opening quote. */
static int take_string(struct reader *r)
{
	const char *start = ++r->p;
	uint64_t high = 0;
	bool escaped = false;
	while ((r->p = skip_plain(r->p, r->end, &high)) < r->end && *r->p != '"') {
		if (*r->p != '\\')
			return fail_json(r, r->p, "a control character stands in a string");
		if (take_escape(r))
			return -1;
		escaped = true;
	}
	if (r->p == r->end)
		return fail_json(r, start - 1, "the text ends in this string");
	size_t n = (size_t)(r->p++ - start);
	if (high & 0x8080808080808080 && !str_utf8(start, n))
		return fail_json(r, bad_utf8(start, start + n), "not UTF-8");
	struct json_node *node = add_node(r, JSON_STRING, start);
	node->text.n = n;
	node->escaped = escaped;
	return 0;
}

/* One digit at least, and all that follow. */
static int take_digits(struct reader *r)
{
	if (r->p == r->end || !is_json_digit(*r->p))
		return unexpected(r, "a digit");
	while (r->p < r->end && is_json_digit(*r->p))
		r->p++;
	return 0;
}

static int take_number(struct reader *r)
{
	const char *start = r->p;
	r->p += *r->p == '-';
	if (r->p < r->end && *r->p == '0')
		r->p++;
	else if (take_digits(r))
		return -1;
	if (r->p < r->end && *r->p == '.') {
		r->p++;
		if (take_digits(r))
			return -1;
	}
	if (r->p < r->end && (*r->p == 'e' || *r->p == 'E')) {
		r->p++;
		r->p += r->p < r->end && (*r->p == '+' || *r->p == '-');
		if (take_digits(r))
			return -1;
	}
	add_node(r, JSON_NUMBER, start)->text.n = (size_t)(r->p - start);
	return 0;
}

static int take_word(struct reader *r, const char *word, enum json_type type)
{
	size_t n = strlen(word);
	if ((size_t)(r->end - r->p) < n || memcmp(r->p, word, n))
		return unexpected(r, "a value");
	add_node(r, type, r->p)->text.n = n;
	r->p += n;
	return 0;
}

/* ---- structure */

static int take_key(struct reader *r)
{
	skip_space(r);
	if (r->p == r->end || *r->p != '"')
		return unexpected(r, "a member's name");
	if (take_string(r))
		return -1;
	skip_space(r);
	if (r->p == r->end || *r->p != ':')
		return unexpected(r, "a colon");
	r->p++;
	return 0;
}

/* A container's opening. *inside: it is not empty, its first value follows. */
static int take_open(struct reader *r, bool *inside)
{
	bool object = *r->p == '{';
	if (open_container(r, object ? JSON_OBJECT : JSON_ARRAY))
		return -1;
	skip_space(r);
	*inside = r->p == r->end || *r->p != (object ? '}' : ']');
	if (*inside)
		return object ? take_key(r) : 0;
	close_container(r);
	return 0;
}

static int take_value(struct reader *r, bool *inside)
{
	*inside = false;
	skip_space(r);
	if (r->p == r->end)
		return unexpected(r, "a value");
	switch (*r->p) {
	case '{':
	case '[':
		return take_open(r, inside);
	case '"':
		return take_string(r);
	case 't':
		return take_word(r, "true", JSON_TRUE);
	case 'f':
		return take_word(r, "false", JSON_FALSE);
	case 'n':
		return take_word(r, "null", JSON_NULL);
	case '-':
	case '0':
	case '1':
	case '2':
	case '3':
	case '4':
	case '5':
	case '6':
	case '7':
	case '8':
	case '9':
		return take_number(r);
	default:
		return unexpected(r, "a value");
	}
}

/* Behind a value: closes what ends here. 1: another value follows; 0: the root is complete. */
static int take_after(struct reader *r)
{
	while (r->depth > 0) {
		bool object = r->json->node[r->open[r->depth - 1]].type == JSON_OBJECT;
		skip_space(r);
		if (r->p < r->end && *r->p == ',') {
			r->p++;
			return object && take_key(r) ? -1 : 1;
		}
		if (r->p == r->end || *r->p != (object ? '}' : ']'))
			return unexpected(r, object ? ", or }" : ", or ]");
		close_container(r);
	}
	return 0;
}

static int take_text(struct reader *r)
{
	bool inside;
	int more = 1;
	while (more) {
		if (take_value(r, &inside))
			return -1;
		more = inside ? 1 : take_after(r);
		if (more < 0)
			return -1;
	}
	skip_space(r);
	return r->p == r->end ? 0 : fail_json(r, r->p, "something follows the value");
}

int json_parse(struct json *j, struct slice text, struct err *err)
{
	struct reader r = { .json = j, .err = err };
	r.start = r.p = text.n ? text.p : "";
	r.end = r.p + text.n;
	r.p += str_mark(text);
	j->n = 0;
	if (text.n >= UINT32_MAX)
		return err_set(err, EX_DATAERR, "a JSON text of 4 GiB or more");
	if (take_text(&r)) {
		j->n = 0;
		return -1;
	}
	return 0;
}

/* ---- text of strings */

static unsigned hex4(const char *p)
{
	return (unsigned)(json_hex_value(p[0]) << 12 | json_hex_value(p[1]) << 8 |
			  json_hex_value(p[2]) << 4 | json_hex_value(p[3]));
}

static size_t utf8(uint32_t c, char out[4])
{
	if (c < 0x80)
		return out[0] = (char)c, 1;
	size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	for (size_t i = n - 1; i > 0; i--, c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)((0xf00u >> n & 0xf0) | c);
	return n;
}

/* Decodes the escape at *p (json_parse has seen to it) and passes it. The length in UTF-8; 0: a
 * lone surrogate. */
static size_t unescape_json(const char **p, const char *end, char out[4])
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	char c = (*p)[1];
	if (c != 'u') {
		*p += 2;
		return out[0] = to[strchr(from, c) - from], 1;
	}
	uint32_t code = hex4(*p + 2);
	*p += 6;
	if (code < 0xd800 || code > 0xdfff)
		return utf8(code, out);
	if (code > 0xdbff || end - *p < 6 || (*p)[0] != '\\' || (*p)[1] != 'u')
		return 0;
	uint32_t low = hex4(*p + 2);
	if (low < 0xdc00 || low > 0xdfff)
		return 0;
	*p += 6;
	return utf8(0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00), out);
}

int json_unescape(struct slice text, struct buf *out)
{
	const char *p = text.p, *const end = p + text.n;
	size_t before = out->n;
	buf_room(out, text.n);
	while (p < end) {
		const char *escape = memchr(p, '\\', (size_t)(end - p));
		buf_add(out, p, (size_t)((escape ? escape : end) - p));
		if (!escape)
			break;
		char bytes[4];
		size_t n = unescape_json(&escape, end, bytes);
		if (n == 0) {
			out->n = before;
			return -1;
		}
		buf_add(out, bytes, n);
		p = escape;
	}
	return 0;
}

int json_string(const struct json *j, uint32_t at, struct buf *out)
{
	const struct json_node *node = &j->node[at];
	if (node->escaped)
		return json_unescape(node->text, out);
	buf_adds(out, node->text);
	return 0;
}
