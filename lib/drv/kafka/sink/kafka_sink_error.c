#include <stdio.h>
#include <string.h>

#include "base/tm.h"
#include "drv/kafka/kafka_trouble.h"
#include "drv/kafka/sink/kafka_sink_internal.h"

enum { STALE_US = 60000000 };

void kafka_sink_heard(struct kafka_sink *d, const char *text)
{
	pthread_mutex_lock(&d->heard.lock);
	snprintf(d->heard.text, sizeof(d->heard.text), "%s", text);
	d->heard.at_us = tm_mono_us();
	pthread_mutex_unlock(&d->heard.lock);
}

/* Failed to add partition "TOPIC" [0] to transaction: Broker: Topic authorization failed */
void kafka_sink_heard_denied(struct kafka_sink *d, const char *text)
{
	const char *from = strchr(text, '"'), *to = from ? strchr(from + 1, '"') : NULL;

	if (!to || !strstr(to, rd_kafka_err2str(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)))
		return;
	pthread_mutex_lock(&d->heard.lock);
	snprintf(d->heard.denied, sizeof(d->heard.denied), "%.*s", (int)(to - from - 1), from + 1);
	pthread_mutex_unlock(&d->heard.lock);
}

const char *kafka_sink_denied(const struct kafka_sink *d)
{
	return d->heard.denied[0] ? d->heard.denied : d->conf->sink.place;
}

/* "HOST:PORT: reason"; false: nothing was said lately. */
static bool last_trouble(struct kafka_sink *d, struct buf *out)
{
	bool fresh;

	pthread_mutex_lock(&d->heard.lock);
	fresh = d->heard.at_us && tm_mono_us() - d->heard.at_us < STALE_US;
	if (fresh)
		kafka_trouble_text(d->heard.text, out);
	pthread_mutex_unlock(&d->heard.lock);
	return fresh;
}

enum sink_result kafka_sink_unanswered(struct kafka_sink *d, const char *what,
				       rd_kafka_resp_err_t code, struct err *err)
{
	struct buf why = { 0 };
	enum sink_result r = SINK_RETRY;

	if (!kafka_temporary(code)) {
		kafka_failed(err, code, NULL);
		err_in(err, "%s", what);
		return SINK_FATAL;
	}
	if (code >= RD_KAFKA_RESP_ERR_UNKNOWN)
		err_set(err, EX_TEMPFAIL, "%s: %s", what, rd_kafka_err2str(code));
	else if (last_trouble(d, &why))
		err_set(err, EX_TEMPFAIL, "%s", buf_z(&why));
	else
		err_set(err, EX_TEMPFAIL, "%s: no answer (%s: %s)", d->brokers, what,
			rd_kafka_err2str(code));
	if (kafka_trouble_lasts(err->msg)) {
		err->code = EX_CONFIG;
		r = SINK_FATAL;
	}
	buf_fini(&why);
	return r;
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
