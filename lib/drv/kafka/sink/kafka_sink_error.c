#include <stdio.h>
#include <string.h>

#include "base/tm.h"
#include "drv/kafka/sink/kafka_sink_internal.h"

/* Failed to add partition "TOPIC" [0] to transaction: Broker: Topic authorization failed */
void kafka_sink_heard_denied(struct kafka_sink *d, const char *text)
{
	const char *from = strchr(text, '"'), *to = from ? strchr(from + 1, '"') : NULL;

	if (!to || !strstr(to, rd_kafka_err2str(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)))
		return;
	pthread_mutex_lock(&d->lock);
	snprintf(d->denied, sizeof(d->denied), "%.*s", (int)(to - from - 1), from + 1);
	pthread_mutex_unlock(&d->lock);
}

const char *kafka_sink_denied(const struct kafka_sink *d)
{
	return d->denied[0] ? d->denied : d->conf->sink.place;
}

bool kafka_sink_too_early(struct kafka_sink *d, rd_kafka_resp_err_t code)
{
	enum kafka_verdict verdict = KAFKA_SUSPECT;
	struct buf why = { 0 };
	int64_t now = tm_mono_us();
	bool early;

	if (d->reached || code >= RD_KAFKA_RESP_ERR_UNKNOWN || !kafka_temporary(code))
		return false;
	if (!d->silent_us)
		d->silent_us = now;
	early = now - d->silent_us < KAFKA_SUSPECT_US &&
		(!kafka_heard_why(&d->heard, &verdict, &why) || verdict == KAFKA_SUSPECT);
	buf_fini(&why);
	return early;
}

/* Without an answer: is there one to be had? Only before the first one may the settings be wrong;
 * what has worked will work again. */
static enum sink_result judge_silence(struct kafka_sink *d, const char *what,
				      rd_kafka_resp_err_t code, struct err *err)
{
	enum kafka_verdict verdict = KAFKA_MAY_END;
	struct buf why = { 0 };

	if (kafka_heard_why(&d->heard, d->reached ? NULL : &verdict, &why))
		err_set(err, EX_TEMPFAIL, "%s", buf_z(&why));
	else
		err_set(err, EX_TEMPFAIL, "%s: no answer (%s: %s)", d->brokers, what,
			rd_kafka_err2str(code));
	buf_fini(&why);
	if (verdict == KAFKA_MAY_END)
		return SINK_RETRY;
	err->code = verdict == KAFKA_LASTS ? EX_CONFIG : EX_UNAVAILABLE;
	err_in(err, "kafka");
	return SINK_FATAL;
}

static enum sink_result refused(const struct kafka_sink *d, const char *what,
				rd_kafka_resp_err_t code, struct err *err)
{
	if (code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED) {
		kafka_no_right(err, code, "group", d->group, "read");
	} else if (code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
		kafka_no_right(err, code, "topic", what,
			       what == d->conf->positions ? "read" : "written to");
	} else {
		kafka_failed(err, code, NULL);
		err_in(err, "%s", what);
	}
	return SINK_FATAL;
}

enum sink_result kafka_sink_unanswered(struct kafka_sink *d, const char *what,
				       rd_kafka_resp_err_t code, struct err *err)
{
	if (d->failed.code) {
		err_copy(err, &d->failed);
		return SINK_FATAL;
	}
	if (!kafka_temporary(code))
		return refused(d, what, code, err);
	if (code < RD_KAFKA_RESP_ERR_UNKNOWN)
		return judge_silence(d, what, code, err);
	err_set(err, EX_TEMPFAIL, "%s: %s", what, rd_kafka_err2str(code));
	return SINK_RETRY;
}

int kafka_sink_put_out(const struct kafka_sink *d, struct err *err)
{
	if (d->mode == KAFKA_FILES)
		return err_set(err, EX_TEMPFAIL,
			       "another process of job %s has put this one out; start again",
			       d->job);
	return err_set(err, EX_TEMPFAIL,
		       "another process has the transactional id %s (--slot), and has put this one "
		       "out; start again",
		       d->transactional_id);
}

bool kafka_sink_refuses(rd_kafka_resp_err_t code)
{
	switch (code) {
	case RD_KAFKA_RESP_ERR_INVALID_MSG:
	case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
	case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
	case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
	case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
	case RD_KAFKA_RESP_ERR_INVALID_RECORD:
		return true;
	default:
		return false;
	}
}
