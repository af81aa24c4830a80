/* Life cycle. Two clients: a group member that reads nothing, and a simple
 * consumer that reads. One high-level consumer would do both, but a partition that is assigned
 * again while its last fetch is still being stopped loses the forwarding of its queue, and its
 * messages come out among the control events; the simple consumer's stop and start are
 * synchronous. librdkafka's threads wake us through two eventfds (queue callbacks: its own
 * io_event skips wake-ups of batch readers). */
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/tm.h"
#include "drv/kafka/kafka_end.h"
#include "drv/kafka/kafka_internal.h"
#include "drv/kafka/kafka_settings.h"

enum { LATE_ANSWER_US = 500000 };

static void wake_loop(rd_kafka_t *rk, void *fd)
{
	uint64_t one = 1;

	(void)rk;
	if (write((int)(intptr_t)fd, &one, sizeof(one)) < 0)
		return; /* full: it is readable already */
}

static int subscribe_topics(struct kafka *k, struct err *err)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)k->topics.n);
	rd_kafka_resp_err_t code;

	for (size_t i = 0; i < k->topics.n; i++)
		rd_kafka_topic_partition_list_add(list, k->topics.v[i].topic,
						  RD_KAFKA_PARTITION_UA);
	code = rd_kafka_subscribe(k->member, list);
	rd_kafka_topic_partition_list_destroy(list);
	return code ? kafka_failed(err, code, NULL) : 0;
}

static rd_kafka_t *new_client(struct kafka *k, const char *group, struct err *err)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_dup(k->conf);
	char why[512];

	if (group &&
	    rd_kafka_conf_set(conf, "group.id", group, why, sizeof(why)) != RD_KAFKA_CONF_OK) {
		err_set(err, EX_USAGE, "-g %s: %s", group, why);
		rd_kafka_conf_destroy(conf);
		return NULL;
	}
	return kafka_client_new(RD_KAFKA_CONSUMER, conf, err);
}

static int make_fetcher(struct kafka *k, struct err *err)
{
	struct fetcher_settings settings;
	int rc = fetcher_settings_read(k->conf, &settings, &k->fetcher_off);

	k->committed = settings.committed;
	if (rc)
		return 0;
	k->fetcher = fetcher_new(&settings, kafka_fallback, k);
	if (!k->fetcher || fetcher_watch(k->fetcher, k->message_fd))
		return err_errno(err, EX_TEMPFAIL, "epoll");
	return 0;
}

static int make_clients(struct kafka *k, struct err *err)
{
	k->control_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	k->message_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (k->control_fd < 0 || k->message_fd < 0)
		return err_errno(err, EX_TEMPFAIL, "eventfd");
	k->rk = new_client(k, NULL, err);
	if (!k->rk)
		return -1;
	k->main = rd_kafka_queue_get_main(k->rk);
	k->messages = rd_kafka_queue_new(k->rk);
	rd_kafka_queue_cb_event_enable(k->main, wake_loop, (void *)(intptr_t)k->control_fd);
	rd_kafka_queue_cb_event_enable(k->messages, wake_loop, (void *)(intptr_t)k->message_fd);
	if (make_fetcher(k, err))
		return -1;
	k->control_watch = loop_watch(k->loop, k->control_fd, POLLIN, kafka_control, k);
	k->timer = loop_every(k->loop, KAFKA_POLL_EVERY_US, kafka_control, k);
	if (!k->group)
		return 0;
	k->member = new_client(k, k->group, err);
	if (!k->member)
		return -1;
	/* what concerns the group comes by the consumer's queue, for one who does not join too */
	rd_kafka_poll_set_consumer(k->member);
	k->control = rd_kafka_queue_get_consumer(k->member);
	rd_kafka_queue_cb_event_enable(k->control, wake_loop, (void *)(intptr_t)k->control_fd);
	return 0;
}

int kafka_open(void *self, struct loop *loop, struct err *err)
{
	struct kafka *k = self;
	struct partitions all = { 0 };
	int rc;

	k->loop = loop;
	if (make_clients(k, err) || kafka_insist(k, "connecting", kafka_ask_nothing, NULL, err))
		return -1;
	rc = kafka_partitions(k, &all, err); /* are the topics there? */
	partitions_fini(&all);
	k->opened = rc == 0;
	if (rc == 0 && k->joins)
		rc = subscribe_topics(k, err);
	return rc;
}

int kafka_change(void *self, enum input_change *change, struct partitions *parts, struct err *err)
{
	struct kafka *k = self;

	*change = INPUT_UNCHANGED;
	kafka_control(k, -1, 0);
	if (kafka_judge(k, err))
		return -1;
	if (k->rebalance) {
		*change = k->gone ? INPUT_GONE : INPUT_REVOKED;
	} else if (k->assigned_now) {
		k->assigned_now = false;
		*change = INPUT_ASSIGNED;
		for (size_t i = 0; i < k->assigned.n; i++)
			partitions_add(parts, slice_z(k->assigned.v[i].topic),
				       k->assigned.v[i].partition);
	}
	return 0;
}

int kafka_revoked(void *self, struct err *err)
{
	struct kafka *k = self;

	(void)err;
	kafka_forget_parts(k);
	if (k->rebalance) {
		rd_kafka_assign(k->member, NULL);
		rd_kafka_event_destroy(k->rebalance);
		k->rebalance = NULL;
	}
	return 0;
}

static bool is_assignment(const struct kafka *k)
{
	return rd_kafka_event_error(k->rebalance) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
}

/* Leaving needs its own revoke answered. An assignment that was on its way may not be waited for
 * any more: then the group ends without an answer, and one that comes at that moment is not
 * heard and hangs, so it is given time for it. */
static void leave_group(struct kafka *k)
{
	struct err ignored;
	int64_t until = tm_mono_us() + 5 * TM_S, answer_us = 0;

	k->leaving = true;
	rd_kafka_consumer_close_queue(k->member, k->control);
	while (!rd_kafka_consumer_closed(k->member) && tm_mono_us() < until) {
		kafka_control(k, -1, 0);
		if (k->rebalance && !answer_us)
			answer_us = tm_mono_us() + (is_assignment(k) ? LATE_ANSWER_US : 0);
		if (k->rebalance && tm_mono_us() >= answer_us) {
			kafka_revoked(k, &ignored);
			answer_us = 0;
		}
		if (!rd_kafka_consumer_closed(k->member))
			poll(&(struct pollfd){ .fd = k->control_fd, .events = POLLIN }, 1, 50);
	}
	if (k->rebalance)
		rd_kafka_event_destroy(k->rebalance);
	k->rebalance = NULL;
}

static void end_member(struct kafka *k)
{
	if (k->joins)
		leave_group(k);
	rd_kafka_queue_destroy(k->control);
	rd_kafka_destroy_flags(k->member, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	k->member = NULL;
}

static void end_clients(void *arg)
{
	struct kafka *k = arg;

	if (k->member)
		end_member(k);
	kafka_forget_parts(k);
	for (size_t i = 0; i < k->n_rkt; i++)
		rd_kafka_topic_destroy(k->rkt[i]);
	free(k->rkt);
	rd_kafka_queue_destroy(k->messages);
	rd_kafka_queue_destroy(k->main);
	rd_kafka_destroy(k->rk);
	k->rk = NULL;
}

void kafka_close(void *self)
{
	struct kafka *k = self;

	if (!k->rk)
		return;
	loop_unwatch(k->loop, k->control_watch);
	loop_unwatch(k->loop, k->timer);
	kafka_end_by(end_clients, k);
	if (kafka_left_behind())
		return;
	fetcher_free(k->fetcher);
	free(k->part);
	close(k->control_fd);
	close(k->message_fd);
}
