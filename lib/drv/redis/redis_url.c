/* From left to right: scheme, login, then host or path, then settings, each taken off the front of
 * `rest`. The
 * last @ before the first slash ends the login, so that a password needs no encoding but for those
 * two. A part that is wrong is never quoted in the message, which says the form only: what stands
 * in the wrong place may be a password. */
#include "drv/redis/redis_url.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

enum { DEFAULT_PORT = 6379, MAX_PORT = 65535, MAX_DB = 1000000 };

static const char forms[] = "redis[s]://[USER:PASSWORD@]HOST[:PORT][/DB][?SETTING=VALUE&..] or "
			    "unix:///PATH[?db=N]";

/* Where a setting may stand. */
enum { FOR_TCP = 1, FOR_TLS = 2, FOR_UNIX = 4 };

static const struct {
	const char *name;
	unsigned where;
	size_t at;
} settings[] = {
	{ "passfile", FOR_TCP | FOR_TLS | FOR_UNIX, offsetof(struct redis_url, passfile) },
	{ "cacert", FOR_TLS, offsetof(struct redis_url, cacert) },
	{ "cert", FOR_TLS, offsetof(struct redis_url, cert) },
	{ "key", FOR_TLS, offsetof(struct redis_url, key) },
	{ "sni", FOR_TLS, offsetof(struct redis_url, sni) },
};

static char **setting_of(struct redis_url *url, size_t i)
{
	return (char **)((char *)url + settings[i].at);
}

void redis_url_fini(struct redis_url *url)
{
	free(url->host);
	free(url->path);
	free(url->user);
	free(url->password);
	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++)
		free(*setting_of(url, i));
	*url = (struct redis_url){ 0 };
}

/* Decoded; NULL where a % is not followed by two digits, or a NUL would come out. */
static char *decoded(struct slice s)
{
	char *out = mem_alloc(s.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++, n++) {
		out[n] = s.p[i];
		if (s.p[i] != '%')
			continue;
		if (s.n - i < 3 || str_unhex(slice(s.p + i + 1, 2), &out[n], 1) || !out[n]) {
			free(out);
			return NULL;
		}
		i += 2;
	}
	out[n] = 0;
	return out;
}

static int redis_number(struct slice s, int max, int *out)
{
	int v = 0;

	if (s.n == 0 || s.n > 7)
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return -1;
		v = v * 10 + (s.p[i] - '0');
	}
	*out = v;
	return v > max ? -1 : 0;
}

/* Takes what stands before an @ out of *rest. The password may hold anything but / and @,
 * unencoded too. */
static int take_login(struct slice *rest, struct redis_url *url)
{
	const char *slash = memchr(rest->p, '/', rest->n);
	size_t n = slash ? (size_t)(slash - rest->p) : rest->n;
	const char *at = memrchr(rest->p, '@', n), *colon;
	struct slice login;

	if (!at)
		return 0;
	login = slice(rest->p, (size_t)(at - rest->p));
	*rest = slice(at + 1, rest->n - login.n - 1);
	colon = memchr(login.p, ':', login.n);
	n = colon ? (size_t)(colon - login.p) : login.n;
	if (n && !(url->user = decoded(slice(login.p, n))))
		return -1;
	if (!colon)
		return n ? 0 : -1;
	url->password = decoded(slice(colon + 1, login.n - n - 1));
	return url->password ? 0 : -1;
}

/* ---- settings */

static int take_setting(struct slice name, struct slice value, unsigned where,
			struct redis_url *url)
{
	if (where == FOR_UNIX && slice_is(name, "db"))
		return redis_number(value, MAX_DB, &url->db);
	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
		char **text = setting_of(url, i);

		if (!slice_is(name, settings[i].name))
			continue;
		if (!(settings[i].where & where) || *text || !value.n)
			return -1;
		*text = decoded(value);
		return *text ? 0 : -1;
	}
	return -1;
}

/* Takes "?NAME=VALUE&NAME=VALUE" off the end. */
static int take_settings(struct slice *rest, unsigned where, struct redis_url *url)
{
	const char *p = memchr(rest->p, '?', rest->n), *end = rest->p + rest->n;

	if (!p)
		return 0;
	rest->n = (size_t)(p - rest->p);
	while (p < end) {
		const char *name = p + 1, *equals, *next = memchr(name, '&', (size_t)(end - name));

		next = next ? next : end;
		equals = memchr(name, '=', (size_t)(next - name));
		if (!equals ||
		    take_setting(slice(name, (size_t)(equals - name)),
				 slice(equals + 1, (size_t)(next - equals - 1)), where, url))
			return -1;
		p = next;
	}
	return !url->cert == !url->key ? 0 : -1;
}

/* ---- places */

static int take_host(struct slice rest, struct redis_url *url)
{
	const char *slash = memchr(rest.p, '/', rest.n), *colon, *bracket;
	struct slice host = slice(rest.p, slash ? (size_t)(slash - rest.p) : rest.n);

	if (slash && slash + 1 < rest.p + rest.n &&
	    redis_number(slice(slash + 1, rest.n - host.n - 1), MAX_DB, &url->db))
		return -1;
	bracket = host.n && *host.p == '[' ? memchr(host.p, ']', host.n) : NULL;
	colon = bracket ? bracket + 1 : memchr(host.p, ':', host.n);
	if (colon && colon < host.p + host.n) {
		size_t n = (size_t)(colon - host.p);

		if (*colon != ':' ||
		    redis_number(slice(colon + 1, host.n - n - 1), MAX_PORT, &url->port) ||
		    url->port == 0)
			return -1;
		host.n = n;
	}
	if (bracket)
		host = slice(host.p + 1, (size_t)(bracket - host.p) - 1);
	url->host = host.n ? decoded(host) : mem_strdup("127.0.0.1");
	return url->host ? 0 : -1;
}

static int take_path(struct slice rest, struct redis_url *url)
{
	if (rest.n < 2 || *rest.p != '/')
		return -1;
	url->path = decoded(rest);
	return url->path ? 0 : -1;
}

static bool takes_scheme(struct slice *rest, const char *scheme)
{
	size_t n = strlen(scheme);

	if (rest->n < n || memcmp(rest->p, scheme, n) != 0)
		return false;
	*rest = slice(rest->p + n, rest->n - n);
	return true;
}

/* 0: it is none of ours. */
static unsigned take_scheme(struct slice *rest)
{
	if (takes_scheme(rest, "redis://"))
		return FOR_TCP;
	if (takes_scheme(rest, "rediss://"))
		return FOR_TLS;
	return takes_scheme(rest, "unix://") ? FOR_UNIX : 0;
}

int redis_url_parse(const char *text, struct redis_url *url, struct err *err)
{
	struct slice rest = slice_z(text);
	unsigned where = take_scheme(&rest);

	*url = (struct redis_url){ .port = DEFAULT_PORT, .tls = where == FOR_TLS };
	if (!where)
		return err_set(err, EX_USAGE, "that is no Redis URL: %s", forms);
	if (take_login(&rest, url) == 0 && take_settings(&rest, where, url) == 0 &&
	    (where == FOR_UNIX ? take_path(rest, url) : take_host(rest, url)) == 0)
		return 0;
	redis_url_fini(url);
	return err_set(err, EX_USAGE, "the Redis URL is malformed: %s, special characters as %%XX",
		       forms);
}
