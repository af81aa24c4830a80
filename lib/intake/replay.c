#include "intake/replay.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "intake/idempotency.h"

enum replay_field { TOPIC, EVENT_ID, PAYLOAD, DEAD, REQUEST, FIELDS };

struct replay {
	struct seen *seen;
	struct scan *scan;
	struct buf topic, id;
	void (*told)(void *arg, struct slice topic); /* NULL: nobody wants to know */
	void *told_arg;
};

struct replay *replay_new(struct seen *seen)
{
	static const char *const names[FIELDS] = { ".topic", ".event_id", ".payload", ".\"$dead\"",
						   ".\"$request\"" };
	struct replay *r = mem_zalloc(sizeof(*r));
	struct path path[FIELDS];
	struct err err = ERR_INIT;

	r->seen = seen;
	for (unsigned i = 0; i < FIELDS; i++)
		if (path_parse(&path[i], slice_z(names[i]), &err))
			BUG("%s", err.msg);
	r->scan = scan_new(path, FIELDS, NULL);
	for (unsigned i = 0; i < FIELDS; i++)
		path_fini(&path[i]);
	return r;
}

void replay_free(struct replay *r)
{
	if (!r)
		return;
	scan_free(r->scan);
	buf_fini(&r->topic);
	buf_fini(&r->id);
	free(r);
}

void replay_topics(struct replay *r, void (*topic)(void *arg, struct slice topic), void *arg)
{
	r->told = topic;
	r->told_arg = arg;
}

/* The decoded text of a string, in b if it has escapes. */
static bool text_of(const struct field *f, struct buf *b, struct slice *out)
{
	*out = slice(f->p, f->n);
	if (f->type == FIELD_STRING)
		return true;
	b->n = 0;
	if (f->type != FIELD_ESCAPED || scan_unescape(*out, b))
		return false;
	*out = buf_slice(b);
	return true;
}

static size_t add_entry(struct replay *r, const struct seen_entry *e)
{
	if (seen_find(r->seen, e->key))
		return 0;
	seen_add(r->seen, e);
	return 1;
}

static size_t replay_line(struct replay *r, const struct field *f, uint32_t ticket)
{
	struct seen_entry e = { .ticket = ticket };
	struct slice topic, id;
	size_t n = 0;

	if (f[DEAD].type != FIELD_MISSING || !text_of(&f[TOPIC], &r->topic, &topic) ||
	    !text_of(&f[EVENT_ID], &r->id, &id))
		return 0;
	if (r->told)
		r->told(r->told_arg, topic);
	e.key = seen_key_of(topic, id);
	if (f[PAYLOAD].type == FIELD_OBJECT)
		e.check = (uint32_t)hash_64(f[PAYLOAD].p, f[PAYLOAD].n) | 1;
	n = add_entry(r, &e);
	if (f[REQUEST].type == FIELD_STRING &&
	    idempotency_read(slice(f[REQUEST].p, f[REQUEST].n), &e) == 0) {
		e.ticket = ticket;
		add_entry(r, &e);
	}
	return n;
}

size_t replay_lines(struct replay *r, struct slice lines, int64_t us, uint32_t ticket)
{
	struct scan_batch b;
	size_t n = 0;

	while (lines.n > 0) {
		scan_lines(r->scan, lines.p, lines.n, &b);
		/* a line may carry its request's entry too */
		seen_begin(r->seen, us, 2 * (size_t)SCAN_BATCH);
		for (uint64_t left = b.valid; left; left &= left - 1)
			n += replay_line(r, b.field + (unsigned)__builtin_ctzll(left) * FIELDS,
					 ticket);
		if (b.used == 0)
			break;
		lines = slice(lines.p + b.used, lines.n - b.used);
	}
	return n;
}
