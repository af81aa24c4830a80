#include "net/aws_service.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/timeform.h"
#include "base/tm.h"

static const int64_t skew_min_us = 60 * TM_S;

static const char *env_text(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

const char *aws_region(void)
{
	const char *region = env_text("AWS_REGION");

	if (!region)
		region = env_text("AWS_DEFAULT_REGION");
	return region ? region : "us-east-1";
}

const char *aws_ca_bundle(void)
{
	return env_text("AWS_CA_BUNDLE");
}

const char *aws_endpoint(const char *own)
{
	const char *endpoint = env_text(own);

	return endpoint ? endpoint : env_text("AWS_ENDPOINT_URL");
}

int aws_endpoint_trim(struct slice *endpoint)
{
	size_t scheme = endpoint->n >= 7 && memcmp(endpoint->p, "http://", 7) == 0    ? 7
			: endpoint->n >= 8 && memcmp(endpoint->p, "https://", 8) == 0 ? 8
										      : 0;

	while (endpoint->n > scheme && endpoint->p[endpoint->n - 1] == '/')
		endpoint->n--;
	if (!scheme || endpoint->n == scheme || endpoint->p[endpoint->n - 1] == ':')
		return -1;
	for (size_t i = scheme; i < endpoint->n; i++)
		if (strchr("/?#@&\" \r\n", endpoint->p[i]))
			return -1;
	return 0;
}

static int read_date(struct slice date, int64_t *us)
{
	struct timeform *form = timeform_new("http", NULL);
	struct timeform_memo memo = { .n = 0 };
	struct tm_wall w;
	int rc = timeform_read(form, &memo, date, &w);

	timeform_free(form);
	if (rc == 0)
		*us = w.us;
	return rc;
}

bool aws_skew_mend(struct slice date, int64_t signed_us, int64_t *skew_us, const char *name)
{
	int64_t ahead_us;

	if (!date.p || read_date(date, &ahead_us))
		return false;
	ahead_us -= tm_now_us();
	if (llabs(ahead_us - signed_us) < skew_min_us)
		return false;
	if (llabs(ahead_us - *skew_us) < skew_min_us)
		return true;
	*skew_us = ahead_us;
	log_warn("this machine's clock differs from %s's by %lld s: requests bear the server's "
		 "time",
		 name, (long long)(ahead_us / TM_S));
	return true;
}
