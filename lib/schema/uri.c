/* A reference is cut into its parts first, by their delimiters alone (RFC 3986, appendix B), and
 * what a part may hold is looked at only where it is asked whether a text is a URI. */
#include "schema/uri.h"

#include <stdlib.h>

#include "schema/format.h"

struct uri {
	struct slice scheme, authority, path, query, fragment; /* p NULL: there is none */
};

static bool is_alpha(char c)
{
	return (unsigned char)((c | 0x20) - 'a') < 26;
}

static bool is_digit(char c)
{
	return (unsigned char)(c - '0') < 10;
}

static int hex_of(char c)
{
	if (is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The bytes of *rest up to the first of `ends`, or all; they are taken away. */
static struct slice cut_until(struct slice *rest, const char *ends)
{
	size_t n = 0;

	while (n < rest->n && !(rest->p[n] && strchr(ends, rest->p[n])))
		n++;
	struct slice part = slice(rest->p, n);
	*rest = slice(rest->p + n, rest->n - n);
	return part;
}

static bool starts_with(struct slice s, const char *z)
{
	size_t n = strlen(z);

	return s.n >= n && memcmp(s.p, z, n) == 0;
}

static struct slice behind(struct slice s, size_t n)
{
	return slice(s.p + n, s.n - n);
}

static struct uri split_uri(struct slice text)
{
	struct uri u = { 0 };
	struct slice rest = text.p ? text : slice("", 0), scheme = cut_until(&rest, ":/?#");

	if (rest.n && rest.p[0] == ':' && scheme.n) {
		u.scheme = scheme;
		rest = behind(rest, 1);
	} else {
		rest = slice(scheme.p, scheme.n + rest.n);
	}
	if (starts_with(rest, "//")) {
		rest = behind(rest, 2);
		u.authority = cut_until(&rest, "/?#");
	}
	u.path = cut_until(&rest, "?#");
	if (rest.n && rest.p[0] == '?') {
		rest = behind(rest, 1);
		u.query = cut_until(&rest, "#");
	}
	if (rest.n)
		u.fragment = behind(rest, 1);
	return u;
}

/* ---- resolving */

static void drop_segment(struct buf *out, size_t start)
{
	while (out->n > start && out->p[out->n - 1] != '/')
		out->n--;
	if (out->n > start)
		out->n--;
}

/* Appends the path without its . and .. segments (section 5.2.4). */
static void add_path(struct buf *out, struct slice path)
{
	size_t start = out->n;

	while (path.n) {
		if (starts_with(path, "../")) {
			path = behind(path, 3);
		} else if (starts_with(path, "./")) {
			path = behind(path, 2);
		} else if (starts_with(path, "/./")) {
			path = behind(path, 2);
		} else if (slice_is(path, "/.")) {
			path = slice("/", 1);
		} else if (starts_with(path, "/../")) {
			path = behind(path, 3);
			drop_segment(out, start);
		} else if (slice_is(path, "/..")) {
			path = slice("/", 1);
			drop_segment(out, start);
		} else if (slice_is(path, ".") || slice_is(path, "..")) {
			path.n = 0;
		} else {
			size_t slash = path.p[0] == '/';
			struct slice rest = behind(path, slash);

			buf_add(out, path.p, slash + cut_until(&rest, "/").n);
			path = rest;
		}
	}
}

/* The base's path up to its last slash, and the reference's behind it (section 5.2.3). */
static void add_merged(struct buf *out, const struct uri *base, struct slice path)
{
	struct buf merged = { 0 };
	size_t n = base->path.n;

	while (n && base->path.p[n - 1] != '/')
		n--;
	if (base->authority.p && !base->path.n)
		buf_addc(&merged, '/');
	buf_add(&merged, base->path.p, n);
	buf_adds(&merged, path);
	add_path(out, buf_slice(&merged));
	buf_fini(&merged);
}

static void add_part(struct buf *out, const char *before, struct slice part)
{
	if (!part.p)
		return;
	buf_addz(out, before);
	buf_adds(out, part);
}

void uri_resolve(struct slice base_text, struct slice reference, struct buf *out)
{
	struct uri r = split_uri(reference), base = split_uri(base_text);
	bool own = r.scheme.p || r.authority.p;

	buf_adds(out, r.scheme.p ? r.scheme : base.scheme);
	buf_addc(out, ':');
	add_part(out, "//", own ? r.authority : base.authority);
	if (own || (r.path.n && r.path.p[0] == '/'))
		add_path(out, r.path);
	else if (r.path.n)
		add_merged(out, &base, r.path);
	else
		buf_adds(out, base.path);
	add_part(out, "?", own || r.path.n || r.query.p ? r.query : base.query);
	add_part(out, "#", r.fragment);
}

bool uri_decode(struct slice text, struct buf *out)
{
	size_t before = out->n;

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] != '%') {
			buf_addc(out, text.p[i]);
			continue;
		}
		if (text.n - i < 3 || hex_of(text.p[i + 1]) < 0 || hex_of(text.p[i + 2]) < 0) {
			out->n = before;
			return false;
		}
		buf_addc(out, (char)(hex_of(text.p[i + 1]) << 4 | hex_of(text.p[i + 2])));
		i += 2;
	}
	return true;
}

/* ---- what is a URI */

/* Unreserved characters, %HH, sub-delims and those of `more`. */
static bool is_made_of(struct slice s, const char *more)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '%') {
			if (s.n - i < 3 || hex_of(s.p[i + 1]) < 0 || hex_of(s.p[i + 2]) < 0)
				return false;
			i += 2;
		} else if (!is_alpha(c) && !is_digit(c) &&
			   !(c && (strchr("-._~!$&'()*+,;=", c) || strchr(more, c)))) {
			return false;
		}
	}
	return true;
}

static bool is_scheme(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_alpha(s.p[i]) && (i == 0 || !(is_digit(s.p[i]) || s.p[i] == '+' ||
						      s.p[i] == '-' || s.p[i] == '.')))
			return false;
	return s.n > 0;
}

/* IPvFuture: v1.any */
static bool is_future_address(struct slice s)
{
	size_t i = 1;

	while (i < s.n && hex_of(s.p[i]) >= 0)
		i++;
	return s.n > 3 && (s.p[0] | 0x20) == 'v' && i > 1 && i + 1 < s.n && s.p[i] == '.' &&
	       is_made_of(behind(s, i + 1), ":") && !memchr(s.p, '%', s.n);
}

/* [ADDRESS] or a name, and a port. */
static bool is_host(struct slice s)
{
	size_t colon;

	if (s.n && s.p[0] == '[') {
		const char *close = memchr(s.p, ']', s.n);
		struct slice inside = slice(s.p + 1, close ? (size_t)(close - s.p) - 1 : 0);

		if (!close || (!format_check(FORMAT_IPV6, inside) && !is_future_address(inside)))
			return false;
		colon = inside.n + 2;
	} else {
		const char *at = memchr(s.p, ':', s.n);

		colon = at ? (size_t)(at - s.p) : s.n;
		if (!is_made_of(slice(s.p, colon), ""))
			return false;
	}
	if (colon == s.n)
		return true;
	for (size_t i = colon + 1; i < s.n; i++)
		if (!is_digit(s.p[i]))
			return false;
	return s.p[colon] == ':';
}

static bool is_authority(struct slice s)
{
	const char *at = s.n ? memrchr(s.p, '@', s.n) : NULL;
	size_t user = at ? (size_t)(at - s.p) : 0;

	return is_made_of(slice(s.p, user), ":") && is_host(behind(s, at ? user + 1 : 0));
}

bool uri_is(struct slice text)
{
	struct uri u = split_uri(text);

	return is_scheme(u.scheme) && (!u.authority.p || is_authority(u.authority)) &&
	       (!u.authority.p || !u.path.n || u.path.p[0] == '/') && is_made_of(u.path, ":@/") &&
	       is_made_of(u.query, ":@/?") && is_made_of(u.fragment, ":@/?");
}
