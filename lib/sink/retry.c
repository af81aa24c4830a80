#include "sink/retry.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/num.h"
#include "base/tm.h"

enum { FIRST_US = 100000, MOST_US = 10000000, TELL_EVERY_US = 60000000 };

int64_t retry_jitter(int64_t us)
{
	uint32_t dice;

	hash_random(&dice, sizeof(dice));
	return us - us / 2 * (dice % 1024) / 1024;
}

int64_t retry_pause_us(const struct retry *r)
{
	unsigned before = r->tries - 1;
	int64_t us = before < 8 ? (int64_t)FIRST_US << before : MOST_US;

	return retry_jitter(us < MOST_US ? us : MOST_US);
}

static void tell_retry(struct retry *r, const char *who, int64_t now, const struct err *why)
{
	if (r->tries && now - r->told_us < TELL_EVERY_US)
		return;
	r->told_us = now;
	if (r->tries == 0)
		log_warn("%s: %s; trying again", who, why->msg);
	else
		log_warn("%s: %s; still trying, for %lld s now", who, why->msg,
			 (long long)((now - r->started_us) / TM_S));
}

int retry_note(struct retry *r, const char *who, int64_t retry_for_us, const char *flag,
	       const struct err *why, struct err *err)
{
	int64_t now = tm_mono_us();
	char text[32];

	if (r->started_us == 0)
		r->started_us = now;
	if (now - r->started_us >= retry_for_us)
		return err_set(err, EX_UNAVAILABLE, "%s: %s; given up after %.*s%s", who, why->msg,
			       num_duration_text(retry_for_us, text), text, flag);
	tell_retry(r, who, now, why);
	r->tries++;
	return 0;
}

int retry_wait(struct retry *r, struct loop *loop, const char *who, int64_t retry_for_us,
	       const struct err *why, struct err *err)
{
	int64_t until;

	if (retry_note(r, who, retry_for_us, " (--retry-for)", why, err))
		return -1;
	until = tm_mono_us() + retry_pause_us(r);
	if (until > r->started_us + retry_for_us)
		until = r->started_us + retry_for_us;
	return loop_sleep(loop, until, err);
}

void retry_done(struct retry *r, const char *who)
{
	if (r->tries)
		log_warn("%s: back after %lld s", who,
			 (long long)((tm_mono_us() - r->started_us) / TM_S));
	*r = (struct retry){ 0 };
}
