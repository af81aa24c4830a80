/* What people type is checked here once, so that nothing that goes into a URL, a field or a
 * signature has to be looked at again. A bucket's name with a point is no label of a host
 * that a certificate for *.s3.REGION.amazonaws.com covers: it goes into the path, as with any other
 * server. */
#include "drv/s3/s3_place.h"

#include <stdlib.h>

#include "base/mem.h"
#include "net/aws_service.h"
#include "net/sigv4.h"

enum { BUCKET_MIN = 3, BUCKET_MAX = 63 };

static bool is_bucket(struct slice s)
{
	if (s.n < BUCKET_MIN || s.n > BUCKET_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789.-", s.p[i]))
			return false;
	return s.p[0] != '.' && s.p[0] != '-';
}

/* Slashes only between parts, and one at the end. */
static int take_prefix(struct s3_place *p, const char *url, const char *path, struct err *err)
{
	size_t n = strlen(path);

	while (*path == '/') {
		path++;
		n--;
	}
	while (n && path[n - 1] == '/')
		n--;
	if (memmem(path, n, "//", 2) || !str_utf8(path, n) || memchr(path, '?', n))
		return err_set(err, EX_USAGE, "%s: the prefix is not one", url);
	p->prefix = n ? mem_printf("%.*s/", (int)n, path) : mem_strdup("");
	return 0;
}

static int take_endpoint(struct s3_place *p, const char *endpoint, struct err *err)
{
	struct slice trimmed;

	if (!endpoint)
		return 0;
	trimmed = slice_z(endpoint);
	if (aws_endpoint_trim(&trimmed))
		return err_set(err, EX_USAGE,
			       "endpoint \"%s\": say http://HOST:PORT or https://HOST", endpoint);
	p->endpoint = mem_dup(trimmed.p, trimmed.n);
	return 0;
}

int s3_place_init(struct s3_place *p, const char *url, const char *endpoint, struct err *err)
{
	const char *rest = url + strlen(S3_SCHEME), *slash;
	struct slice bucket;

	*p = (struct s3_place){ .ca = aws_ca_bundle() };
	if (strncmp(url, S3_SCHEME, strlen(S3_SCHEME)) != 0)
		return err_set(err, EX_USAGE, "\"%s\": say s3://BUCKET/PREFIX", url);
	slash = strchrnul(rest, '/');
	bucket = slice(rest, (size_t)(slash - rest));
	if (!is_bucket(bucket))
		return err_set(err, EX_USAGE,
			       "%s: a bucket's name has 3 to 63 of a-z, 0-9, points and hyphens",
			       url);
	p->bucket = mem_dup(bucket.p, bucket.n);
	p->region = mem_strdup(aws_region());
	if (take_prefix(p, url, slash, err) == 0 &&
	    take_endpoint(p, endpoint ? endpoint : aws_endpoint("AWS_ENDPOINT_URL_S3"), err) == 0)
		return 0;
	s3_place_fini(p);
	return -1;
}

void s3_place_fini(struct s3_place *p)
{
	free(p->bucket);
	free(p->prefix);
	free(p->region);
	free(p->endpoint);
	*p = (struct s3_place){ 0 };
}

void s3_place_address(const struct s3_place *p, struct buf *base, struct buf *host,
		      struct buf *path)
{
	bool in_path = p->endpoint || strchr(p->bucket, '.');

	base->n = host->n = path->n = 0;
	if (p->endpoint)
		sigv4_host(slice_z(p->endpoint), host);
	else if (in_path)
		buf_printf(host, "s3.%s.amazonaws.com", p->region);
	else
		buf_printf(host, "%s.s3.%s.amazonaws.com", p->bucket, p->region);
	if (p->endpoint)
		buf_addz(base, p->endpoint);
	else
		buf_printf(base, "https://%s", buf_z(host));
	if (in_path)
		buf_printf(path, "/%s", p->bucket);
}
