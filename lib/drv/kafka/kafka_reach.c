/* Is the cluster there? A question is asked again until --retry-for is used up. Of the time without
 * an answer the first failure is told, then one line a minute, then that the cluster is back.
 *
 * 	all connections are down -> ask at once   answered: they were idle and closed, nothing
 * 	                                                    is told
 * 	                                          not for PATIENCE_US: told, asked again
 * 	an answer or a record    -> told, if a failure was */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/tm.h"
#include "drv/kafka/kafka_internal.h"

enum {
	ASK_SOON_US = 500000,
	ASK_AGAIN_US = 5000000,
	PATIENCE_US = 2000000,
};

/* ---- why */

void kafka_why(struct kafka *k, const char *what, rd_kafka_resp_err_t code,
	       enum kafka_verdict *verdict, struct err *why)
{
	bool answered = code >= RD_KAFKA_RESP_ERR_UNKNOWN; /* below are librdkafka's own */

	if (verdict)
		*verdict = KAFKA_MAY_END;
	if (answered)
		err_set(why, EX_TEMPFAIL, "%s: %s", what, rd_kafka_err2str(code));
	else if (kafka_heard_why(&k->heard, verdict, &k->why))
		err_set(why, EX_TEMPFAIL, "%s", buf_z(&k->why));
	else
		err_set(why, EX_TEMPFAIL, "%s: no answer (%s: %s)", k->brokers, what,
			rd_kafka_err2str(code));
}

/* Nothing is told yet: of several brokers the first that is tried may be the one that is down, and
 * connections that were closed are made again. At the start nobody waits where all refuse. */
static bool is_too_early(struct kafka *k, rd_kafka_resp_err_t code)
{
	int64_t now = tm_mono_us();

	if (!k->away.started_us)
		k->away.started_us = now;
	return code < RD_KAFKA_RESP_ERR_UNKNOWN && !(k->down && !k->opened) && !k->away.tries &&
	       now - k->away.started_us < PATIENCE_US && now - k->away.started_us < k->retry_for_us;
}

/* 0: may be asked again; -1: given up, or never to be had. Only before the first answer may the
 * settings be wrong; what has worked will work again. */
static int note_missed_answer(struct kafka *k, const char *what, rd_kafka_resp_err_t code,
			      struct err *err)
{
	bool first = k->down && !k->opened;
	enum kafka_verdict verdict;
	struct err why;

	if (is_too_early(k, code))
		return 0;
	kafka_why(k, what, code, first ? &verdict : NULL, &why);
	if (first && verdict == KAFKA_LASTS)
		return err_set(err, EX_CONFIG, "kafka: %s", why.msg);
	if (first && verdict == KAFKA_SUSPECT) {
		if (tm_mono_us() - k->away.started_us < KAFKA_SUSPECT_US)
			return 0;
		return err_set(err, EX_UNAVAILABLE, "kafka: %s", why.msg);
	}
	return retry_note(&k->away, "kafka", k->retry_for_us, k->retry_flag, &why, err);
}

void kafka_reached(struct kafka *k)
{
	retry_done(&k->away, "kafka");
	k->down = false;
}

/* ---- asking */

rd_kafka_resp_err_t kafka_ask_nothing(struct kafka *k, void *arg)
{
	const struct rd_kafka_metadata *m = NULL;
	rd_kafka_resp_err_t code = rd_kafka_metadata(k->rk, 0, NULL, &m, KAFKA_ASK_MS);

	(void)arg;
	if (m)
		rd_kafka_metadata_destroy(m);
	return code;
}

/* A topic that is not known now may be in a moment: until when. */
static int64_t topic_settled_at(const struct kafka *k, int64_t now)
{
	if (!k->opened && !k->creates)
		return now;
	return now + (k->retry_for_us < KAFKA_SETTLES_US ? k->retry_for_us : KAFKA_SETTLES_US);
}

/* The question is answered, and no later one will be answered otherwise. */
static int refused(const struct kafka *k, const char *what, rd_kafka_resp_err_t code,
		   struct err *err)
{
	if (code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED)
		return kafka_no_right(err, code, "group", k->group, "read");
	if (code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED && strncmp(what, "topic ", 6) == 0)
		return kafka_no_right(err, code, "topic", what + 6, "read");
	kafka_failed(err, code, NULL);
	return err_in(err, "%s", what);
}

int kafka_insist(struct kafka *k, const char *what, kafka_ask *ask, void *arg, struct err *err)
{
	int64_t settled = topic_settled_at(k, tm_mono_us());

	for (;;) {
		rd_kafka_resp_err_t code = ask(k, arg);

		if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
			kafka_reached(k);
			return 0;
		}
		kafka_control(k, -1, 0);
		if (k->failed.code)
			return err_copy(err, &k->failed);
		if (!kafka_temporary(code) && !(kafka_unknown(code) && tm_mono_us() < settled))
			return refused(k, what, code, err);
		if (note_missed_answer(k, what, code, err) ||
		    loop_turn(k->loop, tm_mono_us() + 100000, err) < 0)
			return -1;
	}
}

int kafka_judge(struct kafka *k, struct err *err)
{
	rd_kafka_resp_err_t code;
	int64_t now, next, until;

	if (!k->failed.code && k->down && (now = tm_mono_us()) >= k->ask_at_us) {
		code = kafka_ask_nothing(k, NULL);
		if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
			kafka_reached(k);
		/* whatever it has to say of connections is newer */
		kafka_control(k, -1, 0);
		if (code && !k->failed.code && note_missed_answer(k, "brokers", code, err))
			return -1;
		until = k->away.started_us + k->retry_for_us;
		next = now + (k->away.tries ? ASK_AGAIN_US : ASK_SOON_US);
		k->ask_at_us = next < until ? next : until;
	}
	if (k->failed.code)
		return err_copy(err, &k->failed);
	return 0;
}
