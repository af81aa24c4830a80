#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "drv/registry/registry_internal.h"

static const char forms[] = "http://[USER:PASSWORD@]HOST[:PORT][/PATH] or https://..";

static bool has_scheme(struct slice s, size_t *n)
{
	static const char *const scheme[] = { "http://", "https://" };

	for (size_t i = 0; i < sizeof(scheme) / sizeof(scheme[0]); i++) {
		*n = strlen(scheme[i]);
		if (s.n > *n && str_same(s.p, scheme[i], *n))
			return true;
	}
	return false;
}

static int parse_url(struct slice s, struct registry_url *out, struct err *err)
{
	const char *slash, *at = NULL;
	size_t scheme;

	while (s.n && s.p[s.n - 1] == '/')
		s.n--;
	if (!has_scheme(s, &scheme))
		return err_set(err, EX_USAGE, "a URL is %s", forms);
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || strchr("\"<>\\^`{|}?#\x7f", s.p[i]))
			return err_set(err, EX_USAGE,
				       "a URL has a blank, a ? or another character that stands "
				       "encoded in one: it is %s",
				       forms);
	slash = memchr(s.p + scheme, '/', s.n - scheme);
	for (const char *p = s.p + scheme; p < (slash ? slash : s.p + s.n); p++)
		if (*p == '@')
			at = p;
	out->login = at != NULL;
	out->base = mem_dup(s.p, s.n);
	out->shown = at ? mem_printf("%.*s%.*s", (int)scheme, s.p, (int)(s.p + s.n - at - 1),
				     at + 1)
			: mem_strdup(out->base);
	return 0;
}

int registry_urls_parse(const char *text, struct registry_urls *out, bool *login, struct err *err)
{
	*login = false;
	for (const char *p = text, *comma; p; p = comma ? comma + 1 : NULL) {
		size_t n = strcspn(p, ",");

		comma = p[n] ? p + n : NULL;
		if (out->n == REGISTRY_URLS)
			return err_set(err, EX_USAGE, "more than %d URLs", REGISTRY_URLS);
		if (parse_url(slice(p, n), &out->v[out->n], err))
			return -1;
		*login = *login || out->v[out->n].login;
		out->n++;
	}
	return 0;
}

void registry_urls_fini(struct registry_urls *urls)
{
	for (size_t i = 0; i < urls->n; i++) {
		free(urls->v[i].base);
		free(urls->v[i].shown);
	}
}

void registry_url_put(struct buf *out, const char *text)
{
	static const char plain[] = "-._~";

	for (const char *p = text; *p; p++) {
		bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
			      (*p >= '0' && *p <= '9');

		if (letter || strchr(plain, *p))
			buf_addc(out, *p);
		else
			buf_printf(out, "%%%02X", (unsigned char)*p);
	}
}
