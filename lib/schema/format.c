/* Each format is a walk over the text by its grammar: no allocation, no locale. */
#include "schema/format.h"

#include "base/tm.h"
#include "schema/uri.h"

static bool is_format_digit(char c)
{
	return (unsigned char)(c - '0') < 10;
}

static bool is_hex_digit(char c)
{
	return is_format_digit(c) || (unsigned char)((c | 0x20) - 'a') < 6;
}

/* n digits at p; false if they are none. */
static bool read_digits(const char *p, unsigned n, unsigned *out)
{
	*out = 0;
	for (unsigned i = 0; i < n; i++) {
		if (!is_format_digit(p[i]))
			return false;
		*out = *out * 10 + (unsigned)(p[i] - '0');
	}
	return true;
}

/* ---- times */

static bool is_date(struct slice s)
{
	unsigned year, month, day;
	int64_t days;

	return s.n == 10 && s.p[4] == '-' && s.p[7] == '-' && read_digits(s.p, 4, &year) &&
	       read_digits(s.p + 5, 2, &month) && read_digits(s.p + 8, 2, &day) &&
	       tm_date(year, month, day, &days);
}

/* Z or +hh:mm: minutes east of UTC. */
static bool read_offset(struct slice s, int *east_min)
{
	unsigned hour, minute;

	*east_min = 0;
	if (s.n == 1)
		return s.p[0] == 'Z' || s.p[0] == 'z';
	if (s.n != 6 || (s.p[0] != '+' && s.p[0] != '-') || s.p[3] != ':' ||
	    !read_digits(s.p + 1, 2, &hour) || !read_digits(s.p + 4, 2, &minute) || hour > 23 ||
	    minute > 59)
		return false;
	*east_min = (int)(hour * 60 + minute) * (s.p[0] == '-' ? -1 : 1);
	return true;
}

/* A second of 60 is a leap second, which is at 23:59 of UTC only. */
static bool is_time(struct slice s)
{
	unsigned hour, minute, second;
	size_t i = 8;
	int east;

	if (s.n < 9 || s.p[2] != ':' || s.p[5] != ':' || !read_digits(s.p, 2, &hour) ||
	    !read_digits(s.p + 3, 2, &minute) || !read_digits(s.p + 6, 2, &second) || hour > 23 ||
	    minute > 59 || second > 60)
		return false;
	if (s.p[i] == '.') {
		while (++i < s.n && is_format_digit(s.p[i]))
			;
		if (i == 9)
			return false;
	}
	if (!read_offset(slice(s.p + i, s.n - i), &east))
		return false;
	int utc = ((int)(hour * 60 + minute) - east + 2 * 1440) % 1440;
	return second < 60 || utc == 1439;
}

static bool is_date_time(struct slice s)
{
	return s.n > 11 && (s.p[10] == 'T' || s.p[10] == 't') && is_date(slice(s.p, 10)) &&
	       is_time(slice(s.p + 11, s.n - 11));
}

/* ---- ids and addresses */

/* Without a branch a digit: nothing foretells whether it is a letter. */
static bool is_uuid(struct slice s)
{
	static const bool hex[256] = { ['0' ... '9'] = true,
				       ['A' ... 'F'] = true,
				       ['a' ... 'f'] = true };
	static const uint8_t digits[] = { 0,  1,  2,  3,  4,  5,  6,  7,  9,  10, 11,
					  12, 14, 15, 16, 17, 19, 20, 21, 22, 24, 25,
					  26, 27, 28, 29, 30, 31, 32, 33, 34, 35 };
	bool good = true;

	if (s.n != 36 || s.p[8] != '-' || s.p[13] != '-' || s.p[18] != '-' || s.p[23] != '-')
		return false;
	for (size_t i = 0; i < sizeof(digits); i++)
		good &= hex[(unsigned char)s.p[digits[i]]];
	return good;
}

static bool is_ipv4(struct slice s)
{
	size_t i = 0;

	for (unsigned part = 0; part < 4; part++) {
		unsigned value = 0;
		size_t start = i += part > 0;

		while (i < s.n && i - start < 3 && is_format_digit(s.p[i]))
			value = value * 10 + (unsigned)(s.p[i++] - '0');
		if (i == start || value > 255 || (s.p[start] == '0' && i - start > 1))
			return false;
		if (part < 3 && (i >= s.n || s.p[i] != '.'))
			return false;
	}
	return i == s.n;
}

static bool is_ipv6(struct slice s)
{
	unsigned groups = 0;
	bool gap = false;
	size_t i = 0;

	if (s.n >= 2 && s.p[0] == ':' && s.p[1] == ':') {
		gap = true;
		i = 2;
	}
	while (i < s.n) {
		size_t start = i;

		while (i < s.n && i - start < 5 && is_hex_digit(s.p[i]))
			i++;
		if (i < s.n && s.p[i] == '.') {
			groups += 2;
			i = is_ipv4(slice(s.p + start, s.n - start)) ? s.n : 0;
			return i && (gap ? groups < 8 : groups == 8);
		}
		if (i == start || i - start > 4)
			return false;
		groups++;
		if (i == s.n)
			break;
		if (s.p[i++] != ':')
			return false;
		if (i < s.n && s.p[i] == ':') {
			if (gap)
				return false;
			gap = true;
			i++;
		} else if (i == s.n) {
			return false;
		}
	}
	return gap ? groups < 8 : groups == 8;
}

/* ---- email */

static bool is_atom_char(char c)
{
	return is_format_digit(c) || (unsigned char)((c | 0x20) - 'a') < 26 ||
	       (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static bool is_dot_atom(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_atom_char(s.p[i]) &&
		    (s.p[i] != '.' || i == 0 || i + 1 == s.n || s.p[i - 1] == '.'))
			return false;
	return s.n > 0;
}

/* "any text", with \ before any character. */
static bool is_quoted(struct slice s)
{
	if (s.n < 2 || s.p[0] != '"' || s.p[s.n - 1] != '"')
		return false;
	for (size_t i = 1; i + 1 < s.n; i++) {
		if ((unsigned char)s.p[i] < ' ' || (unsigned char)s.p[i] > '~' || s.p[i] == '"')
			return false;
		if (s.p[i] == '\\' && ++i + 1 >= s.n)
			return false;
	}
	return true;
}

/* Labels of letters, digits and hyphens, none at a label's ends. */
static bool is_domain(struct slice s)
{
	size_t label = 0;

	for (size_t i = 0; i <= s.n; i++) {
		if (i < s.n && s.p[i] != '.') {
			char c = s.p[i];

			if (!is_format_digit(c) && (unsigned char)((c | 0x20) - 'a') >= 26 &&
			    c != '-')
				return false;
			continue;
		}
		if (i == label || i - label > 63 || s.p[label] == '-' || s.p[i - 1] == '-')
			return false;
		label = i + 1;
	}
	return s.n <= 253;
}

/* [1.2.3.4] or [IPv6:..] */
static bool is_address_literal(struct slice s)
{
	if (s.n < 3 || s.p[0] != '[' || s.p[s.n - 1] != ']')
		return false;
	struct slice inside = slice(s.p + 1, s.n - 2);
	return is_ipv4(inside) || (inside.n > 5 && str_same(inside.p, "IPv6:", 5) &&
				   is_ipv6(slice(inside.p + 5, inside.n - 5)));
}

static bool is_email(struct slice s)
{
	const char *at = s.n ? memrchr(s.p, '@', s.n) : NULL;

	if (!at)
		return false;
	struct slice local = slice(s.p, (size_t)(at - s.p)),
		     domain = slice(at + 1, s.n - local.n - 1);
	return (is_dot_atom(local) || is_quoted(local)) &&
	       (is_domain(domain) || is_address_literal(domain));
}

/* ---- the table */

static const struct {
	const char *name;
	bool (*check)(struct slice text);
} formats[] = {
	[FORMAT_DATE_TIME] = { "date-time", is_date_time },
	[FORMAT_DATE] = { "date", is_date },
	[FORMAT_TIME] = { "time", is_time },
	[FORMAT_UUID] = { "uuid", is_uuid },
	[FORMAT_EMAIL] = { "email", is_email },
	[FORMAT_IPV4] = { "ipv4", is_ipv4 },
	[FORMAT_IPV6] = { "ipv6", is_ipv6 },
	[FORMAT_URI] = { "uri", uri_is },
};

enum format format_named(struct slice name)
{
	static const char *const known[] = {
		"duration",
		"hostname",
		"idn-email",
		"idn-hostname",
		"iri",
		"iri-reference",
		"json-pointer",
		"regex",
		"uri-reference",
		"uri-template",
		"relative-json-pointer",
	};

	for (unsigned i = 0; i < FORMAT_KNOWN; i++)
		if (slice_is(name, formats[i].name))
			return (enum format)i;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (slice_is(name, known[i]))
			return FORMAT_KNOWN;
	return FORMAT_NONE;
}

bool format_check(enum format format, struct slice text)
{
	return formats[format].check(text);
}

const char *format_names(void)
{
	return "date-time, date, time, uuid, email, ipv4, ipv6, uri";
}
