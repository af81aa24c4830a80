/* Whether a line is a piece of JSON over several lines: what would make it whole is put around it,
 * and that is parsed.
 *
 *	{             {       }    brackets that stay open are closed,
 *	  "a": 1,    {"a": 1}      a member gets an object around it, a comma at the end goes,
 *	  "b": [     {"b": [ ]}
 *	  }, {            {   }    and so does what closes something at the start
 *
 * So a line that is merely broken is no piece. Nor is one that was cut off: it hardly ever ends
 * where a printer of JSON ends a line. */
#include "scan/look.h"

#include "json/json.h"

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct slice trim_look(struct slice s)
{
	for (; s.n && is_space(s.p[0]); s.p++)
		s.n--;
	while (s.n && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

static bool begins_look(struct slice s, const char *with, size_t n)
{
	return s.n >= n && memcmp(s.p, with, n) == 0;
}

static bool is_utf16(struct slice s)
{
	enum { LOOKED_AT = 4 };

	if (begins_look(s, "\xff\xfe", 2) || begins_look(s, "\xfe\xff", 2))
		return true;
	if (s.n == 0 || (s.p[0] == 0) == (s.n > 1 && s.p[1] == 0))
		return false;
	for (size_t i = 2; i < s.n && i < LOOKED_AT; i++)
		if ((s.p[i] == 0) != (s.p[i - 2] == 0))
			return false;
	return true;
}

static enum look framed(struct slice s)
{
	enum { FRAME_BYTES = 5 };
	struct slice rest;

	if (s.n <= FRAME_BYTES || s.p[0] != 0)
		return LOOK_UNKNOWN;
	rest = trim_look(slice(s.p + FRAME_BYTES, s.n - FRAME_BYTES));
	return begins_look(rest, "{", 1) || begins_look(rest, "[", 1) ? LOOK_FRAMED_JSON
								      : LOOK_FRAMED;
}

/* ---- pieces */

/* Where the string at p[0] has its closing quote; n: nowhere. */
static size_t string_end(const char *p, size_t n)
{
	size_t i = 1;

	while (i < n && p[i] != '"')
		i += p[i] == '\\' ? 2 : 1;
	return i < n ? i : n;
}

static bool is_member(struct slice s)
{
	size_t end = s.n && s.p[0] == '"' ? string_end(s.p, s.n) : s.n;

	return end < s.n && begins_look(trim_look(slice(s.p + end + 1, s.n - end - 1)), ":", 1);
}

/* Appends what closes the brackets that s leaves open. Their number, or -1: one is closed that was
 * not opened, or there are too many. */
static int close_open(struct slice s, struct buf *out)
{
	char open[JSON_DEPTH];
	int n = 0;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '"')
			i += string_end(s.p + i, s.n - i);
		else if ((c == '{' || c == '[') && n == JSON_DEPTH)
			return -1;
		else if (c == '{' || c == '[')
			open[n++] = c == '{' ? '}' : ']';
		else if ((c == '}' || c == ']') && (n == 0 || open[--n] != c))
			return -1;
	}
	for (int i = n; i > 0; i--)
		buf_addc(out, open[i - 1]);
	return n;
}

/* Puts around s what makes it whole. The number of brackets that it leaves open, or -1: it is not
 * JSON all the same. */
static int complete(struct slice s, bool member, bool value_missing)
{
	struct buf whole = { 0 };
	struct json j = { 0 };
	int open;

	if (member)
		buf_addc(&whole, '{');
	buf_adds(&whole, s);
	if (value_missing)
		buf_addz(&whole, "null");
	open = close_open(s, &whole);
	if (member)
		buf_addc(&whole, '}');
	if (open >= 0 && json_parse(&j, buf_slice(&whole), NULL))
		open = -1;
	json_fini(&j);
	buf_fini(&whole);
	return open;
}

static bool ends_something(char c)
{
	return c == ']' || c == '}' || c == ',';
}

static enum look piece_look(struct slice s)
{
	bool ended = false, opens, member;
	int open;
	char last;

	for (; s.n && (ends_something(s.p[0]) || is_space(s.p[0])); s.p++, s.n--)
		ended = true;
	if (s.n == 0)
		return LOOK_CLOSES;
	last = s.p[s.n - 1];
	opens = last == ',' || last == '[' || last == '{' || last == ':';
	s.n -= last == ',';
	member = is_member(s);
	if (!opens && !ended && !member && s.p[0] != '[')
		return LOOK_UNKNOWN;
	open = complete(s, member, last == ':');
	if (open < 0 || (open > 0 && !opens))
		return LOOK_UNKNOWN;
	if (opens)
		return LOOK_OPENS;
	return member || ended ? LOOK_CLOSES : LOOK_ARRAY;
}

enum look look_at(struct slice line)
{
	size_t mark = str_mark(line);
	enum look frame = framed(line);

	if (is_utf16(line))
		return LOOK_UTF16;
	if (frame)
		return frame;
	line = trim_look(slice(line.p + mark, line.n - mark));
	return line.n ? piece_look(line) : LOOK_UNKNOWN;
}

#define OVER_LINES                                                  \
	"JSON over several lines, and a line is one whole object: " \
	"jq -c . writes it so, jq -c '.[]' the elements of an array"

const char *look_words(enum look look)
{
	static const char *const words[] = {
		[LOOK_UTF16] = "UTF-16, and lines are UTF-8: iconv -f UTF-16 -t UTF-8 converts it",
		[LOOK_FRAMED_JSON] = "a schema registry's five bytes (0 and a schema id) stand "
				     "before the JSON: hta-consume --decode json takes them off",
		[LOOK_FRAMED] = "not JSON: begins with a NUL, as a schema registry's framing "
				"of Avro or Protobuf does; produce it as JSON, or convert it "
				"(Avro: hta-consume --decode avro)",
		[LOOK_ARRAY] = "an array, and a line is one object: jq -c '.[]' writes a line an "
			       "element",
		[LOOK_OPENS] = OVER_LINES,
		[LOOK_CLOSES] = OVER_LINES,
	};

	return words[look];
}
