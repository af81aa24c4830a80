/* Letters in a topic. A partition is read from its first letter that was not retried to where it
 * ended when the pass began. What was retried, the group "hta-dlq" keeps (kafka_marks.h). Offsets
 * that have no letter (marks of transactions, what was compacted away) count as retried, so that
 * ranges grow together.
 *
 * Marks are read at the begin of each pass: whoever is going to send has ended other calls by then,
 * whose last commit is to be seen, and waits for it. Who only looks does not wait for what another
 * call has not committed yet. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/tm.h"
#include "drv/kafka/kafka_dlq_internal.h"
#include "drv/kafka/kafka_end.h"
#include "drv/kafka/kafka_marks.h"
#include "drv/kafka/kafka_settings.h"

enum { SILENCE_US = 30000000, POLL_MS = 100 };

struct letters_part {
	int32_t id;
	int64_t low, end, next; /* next: behind the last message that was seen */
	bool reading;
	struct kafka_marks marks;
	struct buf metadata;
};

struct topic_letters {
	const struct letters_conf *conf;
	struct kafka *k;
	rd_kafka_t *group; /* reads and writes its commits */
	rd_kafka_topic_t *rkt;
	rd_kafka_queue_t *queue;
	const struct letters_want *want;
	struct letters_part *part;
	size_t parts;
	size_t reading; /* partitions whose end was not seen */
	struct letters_mark *mark;
	size_t marks;
};

/* ---- clients, headers */

struct kafka *kafka_dlq_client(const struct letters_conf *conf, const char *topic, struct err *err)
{
	enum { RETRY_S = 10 };
	struct kafka *k = kafka_new();

	kafka_retry(k, RETRY_S * TM_S, "");
	if (kafka_set(k, "client.id", "hta-dlq", err) == 0 &&
	    kafka_driver_settings(k, conf->cluster, err) == 0 &&
	    kafka_topics(k, conf->cluster->brokers, &topic, topic ? 1 : 0, NULL, false, err) == 0 &&
	    kafka_plain_ops.open(k, conf->store.loop, err) == 0)
		return k;
	kafka_dlq_free(k);
	return NULL;
}

void kafka_dlq_free(struct kafka *k)
{
	if (!k)
		return;
	kafka_plain_ops.close(k);
	kafka_free(k);
}

void kafka_dlq_group_errors(struct kafka *k, rd_kafka_t *group)
{
	const rd_kafka_resp_err_t denied = RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED;
	rd_kafka_message_t *m;

	while ((m = rd_kafka_consumer_poll(group, 0)) != NULL) {
		char name[512] = "";
		size_t n = sizeof(name);

		if (m->err == denied && !k->failed.code) {
			rd_kafka_conf_get(rd_kafka_conf(group), "group.id", name, &n);
			kafka_no_right(&k->failed, denied, "group", name, "read");
		}
		rd_kafka_message_destroy(m);
	}
}

rd_kafka_t *kafka_dlq_group(struct kafka *k, const char *group, bool waits, struct err *err)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_dup(k->conf);
	char why[512];

	rd_kafka_conf_set_events(conf, 0);
	rd_kafka_conf_set(conf, "group.id", group, why, sizeof(why));
	rd_kafka_conf_set(conf, "isolation.level", waits ? "read_committed" : "read_uncommitted",
			  why, sizeof(why));
	return kafka_client_new(RD_KAFKA_CONSUMER, conf, err);
}

bool kafka_dlq_header(const rd_kafka_headers_t *headers, const char *name, struct slice *out)
{
	const void *value;
	size_t n;

	if (!headers || rd_kafka_header_get_last(headers, name, &value, &n) || !value)
		return false;
	*out = slice(value, n);
	return true;
}

bool kafka_dlq_number(const rd_kafka_headers_t *headers, const char *name, int64_t *out)
{
	struct slice text;
	int64_t v = 0;

	if (!kafka_dlq_header(headers, name, &text) || !text.n || text.n > 18)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		v = v * 10 + text.p[i] - '0';
	}
	*out = v;
	return true;
}

/* ---- the start */

static void topic_letters_stop(struct topic_letters *t)
{
	for (size_t i = 0; i < t->parts; i++)
		if (t->part[i].reading)
			rd_kafka_consume_stop(t->rkt, t->part[i].id);
	for (size_t i = 0; i < t->parts; i++) {
		kafka_marks_fini(&t->part[i].marks);
		buf_fini(&t->part[i].metadata);
	}
	free(t->part);
	t->part = NULL;
	t->parts = t->reading = 0;
	if (t->queue)
		rd_kafka_queue_destroy(t->queue);
	t->queue = NULL;
}

static void topic_letters_close(void *d)
{
	struct topic_letters *t = d;

	if (!t)
		return;
	topic_letters_stop(t);
	kafka_end(t->group);
	kafka_dlq_free(t->k);
	free(t->mark);
	free(t);
}

static void *topic_letters_open(const struct letters_conf *conf, struct err *err)
{
	struct topic_letters *t = mem_zalloc(sizeof(*t));

	t->conf = conf;
	t->k = kafka_dlq_client(conf, conf->topic, err);
	if (t->k)
		t->group = kafka_dlq_group(t->k, "hta-dlq", conf->marks, err);
	if (!t->group) {
		topic_letters_close(t);
		return NULL;
	}
	t->rkt = kafka_topic(t->k, conf->topic);
	return t;
}

static rd_kafka_topic_partition_list_t *list_of_parts(const struct topic_letters *t)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)t->parts +
										  1);

	for (size_t i = 0; i < t->parts; i++)
		rd_kafka_topic_partition_list_add(list, t->conf->topic, t->part[i].id);
	return list;
}

struct ask_group {
	rd_kafka_t *group;
	rd_kafka_topic_partition_list_t *list;
};

static rd_kafka_resp_err_t ask_marks(struct kafka *k, void *arg)
{
	struct ask_group *a = arg;
	rd_kafka_resp_err_t code = rd_kafka_committed(a->group, a->list, KAFKA_ASK_MS);

	if (code)
		kafka_dlq_group_errors(k, a->group);
	for (int i = 0; i < a->list->cnt && !code; i++)
		code = a->list->elems[i].err;
	return code;
}

static int read_marks(struct topic_letters *t, struct err *err)
{
	rd_kafka_topic_partition_list_t *list = list_of_parts(t);
	struct ask_group ask = { t->group, list };
	int rc = kafka_insist(t->k, "offsets of the group hta-dlq", ask_marks, &ask, err);

	for (size_t i = 0; i < t->parts && rc == 0; i++) {
		const rd_kafka_topic_partition_t *e = &list->elems[i];
		struct letters_part *p = &t->part[i];
		struct slice text = slice(e->metadata, e->metadata_size);

		while (text.n && text.p[text.n - 1] == 0)
			text.n--;
		p->marks.below = p->low;
		if (e->offset >= 0)
			rc = kafka_marks_read(&p->marks, e->offset, text, err);
		if (rc)
			err_in(err, "%s/%d", t->conf->topic, p->id);
		kafka_marks_add(&p->marks, 0, p->low);
	}
	rd_kafka_topic_partition_list_destroy(list);
	return rc;
}

static int find_parts(struct topic_letters *t, struct err *err)
{
	struct partitions all = { 0 };
	struct ranges ends = { 0 };
	int rc = kafka_partitions(t->k, &all, err);

	for (size_t i = 0; i < all.n; i++)
		ranges_add(&ends, slice_z(all.v[i].topic), all.v[i].partition);
	ranges_sort(&ends);
	rc = rc ? rc : kafka_ends(t->k, &ends, err);
	t->part = mem_array(ends.n + 1, sizeof(*t->part));
	t->parts = ends.n;
	for (size_t i = 0; i < ends.n; i++)
		t->part[i] = (struct letters_part){ .id = ends.v[i].partition,
						    .low = ends.v[i].from,
						    .end = ends.v[i].to };
	partitions_fini(&all);
	ranges_fini(&ends);
	return rc;
}

static int start_part(struct topic_letters *t, struct letters_part *p, struct err *err)
{
	p->next = t->want->again || p->marks.below < p->low ? p->low : p->marks.below;
	if (p->next >= p->end)
		return 0;
	if (rd_kafka_consume_start_queue(t->rkt, p->id, p->next, t->queue))
		return kafka_failed(err, rd_kafka_last_error(), NULL);
	p->reading = true;
	t->reading++;
	return 0;
}

static int topic_letters_rewind(void *d, const struct letters_want *want, struct err *err)
{
	struct topic_letters *t = d;
	int rc;

	topic_letters_stop(t);
	t->want = want;
	t->queue = rd_kafka_queue_new(t->k->rk);
	rc = find_parts(t, err) || read_marks(t, err) ? -1 : 0;
	for (size_t i = 0; i < t->parts && rc == 0; i++)
		rc = start_part(t, &t->part[i], err);
	return rc;
}

/* ---- reading */

static void read_time(const rd_kafka_message_t *m, const rd_kafka_headers_t *headers,
		      struct letter *l)
{
	rd_kafka_timestamp_type_t type;
	struct slice text;
	int64_t ms;

	if (kafka_dlq_header(headers, "hta.time", &text) && tm_parse(text, &l->at_us) == 0)
		return;
	ms = rd_kafka_message_timestamp(m, &type);
	l->at_us = ms < 0 ? POS_NONE : ms * 1000;
}

static struct slice text_of(struct letters_page *page, const rd_kafka_headers_t *headers,
			    const char *name)
{
	struct slice text;

	return kafka_dlq_header(headers, name, &text)
		       ? arena_copy(&page->arena, slice(text.n ? text.p : "", text.n))
		       : slice(NULL, 0);
}

static void read_letter(struct letters_page *page, const rd_kafka_message_t *m)
{
	struct letter *l = letters_page_add(page);
	rd_kafka_headers_t *headers = NULL;
	struct slice text;
	int64_t number = 0;

	if (rd_kafka_message_headers(m, &headers))
		headers = NULL;
	l->id = m->offset;
	l->check = (uint64_t)m->partition;
	l->topic = text_of(page, headers, "hta.topic");
	if (kafka_dlq_number(headers, "hta.partition", &number))
		l->partition = (int32_t)number;
	l->offset = -1;
	l->inexact = !kafka_dlq_number(headers, "hta.offset", &l->offset) ||
		     kafka_dlq_header(headers, "hta.inexact", &text);
	l->late = kafka_dlq_header(headers, "hta.kind", &text) && slice_is(text, "late");
	l->stage = text_of(page, headers, "hta.stage");
	l->reason = text_of(page, headers, "hta.reason");
	l->record = arena_copy(&page->arena, slice(m->payload, m->len));
	l->size = m->len;
	if (kafka_dlq_number(headers, "hta.size", &number) && (uint64_t)number > m->len)
		l->size = (uint64_t)number;
	if (kafka_dlq_number(headers, "hta.retries", &number))
		l->retries = (uint64_t)number;
	read_time(m, headers, l);
}

static bool is_wanted(const struct letters_want *w, const struct letter *l)
{
	return (w->since_us == POS_NONE || l->at_us >= w->since_us) &&
	       (w->until_us == POS_NONE || l->at_us < w->until_us);
}

static struct letters_part *find_part(struct topic_letters *t, int32_t id)
{
	for (size_t i = 0; i < t->parts; i++)
		if (t->part[i].id == id)
			return &t->part[i];
	return NULL;
}

static void end_part(struct topic_letters *t, struct letters_part *p)
{
	if (!p->reading)
		return;
	rd_kafka_consume_stop(t->rkt, p->id);
	p->reading = false;
	t->reading--;
}

/* The bytes of the letter that was added. */
static size_t take_message(struct topic_letters *t, struct letters_page *page,
			   const rd_kafka_message_t *m)
{
	struct letters_part *p = find_part(t, m->partition);
	size_t n = page->n;
	bool retried;

	if (!p || !p->reading || m->offset >= p->end)
		goto end;
	kafka_marks_add(&p->marks, p->next, m->offset);
	p->next = m->offset + 1;
	retried = kafka_marks_has(&p->marks, m->offset);
	if (!retried || t->want->again) {
		read_letter(page, m);
		if (!is_wanted(t->want, &page->v[n]))
			page->n--;
		else if (retried)
			page->v[n].retried_us = page->v[n].at_us; /* when is not known */
	}
end:
	if (p && m->offset >= p->end - 1)
		end_part(t, p);
	return page->n > n ? page->v[n].record.n : 0;
}

static int topic_letters_page(void *d, struct letters_page *page, struct err *err)
{
	struct topic_letters *t = d;
	int64_t until_us = tm_mono_us() + SILENCE_US;
	size_t bytes = 0;

	while (t->reading && page->n < LETTERS_PAGE && bytes < LETTERS_PAGE_BYTES) {
		rd_kafka_message_t *m = rd_kafka_consume_queue(t->queue, POLL_MS);
		int rc = 0;

		kafka_control(t->k, -1, 0);
		if (!m && tm_mono_us() > until_us)
			return err_set(err, EX_UNAVAILABLE, "kafka: nothing came of %s for 30 s",
				       t->conf->topic);
		if (!m)
			continue;
		until_us = tm_mono_us() + SILENCE_US;
		if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
			struct letters_part *p = find_part(t, m->partition);

			if (p)
				end_part(t, p);
		} else if (m->err) {
			rc = kafka_failed(err, m->err, rd_kafka_message_errstr(m));
		} else {
			bytes += take_message(t, page, m);
		}
		rd_kafka_message_destroy(m);
		if (rc)
			return -1;
	}
	page->end = !t->reading;
	return 0;
}

/* ---- marks */

static int topic_letters_marks(void *d, const struct letter *const *v, size_t n,
			       const struct letters_mark **mark, size_t *marks, struct err *err)
{
	struct topic_letters *t = d;

	t->mark = mem_grow(t->mark, t->parts + 1, sizeof(*t->mark));
	t->marks = 0;
	for (size_t i = 0; i < n; i++)
		kafka_marks_add(&find_part(t, (int32_t)v[i]->check)->marks, v[i]->id, v[i]->id + 1);
	for (size_t i = 0; i < t->parts; i++) {
		struct letters_part *p = &t->part[i];

		p->metadata.n = 0;
		if (kafka_marks_write(&p->marks, &p->metadata, err))
			return err_in(err, "%s/%d", t->conf->topic, p->id);
		t->mark[t->marks++] = (struct letters_mark){ .topic = t->conf->topic,
							     .partition = p->id,
							     .offset = p->marks.below,
							     .metadata = buf_z(&p->metadata) };
	}
	*mark = t->mark;
	*marks = t->marks;
	return 0;
}

const struct letters_driver kafka_letters = {
	.open = topic_letters_open,
	.close = topic_letters_close,
	.rewind = topic_letters_rewind,
	.page = topic_letters_page,
	.marks = topic_letters_marks,
};
