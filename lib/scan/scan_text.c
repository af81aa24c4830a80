/* Strings that need care, byte by byte. The common string is plain ASCII without a backslash:
 * engines find its end by themselves and come here at the first other byte. The sentinel \n
 * (scan_internal.h) stops every loop. */
#include "scan/scan_internal.h"

static bool is_hex(char c)
{
	return (unsigned char)(c - '0') < 10 || (unsigned char)((c | 0x20) - 'a') < 6;
}

size_t scan_escape(const char *p)
{
	switch (p[1]) {
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		return 2;
	case 'u':
		return is_hex(p[2]) && is_hex(p[3]) && is_hex(p[4]) && is_hex(p[5]) ? 6 : 0;
	default:
		return 0;
	}
}

/* Table 3-7 of the Unicode standard: the second byte's range follows from the first, the others
 * are 80..BF. */
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

struct scan_string scan_string_rest(const char *p)
{
	uint32_t type = FIELD_STRING;
	for (;;) {
		unsigned char c = (unsigned char)*p;
		size_t n = 1;
		if (c == '"')
			return (struct scan_string){ p, type };
		if (c == '\\') {
			n = scan_escape(p);
			type = FIELD_ESCAPED;
		} else if (c >= 0x80) {
			n = scan_sequence(p);
		}
		if (n == 0 || c < 0x20)
			return (struct scan_string){ NULL, type };
		p += n;
	}
}

static const char *text_digits(const char *p)
{
	while ((unsigned char)(*p - '0') < 10)
		p++;
	return p;
}

const char *scan_number(const char *p)
{
	const char *start = p += *p == '-';
	p = text_digits(p);
	if (p == start || (*start == '0' && p > start + 1))
		return NULL;
	if (*p == '.') {
		start = ++p;
		p = text_digits(p);
		if (p == start)
			return NULL;
	}
	if ((*p | 0x20) == 'e') {
		p++;
		start = p += *p == '-' || *p == '+';
		p = text_digits(p);
		if (p == start)
			return NULL;
	}
	return p;
}

int scan_unescape(struct slice text, struct buf *out)
{
	return json_unescape(text, out);
}
