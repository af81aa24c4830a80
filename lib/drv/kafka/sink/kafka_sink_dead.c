/* Dead records as messages: the original bytes, as far as they were kept, and headers that say
 * where they come from and why they are here. The key is the record's place, so all copies of a
 * letter stand in one partition. */
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/tm.h"
#include "drv/kafka/sink/kafka_sink_internal.h"

enum { LETTER_HEADERS = 1024 /* bytes of headers and key beside stage, reason and topic */ };

static void add_text(rd_kafka_headers_t *h, const char *name, struct slice value)
{
	rd_kafka_header_add(h, name, -1, value.n ? value.p : "", (ssize_t)value.n);
}

static void add_number(rd_kafka_headers_t *h, const char *name, int64_t value)
{
	char text[32];

	add_text(h, name, slice(text, (size_t)snprintf(text, sizeof(text), "%" PRId64, value)));
}

static rd_kafka_headers_t *headers_of(const struct sink_dead *dead, size_t kept)
{
	rd_kafka_headers_t *h = rd_kafka_headers_new(10);
	char now[TM_TEXT_BYTES];

	if (dead->topic.p && dead->topic.n) {
		add_text(h, "hta.topic", dead->topic);
		add_number(h, "hta.partition", dead->partition);
		add_number(h, "hta.offset", dead->offset);
	}
	add_text(h, "hta.stage", dead->stage);
	add_text(h, "hta.reason", dead->why);
	add_text(h, "hta.time", slice(now, tm_text_ms(tm_now_us(), now)));
	add_number(h, "hta.size", (int64_t)dead->size);
	add_number(h, "hta.retries", (int64_t)dead->retries);
	if (dead->late)
		add_text(h, "hta.kind", slice_z("late"));
	if (dead->inexact)
		add_text(h, "hta.inexact", slice_z("1"));
	if (kept < dead->size)
		add_text(h, "hta.truncated", slice_z("1"));
	return h;
}

static void key_of(const struct sink_dead *dead, struct buf *key)
{
	if (dead->topic.p && dead->topic.n)
		buf_printf(key, "%.*s/%" PRId32 "/%" PRId64, (int)dead->topic.n, dead->topic.p,
			   dead->partition, dead->offset);
}

/* As much of the record as the topic takes. */
static size_t bytes_taken(const struct kafka_sink *d, const struct sink_dead *dead, size_t n)
{
	size_t other = LETTER_HEADERS + dead->stage.n + dead->why.n + 2 * dead->topic.n,
	       most = d->dead_limit > other ? d->dead_limit - other : 0;

	return n < most ? n : most;
}

static int put_letter(struct kafka_sink *d, const struct sink_dead *dead, struct slice value,
		      const struct buf *key, struct err *err)
{
	for (;;) {
		rd_kafka_headers_t *h = headers_of(dead, value.n);
		rd_kafka_resp_err_t code = rd_kafka_producev(
			d->producer, RD_KAFKA_V_RKT(d->dead_topic),
			RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
			RD_KAFKA_V_VALUE((void *)(uintptr_t)(value.n ? value.p : ""), value.n),
			RD_KAFKA_V_KEY(key->p, key->n), RD_KAFKA_V_HEADERS(h),
			RD_KAFKA_V_OPAQUE(NULL), RD_KAFKA_V_END);

		if (!code) {
			d->tally.handed++;
			return 0;
		}
		rd_kafka_headers_destroy(h);
		if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL)
			return kafka_failed(err, code, NULL);
		if (kafka_sink_wait(d, d->producer, err))
			return -1;
	}
}

int kafka_sink_bury(struct kafka_sink *d, const struct sink_dead *dead, struct err *err)
{
	struct buf raw = { 0 }, key = { 0 };
	struct slice value = dead->record;
	int rc;

	if (dead->base64 && str_unbase64(dead->record, &raw) == 0)
		value = buf_slice(&raw);
	value.n = bytes_taken(d, dead, value.n);
	key_of(dead, &key);
	rc = put_letter(d, dead, value, &key, err);
	buf_fini(&raw);
	buf_fini(&key);
	return rc;
}

/* Kept for the transaction of its epoch. */
static void keep_letter(struct kafka_sink *d, const struct sink_dead *dead)
{
	struct kafka_kept *k = &d->kept;
	struct sink_dead *own;

	mem_reserve(&k->own, &k->own_cap, k->n_own + 1, sizeof(*k->own));
	own = &k->own[k->n_own++];
	*own = *dead;
	own->topic = arena_copy(&k->arena, dead->topic);
	own->why = arena_copy(&k->arena, dead->why);
	own->record = arena_copy(&k->arena, dead->record);
}

int kafka_sink_own_dead(struct kafka_sink *d, const struct run *run, uint64_t nth, size_t at,
			struct slice record, const char *reason, bool partly, struct err *err)
{
	const struct origin *o = &run->origin;
	struct sink_dead dead = { .stage = slice_z(prog_common()->name),
				  .topic = o->topic,
				  .why = slice_z(reason),
				  .record = record,
				  .partition = o->partition,
				  .offset = origin_offset(o, nth, at),
				  .inexact = o->inexact,
				  .retries = o->retries,
				  .size = record.n };

	if (dead.record.n > CTL_KEEP_BYTES)
		dead.record.n = CTL_KEEP_BYTES;
	if (partly ? stage_dead_partly(d->st, run, nth, at, record, record.n, reason, err)
		   : stage_dead(d->st, run, nth, at, record, record.n, reason, err))
		return -1;
	if (!d->dead_name)
		return 0;
	if (d->mode == KAFKA_SENDS)
		return kafka_sink_bury(d, &dead, err);
	keep_letter(d, &dead);
	return 0;
}
