#include "text/request.h"

/* RFC 9110, section 5.6.2. Methods in use are of capitals. */
static bool is_token(struct slice s)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if ((unsigned char)(c - 'A') < 26)
			continue;
		if ((unsigned char)(c - 'a') > 25 && (unsigned char)(c - '0') > 9 &&
		    !memchr(others, c, sizeof(others) - 1))
			return false;
	}
	return s.n > 0;
}

/* HTTP/1.1, HTTP/2, RTSP/1.0 */
static bool is_protocol(struct slice s)
{
	const char *p = s.p, *end = s.p + s.n, *version;

	if (slice_is(s, "HTTP/1.1"))
		return true;
	while (p < end && *p >= 'A' && *p <= 'Z')
		p++;
	if (p == s.p || p == end || *p != '/')
		return false;
	version = ++p;
	while (p < end && ((unsigned char)(*p - '0') < 10 || *p == '.'))
		p++;
	return p == end && p > version && *version != '.' && p[-1] != '.';
}

static bool cut_word(struct slice *rest, struct slice *word)
{
	const char *blank = rest->n ? memchr(rest->p, ' ', rest->n) : NULL;

	if (!blank)
		return false;
	*word = slice(rest->p, (size_t)(blank - rest->p));
	*rest = slice(blank + 1, rest->n - word->n - 1);
	return true;
}

void request_put(struct text_out *out, struct slice line, enum text_form form)
{
	struct slice method, target, protocol = line;

	if (text_is_none(line))
		return;
	if (cut_word(&protocol, &method) && cut_word(&protocol, &target) && target.n &&
	    is_token(method) && is_protocol(protocol)) {
		TEXT_ADD(out, ",\"method\":\"");
		text_put(out, method, TEXT_RAW);
		TEXT_ADD(out, "\",\"path\":\"");
		text_put(out, target, form);
		TEXT_ADD(out, "\",\"protocol\":\"");
		text_put(out, protocol, TEXT_RAW);
	} else {
		TEXT_ADD(out, ",\"request\":\"");
		text_put(out, line, form);
	}
	*out->p++ = '"';
}
