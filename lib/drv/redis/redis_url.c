/* From left to right: scheme, login, then host or path, each taken off the front of `rest`. The
 * last @ before the first slash ends the login, so that a password needs no encoding but for those
 * two. A part that is wrong is never quoted in the message, which says the form only: what stands
 * in the wrong place may be a password. */
#include "drv/redis/redis_url.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

enum { DEFAULT_PORT = 6379, MAX_PORT = 65535, MAX_DB = 1000000 };

static const char forms[] = "redis://[USER:PASSWORD@]HOST[:PORT][/DB] or unix:///PATH[?db=N]";

void redis_url_fini(struct redis_url *url)
{
	free(url->host);
	free(url->path);
	free(url->user);
	free(url->password);
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
	if (!colon)
		return -1;
	if (colon > login.p && !(url->user = decoded(slice(login.p, (size_t)(colon - login.p)))))
		return -1;
	url->password = decoded(slice(colon + 1, login.n - (size_t)(colon + 1 - login.p)));
	return url->password ? 0 : -1;
}

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
	const char *query = memchr(rest.p, '?', rest.n);
	struct slice path = slice(rest.p, query ? (size_t)(query - rest.p) : rest.n);

	if (path.n < 2 || *path.p != '/')
		return -1;
	if (query && (rest.n - path.n < 4 || memcmp(query, "?db=", 4) != 0 ||
		      redis_number(slice(query + 4, rest.n - path.n - 4), MAX_DB, &url->db)))
		return -1;
	url->path = decoded(path);
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

int redis_url_parse(const char *text, struct redis_url *url, struct err *err)
{
	struct slice rest = slice_z(text);
	bool is_unix;

	*url = (struct redis_url){ .port = DEFAULT_PORT };
	if (takes_scheme(&rest, "rediss://"))
		return err_set(err, EX_USAGE,
			       "rediss: this program has no TLS of its own: use redis:// through a "
			       "tunnel (stunnel, ssh -L), or unix://");
	is_unix = takes_scheme(&rest, "unix://");
	if (!is_unix && !takes_scheme(&rest, "redis://"))
		return err_set(err, EX_USAGE, "that is no Redis URL: %s", forms);
	if (take_login(&rest, url) == 0 &&
	    (is_unix ? take_path(rest, url) : take_host(rest, url)) == 0)
		return 0;
	redis_url_fini(url);
	return err_set(err, EX_USAGE, "the Redis URL is malformed: %s, special characters as %%XX",
		       forms);
}
