/* From left to right: scheme, login, host, database, query, each taken off the front of `rest`. The
 * last @ before the first slash ends the login. A part that is wrong is never quoted in the
 * message, which says the form only: what stands in the wrong place may be a password. */
#include "drv/clickhouse/clickhouse_url.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

static const char forms[] =
	"clickhouse://[USER:PASSWORD@]HOST[:PORT][/DATABASE], or clickhouses:// over TLS";

void clickhouse_url_fini(struct clickhouse_url *url)
{
	free(url->address);
	free(url->host);
	free(url->user);
	free(url->password);
	free(url->database);
	free(url->ca);
	free(url->cert);
	free(url->key);
	free(url->positions);
	*url = (struct clickhouse_url){ 0 };
}

/* Decoded; NULL where a % is not followed by two digits, or a control character would come out,
 * which a field of HTTP cannot hold. */
static char *decoded_part(struct slice s)
{
	char *out = mem_alloc(s.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++, n++) {
		out[n] = s.p[i];
		if (s.p[i] == '%') {
			if (s.n - i < 3 || str_unhex(slice(s.p + i + 1, 2), &out[n], 1))
				break;
			i += 2;
		}
		if ((unsigned char)out[n] < ' ' || out[n] == 127)
			break;
		if (i + 1 == s.n) {
			out[n + 1] = 0;
			return out;
		}
	}
	out[n] = 0;
	if (s.n == 0)
		return out;
	free(out);
	return NULL;
}

/* Up to the first of `ends`; *rest begins with that. */
static struct slice take_until(struct slice *rest, const char *ends)
{
	size_t n = 0;
	struct slice part;

	while (n < rest->n && !strchr(ends, rest->p[n]))
		n++;
	part = slice(rest->p, n);
	*rest = slice(rest->p + n, rest->n - n);
	return part;
}

static int take_login(struct slice *rest, struct clickhouse_url *url)
{
	struct slice behind = *rest, part = take_until(&behind, "/?");
	const char *at = memrchr(part.p, '@', part.n), *colon;
	struct slice login;

	if (!at)
		return 0;
	login = slice(part.p, (size_t)(at - part.p));
	*rest = slice(at + 1, rest->n - login.n - 1);
	colon = memchr(login.p, ':', login.n);
	if (colon && !(url->password = decoded_part(
			       slice(colon + 1, login.n - (size_t)(colon + 1 - login.p)))))
		return -1;
	url->user = decoded_part(slice(login.p, colon ? (size_t)(colon - login.p) : login.n));
	return url->user ? 0 : -1;
}

static bool is_host(struct slice host)
{
	for (size_t i = 0; i < host.n; i++)
		if (host.p[i] <= ' ' || host.p[i] > '~' || strchr("\"<>\\^`{|}%#", host.p[i]))
			return false;
	return host.n > 0;
}

static int take_host(struct slice *rest, bool tls, struct clickhouse_url *url)
{
	struct slice host = take_until(rest, "/?");
	const char *bracket = host.n && *host.p == '[' ? memchr(host.p, ']', host.n) : NULL,
		   *from = bracket ? bracket : host.p,
		   *colon = memchr(from, ':', host.n - (size_t)(from - host.p));

	if (!is_host(host) || colon == host.p)
		return -1;
	url->host = mem_printf("%.*s%s", (int)host.n, host.p, colon ? "" : tls ? ":8443" : ":8123");
	url->address = mem_printf("http%s://%s/", tls ? "s" : "", url->host);
	return 0;
}

static char **setting_of(struct slice key, struct clickhouse_url *url)
{
	if (slice_is(key, "ca"))
		return &url->ca;
	if (slice_is(key, "cert"))
		return &url->cert;
	if (slice_is(key, "key"))
		return &url->key;
	return slice_is(key, "positions") ? &url->positions : NULL;
}

static int take_pair(struct slice *rest, struct clickhouse_url *url)
{
	struct slice pair, key;
	char **to;

	*rest = slice(rest->p + 1, rest->n - 1);
	pair = take_until(rest, "&");
	key = take_until(&pair, "=");
	to = setting_of(key, url);
	if (!to || *to || pair.n < 2)
		return -1;
	*to = decoded_part(slice(pair.p + 1, pair.n - 1));
	return *to ? 0 : -1;
}

static int take_rest(struct slice rest, struct clickhouse_url *url)
{
	int rc = 0;

	if (rest.n && *rest.p == '/') {
		struct slice name;

		rest = slice(rest.p + 1, rest.n - 1);
		name = take_until(&rest, "?");
		if (name.n && !(url->database = decoded_part(name)))
			return -1;
	}
	while (rest.n && rc == 0)
		rc = take_pair(&rest, url);
	return !url->cert == !url->key ? rc : -1;
}

static bool takes_scheme(struct slice *rest, const char *scheme)
{
	size_t n = strlen(scheme);

	if (rest->n < n || memcmp(rest->p, scheme, n) != 0)
		return false;
	*rest = slice(rest->p + n, rest->n - n);
	return true;
}

int clickhouse_url_parse(const char *text, struct clickhouse_url *url, struct err *err)
{
	struct slice rest = slice_z(text);
	bool tls = takes_scheme(&rest, "clickhouses://") || takes_scheme(&rest, "https://"),
	     known = tls || takes_scheme(&rest, "clickhouse://") || takes_scheme(&rest, "http://");

	*url = (struct clickhouse_url){ 0 };
	if (known && take_login(&rest, url) == 0 && take_host(&rest, tls, url) == 0 &&
	    take_rest(rest, url) == 0)
		return 0;
	clickhouse_url_fini(url);
	return err_set(err, EX_USAGE, "this is no URL of a ClickHouse; give %s", forms);
}
