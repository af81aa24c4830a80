/* What people type is checked here once, so that nothing that goes into a URL, a field, a request
 * or a signature has to be looked at again. */
#include "drv/dynamo/dynamo_place.h"

#include <stdlib.h>

#include "base/mem.h"
#include "drv/dynamo/dynamo.h"
#include "net/aws_service.h"
#include "net/sigv4.h"

enum { TABLE_MIN = 3, TABLE_MAX = 250 };

#define NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"
#define REGION_CHARS "abcdefghijklmnopqrstuvwxyz0123456789-"

int dynamo_place_check(const char *table, struct err *err)
{
	size_t n = strlen(table);

	if (n >= TABLE_MIN && n <= TABLE_MAX && strspn(table, NAME_CHARS) == n)
		return 0;
	return err_set(err, EX_USAGE,
		       "table \"%s\": a table's name has %d to %d of letters, digits, points, "
		       "hyphens and underscores",
		       table, TABLE_MIN, TABLE_MAX);
}

static int take_endpoint(struct dynamo_place *p, struct slice endpoint, struct err *err)
{
	struct buf b = { 0 };

	if (aws_endpoint_trim(&endpoint))
		return err_set(err, EX_USAGE, "endpoint \"%.*s\": say http://HOST:PORT",
			       (int)endpoint.n, endpoint.p);
	p->url = mem_printf("%.*s/", (int)endpoint.n, endpoint.p);
	sigv4_host(endpoint, &b);
	p->host = mem_dup(b.p, b.n);
	buf_fini(&b);
	return 0;
}

static void take_amazon(struct dynamo_place *p)
{
	p->host = mem_printf("dynamodb.%s.amazonaws.com%s", p->region,
			     strncmp(p->region, "cn-", 3) == 0 ? ".cn" : "");
	p->url = mem_printf("https://%s/", p->host);
}

static int take_parameter(struct slice parameter, struct slice *endpoint, struct err *err)
{
	static const char name[] = "endpoint=";
	size_t n = sizeof(name) - 1;

	if (parameter.n <= n || memcmp(parameter.p, name, n) != 0)
		return err_set(err, EX_USAGE, "%s..: \"?%.*s\": only endpoint=URL is known there",
			       DYNAMO_SCHEME, (int)parameter.n, parameter.p);
	*endpoint = slice(parameter.p + n, parameter.n - n);
	return 0;
}

static int take_path(struct dynamo_place *p, const char *text, struct slice region,
		     struct slice table, struct err *err)
{
	p->region = region.n ? mem_dup(region.p, region.n) : mem_strdup(aws_region());
	if (!*p->region || strspn(p->region, REGION_CHARS) != strlen(p->region))
		return err_set(err, EX_USAGE, "\"%s\": \"%s\" is no region, such as eu-west-1",
			       text, p->region);
	if (!table.n)
		return 0;
	p->table = mem_dup(table.p, table.n);
	return dynamo_place_check(p->table, err);
}

int dynamo_place_init(struct dynamo_place *p, const char *text, struct err *err)
{
	const char *rest = text + strlen(DYNAMO_SCHEME);
	const char *env = aws_endpoint("AWS_ENDPOINT_URL_DYNAMODB");
	struct slice endpoint = env ? slice_z(env) : slice(NULL, 0), table = { NULL, 0 };
	size_t region, path;

	*p = (struct dynamo_place){ .ca = aws_ca_bundle() };
	if (strncmp(text, DYNAMO_SCHEME, strlen(DYNAMO_SCHEME)) != 0)
		return err_set(err, EX_USAGE, "\"%s\": say %sREGION/TABLE", text, DYNAMO_SCHEME);
	region = strcspn(rest, "/?");
	path = strcspn(rest, "?");
	if (rest[path] && take_parameter(slice_z(rest + path + 1), &endpoint, err))
		return -1;
	if (path > region)
		table = slice(rest + region + 1, path - region - 1);
	if (take_path(p, text, slice(rest, region), table, err) == 0) {
		if (!endpoint.n)
			take_amazon(p);
		if (!endpoint.n || take_endpoint(p, endpoint, err) == 0)
			return 0;
	}
	dynamo_place_fini(p);
	return -1;
}

void dynamo_place_fini(struct dynamo_place *p)
{
	free(p->region);
	free(p->table);
	free(p->url);
	free(p->host);
	*p = (struct dynamo_place){ 0 };
}
