/* The paths of the columns and those of the key are scanned together:
 *
 *   field    topic  id  type  user  source  time | key's paths ..
 *
 * A column's path that is not given is that of a member which no record is asked for: its field is
 * left out of the scan, and slot[] says where the others stand. The key's parts are sorted by name
 * once, since dims_hash wants them so. */
#include "sink/events.h"

#include <stdlib.h>
#include <string.h>

#include "base/dec.h"
#include "base/mem.h"
#include "proto/pos.h"
#include "row/dims.h"
#include "scan/value.h"

enum { KEY_PARTS = 16, EVENT_PATHS = EVENT_TEXTS + 1 + KEY_PARTS, NO_SLOT = -1 };

const char *const events_units[] = {
	[VALUE_RFC3339] = "rfc3339", [VALUE_S] = "s",   [VALUE_MS] = "ms",
	[VALUE_US] = "us",           [VALUE_NS] = "ns", NULL,
};

struct key_part {
	struct slice name;
	int slot; /* NO_SLOT: the log's topic */
	struct buf text;
};

struct events {
	struct path path[EVENT_PATHS];
	size_t paths;
	int slot[EVENT_TEXTS], time_slot;
	struct key_part part[KEY_PARTS];
	size_t parts;
	struct value_when when;
	struct value_clock clock;
	struct scan *scan;
	struct buf text[EVENT_TEXTS], scratch;
};

/* ---- the start */

static int add_path(struct events *e, const char *option, struct slice text, int *slot,
		    struct err *err)
{
	if (path_parse(&e->path[e->paths], text, err))
		return err_in(err, "--%s", option);
	*slot = (int)e->paths++;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct key_part *x = a, *y = b;

	return slice_cmp(x->name, y->name);
}

static int add_part(struct events *e, struct slice text, struct err *err)
{
	struct key_part *part = &e->part[e->parts];

	if (e->parts == KEY_PARTS)
		return err_set(err, EX_USAGE, "--key: more than %d members", KEY_PARTS);
	part->slot = NO_SLOT;
	part->name = slice_z(EVENT_KEY_TOPIC);
	if (!slice_is(text, EVENT_KEY_TOPIC)) {
		if (add_path(e, "key", text, &part->slot, err))
			return -1;
		part->name = slice_z(e->path[part->slot].name);
	}
	e->parts++;
	for (size_t i = 0; i + 1 < e->parts; i++)
		if (slice_eq(e->part[i].name, part->name))
			return err_set(err, EX_USAGE, "--key: %.*s stands there twice",
				       (int)part->name.n, part->name.p);
	return 0;
}

static int add_key(struct events *e, const char *key, struct err *err)
{
	while (*key) {
		size_t n = strcspn(key, ",");

		if (add_part(e, slice(key, n), err))
			return -1;
		key += n + (key[n] == ',');
	}
	if (e->parts == 0)
		return err_set(err, EX_USAGE, "--key: no member is named");
	qsort(e->part, e->parts, sizeof(*e->part), by_name);
	return 0;
}

static int add_columns(struct events *e, const struct events_conf *c, struct err *err)
{
	const char *topic = c->topic_path ? c->topic_path : c->key ? "topic" : NULL;
	const char *const path[EVENT_TEXTS] = { topic, c->id, c->type, c->user, c->source };
	static const char *const option[EVENT_TEXTS] = { "topic-path", "id-path", "type-path",
							 "user-path", "source-path" };

	for (int i = 0; i < EVENT_TEXTS; i++) {
		e->slot[i] = NO_SLOT;
		if (path[i] && add_path(e, option[i], slice_z(path[i]), &e->slot[i], err))
			return -1;
	}
	return add_path(e, "time", slice_z(c->time), &e->time_slot, err);
}

struct events *events_new(const struct events_conf *c, struct err *err)
{
	struct events *e = mem_zalloc(sizeof(*e));

	e->when.unit = (enum value_unit)c->time_unit;
	if (c->topic_path && !c->key)
		err_set(err, EX_USAGE,
			"--topic-path needs --key: without it an event is known by its topic, "
			"partition and offset in the log");
	else if (add_columns(e, c, err) == 0 && (!c->key || add_key(e, c->key, err) == 0))
		e->scan = scan_new(e->path, e->paths, err);
	if (e->scan)
		return e;
	events_free(e);
	return NULL;
}

void events_free(struct events *e)
{
	if (!e)
		return;
	scan_free(e->scan);
	for (size_t i = 0; i < e->paths; i++)
		path_fini(&e->path[i]);
	for (size_t i = 0; i < e->parts; i++)
		buf_fini(&e->part[i].text);
	for (int i = 0; i < EVENT_TEXTS; i++)
		buf_fini(&e->text[i]);
	buf_fini(&e->scratch);
	free(e);
}

bool events_keyed(const struct events *e)
{
	return e->parts > 0;
}

size_t events_scan(struct events *e, const char *p, size_t n, struct scan_batch *batch)
{
	scan_lines(e->scan, p, n, batch);
	return scan_width(e->scan);
}

/* ---- a record */

/* A column's text: p NULL where the field has none that a column can hold. */
static struct slice column_text(const struct field *f, struct buf *decoded)
{
	struct slice text = slice(NULL, 0);

	if (f->type == FIELD_STRING)
		text = slice(f->p, f->n);
	if (f->type == FIELD_ESCAPED) {
		decoded->n = 0;
		if (scan_unescape(slice(f->p, f->n), decoded) == 0)
			text = buf_slice(decoded);
	}
	if (!text.p || text.n > EVENT_COLUMN_BYTES || memchr(text.p, 0, text.n))
		return slice(NULL, 0);
	return text;
}

static int key_error(const struct key_part *part, const char *what, struct err *why)
{
	return err_set(why, EX_DATAERR, "%.*s %s: it is part of the key (--key)", (int)part->name.n,
		       part->name.p, what);
}

static int take_part(struct key_part *part, const struct field *f, struct dim *d, struct err *why)
{
	d->name = part->name;
	part->text.n = 0;
	switch ((enum field_type)f->type) {
	case FIELD_MISSING:
	case FIELD_NULL:
		return key_error(part, f->type == FIELD_NULL ? "is null" : "is missing", why);
	case FIELD_ARRAY:
	case FIELD_OBJECT:
		return key_error(part, f->type == FIELD_ARRAY ? "is an array" : "is an object",
				 why);
	case FIELD_FALSE:
	case FIELD_TRUE:
		d->tag = f->type == FIELD_TRUE ? DIM_TRUE : DIM_FALSE;
		return 0;
	case FIELD_NUMBER:
		d->tag = DIM_NUMBER;
		dec_canonical(slice(f->p, f->n), &part->text);
		break;
	case FIELD_STRING:
		d->tag = DIM_STRING;
		d->value = slice(f->p, f->n);
		return 0;
	case FIELD_ESCAPED:
		d->tag = DIM_STRING;
		if (scan_unescape(slice(f->p, f->n), &part->text))
			return key_error(part, "has half a surrogate pair", why);
		break;
	}
	d->value = buf_slice(&part->text);
	return 0;
}

static int read_key(struct events *e, const struct field *field, struct slice topic,
		    uint8_t out[EVENT_KEY_BYTES], struct err *why)
{
	struct dim dim[KEY_PARTS];

	for (size_t i = 0; i < e->parts; i++) {
		struct key_part *part = &e->part[i];

		if (part->slot == NO_SLOT && !topic.p)
			return key_error(part, "is missing (a plain stream has none)", why);
		dim[i] = (struct dim){ .name = part->name, .tag = DIM_STRING, .value = topic };
		if (part->slot != NO_SLOT && take_part(part, &field[part->slot], &dim[i], why))
			return -1;
	}
	dims_hash(dim, e->parts, &e->scratch, out);
	return 0;
}

int events_read(struct events *e, const struct field *field, struct slice topic,
		struct sink_event *out, struct err *why)
{
	enum value_time_result time;

	for (int i = 0; i < EVENT_TEXTS; i++)
		out->text[i] = e->slot[i] == NO_SLOT ? slice(NULL, 0)
						     : column_text(&field[e->slot[i]], &e->text[i]);
	if (!out->text[EVENT_TOPIC].n)
		out->text[EVENT_TOPIC] = topic;
	time = value_time(&e->clock, field[e->time_slot], &e->when, &out->ts_us);
	if (time > VALUE_TIME_SKIPPED)
		out->ts_us = POS_NONE;
	return e->parts ? read_key(e, field, topic, out->key, why) : 0;
}
