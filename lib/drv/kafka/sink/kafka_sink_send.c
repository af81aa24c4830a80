/* Messages into a producer. They are handed over a thousand at a time; librdkafka copies them, and
 * tells of those only that it could not store.
 *
 *	gathered --hand over--> librdkafka's queue --> stored      nothing is told
 *	    ^                      |
 *	    +-- queue full: wait   +--> refused by the broker       once more, alone: then dead
 *	                           +--> not stored in time, fatal   d->failed
 *
 * A broker refuses a batch as a whole: a record that is at fault is found by sending each of its
 * batch alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/tm.h"
#include "drv/kafka/sink/kafka_sink_internal.h"

enum { PROGRESS_US = 500000 };

/* ---- what became of them */

static void keep_refused(struct kafka_sink *d, const rd_kafka_message_t *m)
{
	struct kafka_refused *r;

	mem_reserve(&d->refused, &d->refused_cap, d->n_refused + 1, sizeof(*d->refused));
	r = &d->refused[d->n_refused++];
	*r = (struct kafka_refused){ .value = mem_dup(m->payload, m->len),
				     .value_n = m->len,
				     .line = (uint64_t)(uintptr_t)m->_private };
	if (m->key) {
		r->key = mem_dup(m->key, m->key_len);
		r->key_n = m->key_len;
	}
}

/* Not stored since another record of the transaction was refused. */
static bool is_company(rd_kafka_resp_err_t code)
{
	return code == RD_KAFKA_RESP_ERR__PURGE_QUEUE || code == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
}

static void note_position(struct kafka_sink *d, int64_t offset)
{
	if (offset >= 0 && offset < d->positions_end)
		d->positions_lost = true;
	else if (offset >= 0)
		d->positions_end = offset + 1;
}

/* (Of a record that was to be sent rd_kafka_message_errstr is the record.) */
static void not_stored(struct err *err, const rd_kafka_message_t *m)
{
	const char *topic = rd_kafka_topic_name(m->rkt);

	if (m->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
		kafka_no_right(err, m->err, "topic", topic, "written to");
	} else {
		kafka_failed(err, m->err, NULL);
		err_in(err, "a record for topic %s", topic);
	}
}

void kafka_sink_delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *self)
{
	struct kafka_sink *d = self;
	struct err why;

	(void)rk;
	d->tally.stored += !m->err;
	if (!m->err && m->_private == KAFKA_POSITION)
		note_position(d, m->offset);
	if (!m->err)
		return;
	if (kafka_sink_refuses(m->err)) {
		keep_refused(d, m);
	} else if (!d->failed.code && m->err == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT) {
		kafka_sink_unanswered(d, "record not stored", m->err, &why);
		err_set(&d->failed, EX_UNAVAILABLE, "kafka: %s; given up (--retry-for)", why.msg);
	} else if (!d->failed.code && !is_company(m->err)) {
		not_stored(&d->failed, m);
	}
}

int kafka_sink_wait(struct kafka_sink *d, rd_kafka_t *rk, struct err *err)
{
	rd_kafka_poll(rk, KAFKA_SINK_TURN_MS);
	if (d->failed.code)
		return err_copy(err, &d->failed);
	return loop_turn(d->conf->sink.loop, 0, err) < 0 ? -1 : 0;
}

/* ---- handing over */

const char *kafka_sink_fault(struct kafka_sink *d, size_t n, uint32_t key_n)
{
	size_t bytes = n + d->header_bytes + KAFKA_SINK_OVERHEAD;

	if (key_n == KAFKA_BAD_KEY)
		return "no JSON object, so that it has no key (--key)";
	if (key_n == KAFKA_NO_KEY && d->compacted)
		return "a record without a key, which a compacted topic does not take";
	bytes += key_n == KAFKA_NO_KEY ? 0 : key_n;
	if (bytes <= d->limit)
		return NULL;
	snprintf(d->fault, sizeof(d->fault), "record of %zu bytes, topic %.60s takes %zu", bytes,
		 d->conf->sink.place, d->limit);
	return d->fault;
}

static int refused_here(struct kafka_sink *d, const rd_kafka_message_t *m, struct err *err)
{
	if (kafka_sink_refuses(m->err)) {
		keep_refused(d, m);
		return 0;
	}
	return kafka_failed(err, m->err, NULL);
}

/* With headers each message takes a call of its own. */
static void produce_each(struct kafka_sink *d, rd_kafka_message_t *m, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		rd_kafka_headers_t *h = rd_kafka_headers_new(d->conf->headers);
		rd_kafka_resp_err_t code;

		for (size_t k = 0; k < d->conf->headers; k++) {
			const char *eq = strchr(d->conf->header[k], '=');

			rd_kafka_header_add(h, d->conf->header[k], eq - d->conf->header[k], eq + 1,
					    -1);
		}
		code = rd_kafka_producev(d->producer, RD_KAFKA_V_RKT(d->topic),
					 RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
					 RD_KAFKA_V_VALUE(m[i].payload, m[i].len),
					 RD_KAFKA_V_KEY(m[i].key, m[i].key_len),
					 RD_KAFKA_V_HEADERS(h), RD_KAFKA_V_OPAQUE(m[i]._private),
					 RD_KAFKA_V_END);
		m[i].err = code;
		if (code)
			rd_kafka_headers_destroy(h);
	}
}

/* Those that did not fit stay, in their order. */
static int keep_unsent(struct kafka_sink *d, struct err *err)
{
	struct kafka_gathered *g = &d->gathered;
	size_t left = 0;

	for (size_t i = 0; i < g->n; i++) {
		if (!g->v[i].err)
			continue;
		if (g->v[i].err != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
			if (refused_here(d, &g->v[i], err))
				return -1;
			continue;
		}
		g->v[left] = g->v[i];
		g->v[left++].err = RD_KAFKA_RESP_ERR_NO_ERROR;
	}
	g->n = left;
	return 0;
}

int kafka_sink_hand_over(struct kafka_sink *d, struct err *err)
{
	struct kafka_gathered *g = &d->gathered;

	for (size_t i = 0; i < g->n; i++)
		if (g->v[i].key_len)
			g->v[i].key = g->keys.p + g->key_at[i];
	while (g->n) {
		if (d->conf->headers)
			produce_each(d, g->v, g->n);
		else if (rd_kafka_produce_batch(d->topic, RD_KAFKA_PARTITION_UA,
						RD_KAFKA_MSG_F_COPY, g->v, (int)g->n) == (int)g->n)
			break;
		if (keep_unsent(d, err) || (g->n && kafka_sink_wait(d, d->producer, err)))
			return -1;
	}
	g->n = 0;
	g->keys.n = 0;
	arena_reset(&g->arena);
	rd_kafka_poll(d->producer, 0);
	if (d->failed.code)
		return err_copy(err, &d->failed);
	return 0;
}

static char no_bytes[1];

int kafka_sink_room(struct kafka_sink *d, size_t n, struct err *err)
{
	return d->gathered.n + n > KAFKA_SINK_BATCH ? kafka_sink_hand_over(d, err) : 0;
}

void kafka_sink_gather(struct kafka_sink *d, struct slice value, size_t key_at, uint32_t key_n,
		       uint64_t line)
{
	struct kafka_gathered *g = &d->gathered;
	rd_kafka_message_t *m = &g->v[g->n];

	*m = (rd_kafka_message_t){ .payload = (void *)(uintptr_t)value.p,
				   .len = value.n,
				   ._private = (void *)(uintptr_t)line };
	if (key_n != KAFKA_NO_KEY) {
		m->key = no_bytes; /* or what is set when the buffer of keys has stopped growing */
		m->key_len = key_n;
	}
	g->key_at[g->n++] = key_at;
}

/* ---- the end of a wait: all is stored */

static int flush_producer(struct kafka_sink *d, rd_kafka_t *rk, struct err *err)
{
	while (rd_kafka_outq_len(rk)) {
		rd_kafka_flush(rk, KAFKA_SINK_TURN_MS);
		if (kafka_sink_wait(d, rk, err))
			return -1;
		kafka_sink_progress(d, false);
	}
	return 0;
}

static void free_refused(struct kafka_refused *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(v[i].value);
		free(v[i].key);
	}
	free(v);
}

void kafka_sink_forget_refused(struct kafka_sink *d)
{
	free_refused(d->refused, d->n_refused);
	d->refused = NULL;
	d->n_refused = d->refused_cap = 0;
}

static int send_alone(struct kafka_sink *d, const struct kafka_refused *r, struct err *err)
{
	for (;;) {
		int rc = rd_kafka_produce(d->alone_topic, RD_KAFKA_PARTITION_UA,
					  RD_KAFKA_MSG_F_COPY, r->value, r->value_n, r->key,
					  r->key_n, (void *)(uintptr_t)r->line);
		rd_kafka_message_t m = { .payload = r->value,
					 .len = r->value_n,
					 .key = r->key,
					 .key_len = r->key_n,
					 ._private = (void *)(uintptr_t)r->line };

		if (rc == 0)
			return 0;
		m.err = rd_kafka_last_error();
		if (m.err != RD_KAFKA_RESP_ERR__QUEUE_FULL)
			return refused_here(d, &m, err);
		if (kafka_sink_wait(d, d->alone, err))
			return -1;
	}
}

/* What is refused alone is at fault itself. */
static int bury_refused(struct kafka_sink *d, struct err *err)
{
	for (size_t i = 0; i < d->n_refused; i++) {
		const struct kafka_refused *r = &d->refused[i];
		struct run run = { .block = slice(r->value, r->value_n),
				   .origin = { .file = "standard input", .line = r->line } };

		if (kafka_sink_own_dead(d, &run, 0, 0, run.block, "the broker refuses this record",
					false, err))
			return -1;
	}
	kafka_sink_forget_refused(d);
	return 0;
}

static int try_refused(struct kafka_sink *d, struct err *err)
{
	struct kafka_refused *v = d->refused;
	size_t n = d->n_refused;
	int rc = kafka_sink_connect_alone(d, err);

	d->refused = NULL;
	d->n_refused = d->refused_cap = 0;
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = send_alone(d, &v[i], err);
	free_refused(v, n);
	return rc || flush_producer(d, d->alone, err) ? -1 : bury_refused(d, err);
}

int kafka_sink_flush(void *self, struct err *err)
{
	struct kafka_sink *d = self;

	if (kafka_sink_hand_over(d, err) || flush_producer(d, d->producer, err))
		return -1;
	if (d->n_refused && try_refused(d, err))
		return -1;
	return flush_producer(d, d->producer, err); /* dead letters of these */
}

/* ---- for who watches */

void kafka_sink_progress(struct kafka_sink *d, bool end)
{
	int64_t now = d->progress ? tm_mono_us() : 0;
	uint64_t stored = d->lines - d->gathered.n;
	uint64_t queued = d->producer ? (uint64_t)rd_kafka_outq_len(d->producer) : 0;

	if (!d->progress || (!end && now - d->shown_us < PROGRESS_US))
		return;
	stored -= queued < stored ? queued : stored;
	if (end && !d->shown_us)
		return;
	d->shown_us = now;
	fprintf(stderr, "\r%llu stored, %.0f a second, %llu on their way\033[K%s",
		(unsigned long long)stored, (double)stored * TM_S / (double)(now - d->began_us + 1),
		(unsigned long long)queued, end ? "\n" : "");
}
