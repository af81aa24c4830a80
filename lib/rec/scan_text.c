/* Strings that need care, byte by byte. The common string is plain ASCII without a backslash: engines find its end by themselves and come
 * here at the first other byte. The sentinel \n (scan_internal.h) stops every loop. */
#include "rec/scan_internal.h"

static bool is_hex(char c)
{
	return (unsigned char)(c - '0') < 10 || (unsigned char)((c | 0x20) - 'a') < 6;
}

static unsigned hex4(const char *p)
{
	unsigned v = 0;
	for (int i = 0; i < 4; i++)
		v = v << 4 | (unsigned)(p[i] <= '9' ? p[i] - '0' : (p[i] | 0x20) - 'a' + 10);
	return v;
}

size_t scan_escape(const char *p)
{
	switch (p[1]) {
	case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't':
		return 2;
	case 'u':
		return is_hex(p[2]) && is_hex(p[3]) && is_hex(p[4]) && is_hex(p[5]) ? 6 : 0;
	default:
		return 0;
	}
}

/* Table 3-7 of the Unicode standard: the second byte's range follows from the first, the others are 80..BF. */
size_t scan_sequence(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	unsigned lead = p[0], low = 0x80, high = 0xbf;
	if (lead < 0xc2 || lead > 0xf4)
		return 0;
	if (lead == 0xe0)
		low = 0xa0;
	else if (lead == 0xed)
		high = 0x9f;
	else if (lead == 0xf0)
		low = 0x90;
	else if (lead == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return 0;
	if (lead < 0xe0)
		return 2;
	if ((p[2] & 0xc0) != 0x80)
		return 0;
	if (lead < 0xf0)
		return 3;
	return (p[3] & 0xc0) == 0x80 ? 4 : 0;
}

const char *scan_string_rest(const char *p, uint32_t *type)
{
	for (;;) {
		unsigned char c = (unsigned char)*p;
		size_t n = 1;
		if (c == '"')
			return p;
		if (c == '\\') {
			n = scan_escape(p);
			*type = FIELD_ESCAPED;
		} else if (c >= 0x80) {
			n = scan_sequence(p);
		} else if (c < 0x20) {
			return NULL;
		}
		if (n == 0)
			return NULL;
		p += n;
	}
}

static const char *digits(const char *p)
{
	while ((unsigned char)(*p - '0') < 10)
		p++;
	return p;
}

const char *scan_number(const char *p)
{
	const char *start = p += *p == '-';
	p = digits(p);
	if (p == start || (*start == '0' && p > start + 1))
		return NULL;
	if (*p == '.') {
		start = ++p;
		p = digits(p);
		if (p == start)
			return NULL;
	}
	if ((*p | 0x20) == 'e') {
		p++;
		start = p += *p == '-' || *p == '+';
		p = digits(p);
		if (p == start)
			return NULL;
	}
	return p;
}

static void add_utf8(struct buf *out, unsigned c)
{
	char *to = buf_room(out, 4);
	size_t n = 0;
	if (c < 0x80) {
		to[n++] = (char)c;
	} else {
		if (c < 0x800) {
			to[n++] = (char)(0xc0 | c >> 6);
		} else {
			if (c < 0x10000) {
				to[n++] = (char)(0xe0 | c >> 12);
			} else {
				to[n++] = (char)(0xf0 | c >> 18);
				to[n++] = (char)(0x80 | (c >> 12 & 0x3f));
			}
			to[n++] = (char)(0x80 | (c >> 6 & 0x3f));
		}
		to[n++] = (char)(0x80 | (c & 0x3f));
	}
	out->n += n;
}

/* \uXXXX, or a pair of surrogates, at p: appended. Returns the bytes taken, 0 for a lone surrogate. */
static size_t add_unicode(const char *p, const char *end, struct buf *out)
{
	unsigned c = hex4(p + 2), low;
	if (c < 0xd800 || c > 0xdfff) {
		add_utf8(out, c);
		return 6;
	}
	if (c > 0xdbff || end - p < 12 || p[6] != '\\' || p[7] != 'u')
		return 0;
	low = hex4(p + 8);
	if (low < 0xdc00 || low > 0xdfff)
		return 0;
	add_utf8(out, 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00));
	return 12;
}

int scan_unescape(struct slice text, struct buf *out)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	const char *p = text.p, *const end = p + text.n;
	size_t before = out->n;
	while (p < end) {
		const char *stop = memchr(p, '\\', (size_t)(end - p));
		buf_add(out, p, (size_t)((stop ? stop : end) - p));
		if (!stop)
			break;
		p = stop;
		if (p[1] == 'u') {
			size_t n = add_unicode(p, end, out);
			if (n == 0) {
				out->n = before;
				return -1;
			}
			p += n;
			continue;
		}
		const char *letter = strchr(from, p[1]);
		buf_addc(out, letter ? to[letter - from] : p[1]);
		p += 2;
	}
	return 0;
}
