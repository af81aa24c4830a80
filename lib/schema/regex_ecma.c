/* ECMA-262 into PCRE2. Most of both is the same; here stands what is not:
 *
 *   .  \s \S        other sets: line ends and white space of Unicode
 *   \uHHHH \xHH     code points; a pair of surrogates is one
 *   \cX \v \0 [\b]  spelled as code points
 *   \p{Letter}      the long names of general categories
 *   [[] { } ]       PCRE2 has classes in classes and other rules for lone braces
 *   \A \h \Q a++ (?>  Perl's: refused, as ECMA-262 refuses them with its flag u
 *
 * One pass, no tree: whether parentheses match and ranges ascend is left to PCRE2. */
#include "schema/regex.h"

struct translator {
	struct slice in;
	size_t at;
	struct buf *out;
	struct err *err;
	bool repeated; /* the last thing was a quantifier */
};

#define SPACES                                                                               \
	"\\x{9}-\\x{d}\\x{20}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}" \
	"\\x{205f}\\x{3000}\\x{feff}"
#define NO_SPACES                                                                        \
	"\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}" \
	"\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}"   \
	"\\x{3001}-\\x{d7ff}\\x{e000}-\\x{fefe}\\x{ff00}-\\x{10ffff}"
#define NO_LINE_ENDS "[^\\n\\r\\x{2028}\\x{2029}]"

static int fail_pattern(const struct translator *t, const char *reason)
{
	enum { SHOWN = 100 };
	int n = t->in.n < SHOWN ? (int)t->in.n : SHOWN;

	return err_set(t->err, EX_CONFIG, "pattern \"%.*s\", byte %zu: %s", n, n ? t->in.p : "",
		       t->at + 1, reason);
}

/* The byte that is `ahead` further on; 0 behind the end. */
static char peek(const struct translator *t, size_t ahead)
{
	return t->at + ahead < t->in.n ? t->in.p[t->at + ahead] : '\0';
}

static bool is_digit(char c)
{
	return (unsigned char)(c - '0') < 10;
}

static bool is_letter(char c)
{
	return (unsigned char)((c | 0x20) - 'a') < 26;
}

/* ---- code points */

static void add_code(struct translator *t, uint32_t code)
{
	buf_printf(t->out, "\\x{%x}", code);
}

/* `digits` hex digits that are `ahead` further on. */
static bool read_hex(const struct translator *t, size_t ahead, size_t digits, uint32_t *code)
{
	*code = 0;
	for (size_t i = 0; i < digits; i++) {
		char c = peek(t, ahead + i), low = (char)(c | 0x20);

		if (!is_digit(c) && (low < 'a' || low > 'f'))
			return false;
		*code = *code << 4 | (uint32_t)(is_digit(c) ? c - '0' : low - 'a' + 10);
	}
	return true;
}

/* u{HEX}, at the u. */
static bool read_braced(const struct translator *t, uint32_t *code, size_t *bytes)
{
	size_t digits = 0;

	while (digits < 7 && peek(t, 2 + digits) != '}')
		digits++;
	*bytes = digits + 3;
	return digits > 0 && digits < 7 && read_hex(t, 2, digits, code) && *code <= 0x10ffff;
}

/* uHHHH, u{HEX} or a pair of uHHHH, at the u. */
static int take_unicode(struct translator *t)
{
	uint32_t code, low;
	size_t bytes = 5;

	if (peek(t, 1) == '{' ? !read_braced(t, &code, &bytes) : !read_hex(t, 1, 4, &code))
		return fail_pattern(t, "\\u needs four hex digits, or some in braces");
	if (code >= 0xd800 && code <= 0xdfff) {
		if (code > 0xdbff || peek(t, 5) != '\\' || peek(t, 6) != 'u' ||
		    !read_hex(t, 7, 4, &low) || low < 0xdc00 || low > 0xdfff)
			return fail_pattern(t, "half of a surrogate pair is no character");
		code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
		bytes = 11;
	}
	add_code(t, code);
	t->at += bytes;
	return 0;
}

/* ---- properties */

/* p{NAME} or P{NAME}, at the p. */
static int take_property(struct translator *t)
{
	static const char *const prefix[] = { "General_Category=", "gc=" };
	const char *start = t->in.p + t->at + 2, *end;
	struct slice name;

	if (peek(t, 1) != '{' || !(end = memchr(start, '}', t->in.n - t->at - 2)))
		return fail_pattern(t, "\\p needs a property in braces");
	name = slice(start, (size_t)(end - start));
	for (size_t i = 0; i < 2; i++) {
		size_t n = strlen(prefix[i]);

		if (name.n > n && memcmp(name.p, prefix[i], n) == 0)
			name = slice(name.p + n, name.n - n);
	}
	if (name.n == 0 || name.p[0] == '^')
		return fail_pattern(t, "no such property");
	name = regex_category(name);
	buf_printf(t->out, "\\%c{%.*s}", peek(t, 0), (int)name.n, name.p);
	t->at = (size_t)(end - t->in.p) + 1;
	return 0;
}

/* ---- escapes */

/* What means the same in a class and outside; at the character behind the backslash. */
static int take_common_escape(struct translator *t)
{
	char c = peek(t, 0);
	uint32_t code;

	if (c && !is_letter(c) && !is_digit(c)) {
		if ((unsigned char)c < 0x80)
			buf_addc(t->out, '\\');
		buf_addc(t->out, c);
		t->at++;
		return 0;
	}
	switch (c) {
	case 'd':
	case 'D':
	case 'w':
	case 'W':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		buf_addc(t->out, '\\');
		buf_addc(t->out, c);
		break;
	case 'v':
		add_code(t, 0x0b);
		break;
	case '0':
		if (is_digit(peek(t, 1)))
			return fail_pattern(t, "octal escapes are none of ECMA-262's");
		add_code(t, 0);
		break;
	case 'c':
		if (!is_letter(peek(t, 1)))
			return fail_pattern(t, "\\c needs a letter");
		add_code(t, peek(t, 1) & 31);
		t->at++;
		break;
	case 'x':
		if (!read_hex(t, 1, 2, &code))
			return fail_pattern(t, "\\x needs two hex digits");
		add_code(t, code);
		t->at += 2;
		break;
	case 'u':
		return take_unicode(t);
	case 'p':
	case 'P':
		return take_property(t);
	default:
		return fail_pattern(t, c ? "no such escape in ECMA-262"
					 : "the pattern ends in a backslash");
	}
	t->at++;
	return 0;
}

/* \1 or \k<name>; behind the backslash. */
static int take_reference(struct translator *t)
{
	if (peek(t, 0) == 'k') {
		if (peek(t, 1) != '<')
			return fail_pattern(t, "\\k needs a name: \\k<name>");
		buf_addz(t->out, "\\k");
		t->at++;
		return 0;
	}
	buf_addz(t->out, "\\g{");
	while (is_digit(peek(t, 0)))
		buf_addc(t->out, t->in.p[t->at++]);
	buf_addc(t->out, '}');
	return 0;
}

static int take_escape(struct translator *t)
{
	char c = peek(t, 1);

	t->at++;
	if (c == 's' || c == 'S') {
		buf_addz(t->out, c == 's' ? "[" SPACES "]" : "[^" SPACES "]");
	} else if (c == 'b' || c == 'B') {
		buf_addc(t->out, '\\');
		buf_addc(t->out, c);
	} else if (c == 'k' || (is_digit(c) && c != '0')) {
		return take_reference(t);
	} else {
		return take_common_escape(t);
	}
	t->at++;
	return 0;
}

/* ---- classes */

/* At a backslash in a class. *set: it stands for several characters, so that no range begins. */
static int take_class_escape(struct translator *t, bool *set)
{
	char c = peek(t, 1);

	t->at++;
	*set = c && strchr("sSdDwWpP", c);
	if (c == 's' || c == 'S') {
		buf_addz(t->out, c == 's' ? SPACES : NO_SPACES);
	} else if (c == 'b') {
		add_code(t, 8);
	} else {
		return take_common_escape(t);
	}
	t->at++;
	return 0;
}

static int take_class(struct translator *t)
{
	bool set = false;

	buf_addc(t->out, t->in.p[t->at++]);
	if (peek(t, 0) == '^')
		buf_addc(t->out, t->in.p[t->at++]);
	while (t->at < t->in.n && peek(t, 0) != ']') {
		char c = peek(t, 0);

		if (c == '\\') {
			if (take_class_escape(t, &set))
				return -1;
			continue;
		}
		if (c == '[' || c == '^' || (c == '-' && set))
			buf_addc(t->out, '\\');
		buf_addc(t->out, c);
		set = false;
		t->at++;
	}
	if (t->at == t->in.n)
		return fail_pattern(t, "a class without its ]");
	buf_addc(t->out, t->in.p[t->at++]);
	return 0;
}

/* ---- groups and quantifiers */

static int take_group(struct translator *t)
{
	if (peek(t, 1) == '*')
		return fail_pattern(t, "nothing to repeat");
	buf_addc(t->out, t->in.p[t->at++]);
	if (peek(t, 0) != '?')
		return 0;
	char kind = peek(t, 1), then = peek(t, 2);
	if (kind != ':' && kind != '=' && kind != '!' &&
	    !(kind == '<' && (then == '=' || then == '!' || is_letter(then) || then == '_')))
		return fail_pattern(t, "no such group in ECMA-262");
	buf_add(t->out, t->in.p + t->at, 2);
	t->at += 2;
	return 0;
}

/* The length of {n}, {n,} or {n,m} here; 0: none. */
static size_t counted_length(const struct translator *t)
{
	size_t n = 1;

	while (is_digit(peek(t, n)))
		n++;
	if (n == 1)
		return 0;
	if (peek(t, n) == ',')
		while (is_digit(peek(t, ++n)))
			;
	return peek(t, n) == '}' ? n + 1 : 0;
}

static int take_quantifier(struct translator *t, size_t n)
{
	if (t->repeated)
		return fail_pattern(t, "nothing to repeat");
	buf_add(t->out, t->in.p + t->at, n);
	t->at += n;
	if (peek(t, 0) == '?')
		buf_addc(t->out, t->in.p[t->at++]);
	t->repeated = true;
	return 0;
}

static int take_term(struct translator *t)
{
	char c = peek(t, 0);
	size_t counted = c == '{' ? counted_length(t) : 0;

	if (c == '*' || c == '+' || c == '?' || counted)
		return take_quantifier(t, counted ? counted : 1);
	t->repeated = false;
	switch (c) {
	case '\\':
		return take_escape(t);
	case '[':
		return take_class(t);
	case '(':
		return take_group(t);
	case '.':
		buf_addz(t->out, NO_LINE_ENDS);
		break;
	case '{':
	case '}':
	case ']':
		buf_addc(t->out, '\\');
		buf_addc(t->out, c);
		break;
	default:
		buf_addc(t->out, c);
	}
	t->at++;
	return 0;
}

int regex_translate(struct slice ecma, struct buf *out, struct err *err)
{
	struct translator t = { .in = ecma, .out = out, .err = err };

	while (t.at < t.in.n)
		if (take_term(&t))
			return -1;
	return 0;
}
