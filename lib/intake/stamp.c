#include "intake/stamp.h"

#include "base/tm.h"

static void add_member(struct buf *b, const char *name, struct slice text)
{
	buf_addc(b, ',');
	json_quote_z(b, name);
	buf_addc(b, ':');
	json_quote(b, text);
}

void stamps_begin(struct stamps *s, const struct intake_route *r, int64_t now_us)
{
	struct slice now;

	s->now[tm_text(now_us, s->now)] = '\0';
	now = slice_z(s->now);
	for (int i = 0; i < 4; i++) {
		s->tail[i].n = 0;
		if (!(i & 1))
			add_member(&s->tail[i], "timestamp", now);
		add_member(&s->tail[i], "received_at", now);
		if (!(i & 2))
			add_member(&s->tail[i], "topic", slice_z(r->conf.topic));
	}
	s->own.n = s->total.n = 0;
	if (r->name[INTAKE_OWN] && strcmp(r->name[INTAKE_OWN], "event_id") != 0) {
		buf_addc(&s->own, ',');
		json_quote_z(&s->own, r->name[INTAKE_OWN]);
		buf_addz(&s->own, ":\"");
	}
	if (r->name[INTAKE_TOTAL]) {
		buf_addc(&s->total, ',');
		json_quote_z(&s->total, r->name[INTAKE_TOTAL]);
		buf_addc(&s->total, ':');
	}
	s->most = s->tail[0].n + s->own.n + s->total.n + DEC_TEXT_BYTES + 6 * INTAKE_TEXT_BYTES +
		  128 + 2 * UUID_CHARS + IDEMPOTENCY_CHARS;
}

void stamps_fini(struct stamps *s)
{
	for (int i = 0; i < 4; i++)
		buf_fini(&s->tail[i]);
	buf_fini(&s->own);
	buf_fini(&s->total);
}

static char *put(char *to, const void *p, size_t n)
{
	memcpy(to, p, n);
	return to + n;
}

static char *put_id(const struct stamps *s, const struct intake_event *e, const char *made,
		    char *to)
{
	struct buf id = { 0 };

	if (made && s->own.n) {
		to = put(to, s->own.p, s->own.n);
		to = put(to, made, UUID_CHARS);
		*to++ = '"';
	}
	to = put(to, ",\"event_id\":", 12);
	json_quote(&id, made ? slice(made, UUID_CHARS) : e->id);
	to = put(to, id.p, id.n);
	buf_fini(&id);
	return to;
}

void stamps_add(const struct stamps *s, const struct intake_event *e, const char *made,
		const char *request, struct buf *lines)
{
	const struct buf *tail = &s->tail[(e->has_time ? 1 : 0) | (e->has_topic ? 2 : 0)];
	char *start = buf_room(lines, e->object.n + s->most), *comma, *last, *to;

	to = comma = put(start, e->object.p, e->object.n - 1);
	/* a made id is most often event_id itself */
	if (made && !s->own.n) {
		to = put(to, ",\"event_id\":\"", 13);
		to = put(to, made, UUID_CHARS);
		*to++ = '"';
	} else if (s->own.n) {
		to = put_id(s, e, made, to);
	}
	to = put(to, tail->p, tail->n);
	if (s->total.n) {
		to = put(to, s->total.p, s->total.n);
		to += dec_text(e->total, to);
	}
	if (request) {
		to = put(to, ",\"$request\":\"", 13);
		to = put(to, request, IDEMPOTENCY_CHARS);
		*to++ = '"';
	}
	to = put(to, "}\n", 2);
	/* an event without members has no comma before its first stamp */
	for (last = comma - 1; *last == ' ' || *last == '\t' || *last == '\r';)
		last--;
	if (last == start)
		*comma = ' ';
	lines->n += (size_t)(to - start);
}

void stamps_add_dead(struct slice record, struct slice reason, struct slice request_id,
		     struct buf *lines)
{
	bool text = str_utf8(record.p, record.n);

	buf_addz(lines, "{\"$dead\":{\"reason\":");
	json_quote(lines, reason);
	buf_addz(lines, ",\"request_id\":");
	json_quote(lines, request_id);
	buf_addz(lines, text ? "},\"record\":" : ",\"enc\":\"base64\"},\"record\":");
	if (text) {
		json_quote(lines, record);
	} else {
		buf_addc(lines, '"');
		buf_base64(lines, record.p, record.n);
		buf_addc(lines, '"');
	}
	buf_addz(lines, "}\n");
}
