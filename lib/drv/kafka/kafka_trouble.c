/* OpenSSL's errors stand in librdkafka's texts as "error:0A000086:SSL routines::...": a number of
 * a library, 20 for SSL, and a reason. A reason of 1000 or more is an alert of TLS, which the other
 * end sent. */
#include "drv/kafka/kafka_trouble.h"

#include <stdint.h>
#include <stdlib.h>

enum { LIB_SSL = 20, UNEXPECTED_EOF = 294, ALERTS = 1000 };

/* The reason of OpenSSL's SSL library, 0: none. OpenSSL 3 has 23 bits of it, 1.1 has 12. */
static unsigned tls_reason(const char *text)
{
	const char *at = strstr(text, "error:");
	unsigned long code = at ? strtoul(at + 6, NULL, 16) : 0;

	if (code >> 23 == LIB_SSL)
		return code & 0x7fffff;
	return code >> 24 == LIB_SSL ? code & 0xfff : 0;
}

bool kafka_trouble_lasts(const char *text)
{
	static const unsigned reasons[] = {
		134 /* certificate verify failed */,
		267 /* wrong version number: that is no TLS */,
		ALERTS + 40 /* handshake failure */,
		ALERTS + 42 /* bad certificate */,
		ALERTS + 43 /* unsupported certificate */,
		ALERTS + 44 /* certificate revoked */,
		ALERTS + 45 /* certificate expired */,
		ALERTS + 46 /* certificate unknown */,
		ALERTS + 48 /* unknown CA */,
		ALERTS + 49 /* access denied */,
		ALERTS + 70 /* protocol version */,
		ALERTS + 116 /* certificate required */,
	};
	unsigned reason = tls_reason(text);

	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
		if (reason == reasons[i])
			return true;
	return false;
}

/* "h:1/bootstrap", "ssl://h:1/1001" without what it is to librdkafka. */
static struct slice without_node(struct slice name)
{
	const char *slash = memrchr(name.p, '/', name.n);

	if (slash && slash > name.p && slash[-1] != '/')
		name.n = (size_t)(slash - name.p);
	return name;
}

static struct slice without_state(struct slice text)
{
	static const char start[] = " (after ";
	const size_t n = sizeof(start) - 1;

	if (text.n == 0 || text.p[text.n - 1] != ')')
		return text;
	for (size_t at = text.n - 1; at-- > 0;)
		if (text.n - at > n && memcmp(text.p + at, start, n) == 0)
			return slice(text.p, at);
	return text;
}

void kafka_trouble_text(const char *said, struct buf *out)
{
	const char *end = strncmp(said, "[thrd:", 6) == 0 ? strstr(said, "]: ") : NULL;
	struct slice text = without_state(slice_z(end ? end + 3 : said));
	const char *colon = memmem(text.p, text.n, ": ", 2);

	if (colon) {
		buf_adds(out, without_node(slice(text.p, (size_t)(colon - text.p))));
		text = slice(colon, text.n - (size_t)(colon - text.p));
	}
	if (text.n && text.p[text.n - 1] == '.')
		text.n--;
	buf_adds(out, text);
	if (tls_reason(said) == UNEXPECTED_EOF)
		buf_addz(out, ": might be a listener without TLS (security.protocol)");
}
