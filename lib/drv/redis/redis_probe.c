#include "drv/redis/redis_internal.h"

#include <stdlib.h>
#include <string.h>

enum { VERSION_MIN = 6 };

/* The value of a line "NAME:VALUE\r\n" of INFO; "" where there is none. */
static struct slice info_of(const redisReply *reply, const char *name)
{
	size_t n = strlen(name);
	const char *p = reply->type == REDIS_REPLY_STRING ? reply->str : "";

	for (; (p = strstr(p, name)); p += n)
		if ((p == reply->str || p[-1] == '\n') && p[n] == ':')
			return slice(p + n + 1, strcspn(p + n + 1, "\r\n"));
	return slice("", 0);
}

static void say_version(const redisReply *info, const struct redis *p, const struct probe *probe)
{
	struct slice version = info_of(info, "redis_version");
	bool old = version.n && atoi(version.p) < VERSION_MIN;

	probe_say(probe, old ? PROBE_BAD : PROBE_GOOD,
		  "version %.*s, prefix %s: the schema is there%s", (int)version.n, version.p,
		  p->conf->place, old ? "; version 6 or newer is needed" : "");
}

static void say_memory(const redisReply *info, const struct probe *probe)
{
	struct slice policy = info_of(info, "maxmemory_policy"), max = info_of(info, "maxmemory");

	if (!policy.n)
		return;
	if (slice_is(max, "0") || slice_is(policy, "noeviction"))
		probe_say(probe, PROBE_GOOD,
			  "maxmemory %.*s, maxmemory-policy %.*s: no key is "
			  "evicted",
			  (int)max.n, max.p, (int)policy.n, policy.p);
	else
		probe_say(probe, PROBE_BAD,
			  "maxmemory-policy %.*s may evict rows, which begin anew then: CONFIG SET "
			  "maxmemory-policy noeviction, and in its file",
			  (int)policy.n, policy.p);
}

/* Positions stand beside the rows: what a crash takes of both is read again. Where nothing is kept
 * the job is gone with the rows. */
static enum sink_result say_persistence(struct redis *p, const redisReply *info,
					const struct probe *probe, struct err *err)
{
	redisReply *save;
	enum sink_result r;
	bool file = slice_is(info_of(info, "aof_enabled"), "1");

	if (file) {
		probe_say(probe, PROBE_GOOD, "appendonly yes: rows outlive a restart");
		return SINK_OK;
	}
	redis_begin(p, 3);
	redis_argz(p, "CONFIG");
	redis_argz(p, "GET");
	redis_argz(p, "save");
	r = redis_run(p, &save, err);
	if (r == SINK_RETRY)
		return r;
	if (r == SINK_OK && redis_element(save, 1).n)
		probe_say(probe, PROBE_WARNING,
			  "appendonly no: a crash goes back to the last snapshot, and what came "
			  "since is read again, if the log still has it; CONFIG SET appendonly "
			  "yes, and in its file");
	else if (r == SINK_OK)
		probe_say(probe, PROBE_WARNING,
			  "neither appendonly nor save: a restart loses all rows and positions; "
			  "CONFIG SET appendonly yes, and in its file");
	freeReplyObject(save);
	return SINK_OK; /* not every user may ask */
}

enum sink_result redis_probe(void *d, const struct probe *probe, struct err *err)
{
	struct redis *p = d;
	struct err refused = ERR_INIT;
	redisReply *info;
	enum sink_result r;

	redis_begin(p, 1);
	redis_argz(p, "INFO");
	r = redis_run(p, &info, &refused);
	if (r == SINK_OK) {
		say_version(info, p, probe);
		say_memory(info, probe);
		r = say_persistence(p, info, probe, &refused);
		freeReplyObject(info);
	} else if (r == SINK_FATAL) {
		probe_say(probe, PROBE_WARNING, "version and settings are not known: %s",
			  refused.msg);
		r = SINK_OK;
	}
	if (r == SINK_OK)
		return redis_may_write(p, err);
	err_copy(err, &refused);
	return r;
}
