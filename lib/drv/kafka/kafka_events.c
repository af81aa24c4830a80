/* Control events: what the two clients tell beside messages. A callback of the loop only notes them
 * in struct kafka; kafka_judge, kafka_change and kafka_settle act on them. An assignment is
 * answered at once with nothing: the member never reads. A revoke is kept, unanswered, until
 * kafka_revoked, and no event behind it is looked at before; so is either of one who leaves. */
#include <unistd.h>

#include "base/log.h"
#include "drv/kafka/kafka_internal.h"
#include "drv/kafka/kafka_trouble.h"

/* Taken here: the generation that the partitions were given in goes on until the assignment is
 * answered, below. Its bytes are librdkafka's own: a sink of the same installation reads them. */
static void note_membership(struct kafka *k)
{
	rd_kafka_consumer_group_metadata_t *m = rd_kafka_consumer_group_metadata(k->member);
	const void *bytes = NULL;
	size_t n = 0;
	rd_kafka_error_t *e = m ? rd_kafka_consumer_group_metadata_write(m, (void *)&bytes, &n)
				: NULL;

	k->membership.n = 0;
	if (bytes && !e)
		buf_base64(&k->membership, bytes, n);
	if (e)
		rd_kafka_error_destroy(e);
	rd_kafka_mem_free(NULL, (void *)(uintptr_t)bytes);
	if (m)
		rd_kafka_consumer_group_metadata_destroy(m);
}

static void on_rebalance(struct kafka *k, rd_kafka_event_t *ev)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(ev), *none;

	if (k->leaving || rd_kafka_event_error(ev) != RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
		k->gone = rd_kafka_assignment_lost(k->member);
		k->rebalance = ev; /* answered, and destroyed, by revoked() */
		k->assigned_now = false;
		return;
	}
	partitions_fini(&k->assigned);
	for (int i = 0; i < list->cnt; i++)
		partitions_add(&k->assigned, slice_z(list->elems[i].topic),
			       list->elems[i].partition);
	k->assigned_now = true;
	note_membership(k);
	none = rd_kafka_topic_partition_list_new(0);
	rd_kafka_assign(k->member, none);
	rd_kafka_topic_partition_list_destroy(none);
	rd_kafka_event_destroy(ev);
}

static void on_error(struct kafka *k, rd_kafka_t *rk, rd_kafka_event_t *ev)
{
	rd_kafka_resp_err_t code = rd_kafka_event_error(ev);
	const char *say = rd_kafka_event_error_string(ev);
	bool is_login = code == RD_KAFKA_RESP_ERR__AUTHENTICATION;
	struct buf text = { 0 };
	char why[512];

	if (code == RD_KAFKA_RESP_ERR__FATAL) {
		code = rd_kafka_fatal_error(rk, why, sizeof(why));
		kafka_failed(&k->failed, code, why);
	} else if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
		if (!k->down)
			k->ask_at_us = 0;
		k->down = true;
	} else if (kafka_unknown(code) && k->opened) {
		k->metadata_suspect = code;
	} else if (code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED) {
		kafka_no_right(&k->failed, code, "group", k->group, "read");
	} else if (!kafka_temporary(code) && !(is_login && kafka_trouble_broke_off(say))) {
		if (is_login)
			kafka_trouble_refused(say, &k->heard.login, &text);
		else
			kafka_trouble_text(say, &text);
		kafka_failed(&k->failed, code, buf_z(&text));
	} else if (code >= RD_KAFKA_RESP_ERR_UNKNOWN) {
		log_info("kafka: %s", say);
	} /* else the log has it, see kafka_reach.c */
	buf_fini(&text);
}

static void on_commit(rd_kafka_event_t *ev)
{
	rd_kafka_resp_err_t code = rd_kafka_event_error(ev);

	if (code && code != RD_KAFKA_RESP_ERR__NO_OFFSET)
		log_warn("kafka: commit: %s; the sinks' positions hold, only lag tools see it",
			 rd_kafka_err2str(code));
}

static void serve_queue(struct kafka *k, rd_kafka_t *rk, rd_kafka_queue_t *queue)
{
	rd_kafka_event_t *ev;

	while (!k->rebalance && (ev = rd_kafka_queue_poll(queue, 0))) {
		switch (rd_kafka_event_type(ev)) {
		case RD_KAFKA_EVENT_REBALANCE:
			on_rebalance(k, ev);
			continue;
		case RD_KAFKA_EVENT_ERROR:
			on_error(k, rk, ev);
			break;
		case RD_KAFKA_EVENT_OFFSET_COMMIT:
			on_commit(ev);
			break;
		case RD_KAFKA_EVENT_FETCH:
			BUG("a message among the control events");
		default:
			break;
		}
		rd_kafka_event_destroy(ev);
	}
}

void kafka_control(void *self, int fd, short revents)
{
	struct kafka *k = self;
	uint64_t count;

	(void)fd, (void)revents;
	if (read(k->control_fd, &count, sizeof(count)) < 0)
		count = 0;
	serve_queue(k, k->rk, k->main);
	if (k->member)
		serve_queue(k, k->member, k->control);
}
