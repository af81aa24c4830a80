/* An object an event. Its name follows from the event, and what is put twice is the same: no epoch
 * has to be claimed for it. S3_EACH_ASIDE are on their way at a time. */
#include <stdlib.h>

#include "drv/s3/s3_key.h"
#include "drv/s3/s3_sink_internal.h"

enum { S3_EACH_ASIDE = 16, NAME_MAX_BYTES = 512 };

struct aside {
	struct s3_put put;
	struct buf key;
};

/* The id, where the event has one that can be a name; else its place in the log. */
static void name_event(struct s3_sink *s, const struct sink_record *record, struct buf *key)
{
	struct sink_event event;
	struct slice id;

	key->n = 0;
	s3_sink_day(s, record, key);
	s3_sink_event(s, record, &event);
	id = event.text[EVENT_ID];
	if (id.p && id.n && id.n < NAME_MAX_BYTES)
		s3_key_topic(id, key);
	else
		s3_key_place(record->topic, record->partition, record->offset, key);
	buf_addz(key, ".json");
}

static enum sink_result wait_aside(struct aside *a, struct err *err)
{
	enum s3_outcome o;

	if (!a->put.call)
		return SINK_OK;
	o = s3_call_wait(a->put.call, err);
	s3_call_end(a->put.call);
	a->put.call = NULL;
	if (o == S3_NONE || o == S3_EXISTS) {
		err_set(err, EX_CONFIG, "%.*s: cannot be put there", (int)a->key.n, a->key.p);
		return SINK_FATAL;
	}
	return s3_result(o);
}

enum sink_result s3_each_write(struct s3_sink *s, const struct sink_batch *batch, struct err *err)
{
	struct aside aside[S3_EACH_ASIDE] = { 0 };
	enum sink_result r = SINK_OK;

	for (size_t i = 0; i < batch->records && r == SINK_OK; i++) {
		struct aside *a = &aside[i % S3_EACH_ASIDE];

		r = wait_aside(a, err);
		if (r != SINK_OK)
			break;
		name_event(s, &batch->record[i], &a->key);
		s3_put_begin(&a->put, &s->conn, buf_slice(&a->key), "application/json",
			     batch->record[i].line);
	}
	for (size_t i = 0; i < S3_EACH_ASIDE; i++) {
		if (r == SINK_OK)
			r = wait_aside(&aside[i], err);
		s3_call_end(aside[i].put.call);
		buf_fini(&aside[i].key);
	}
	return r;
}
