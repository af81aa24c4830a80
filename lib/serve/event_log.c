/* A line is looked at as JSON only if it may match: it has the bytes of each text that is wanted,
 * or escapes. */
#include "serve/event_log.h"

#include <string.h>

#include "base/tm.h"
#include "json/json.h"
#include "source/wal_dead.h"

struct reading {
	const struct events_range *range;
	struct serve_reader *reader;
	events_fn *fn;
	void *arg;
	uint64_t given;
	struct json json;
	struct buf text[EVENT_TEXTS], time;
};

static bool may_match(const struct reading *r, struct slice line)
{
	if (memchr(line.p, '\\', line.n))
		return true;
	for (int i = 0; i < EVENT_TEXTS; i++) {
		const char *wanted = r->range->text[i];

		if (wanted && !memmem(line.p, line.n, wanted, strlen(wanted)))
			return false;
	}
	return true;
}

/* A member that is a text, decoded into b; p NULL: it is none that a column could hold. */
static struct slice member_text(const struct json *j, const char *name, struct buf *b)
{
	uint32_t at = json_get(j, 0, name);

	b->n = 0;
	if (!at || j->node[at].type != JSON_STRING || json_string(j, at, b) ||
	    b->n > EVENT_COLUMN_BYTES || memchr(buf_z(b), '\0', b->n))
		return slice(NULL, 0);
	return buf_slice(b);
}

static bool in_range(const struct events_range *r, const struct stored_event *e)
{
	int64_t us = e->place.ts_us;

	for (int i = 0; i < EVENT_TEXTS; i++)
		if (r->text[i] && !(e->text[i].p && slice_is(e->text[i], r->text[i])))
			return false;
	if (r->since_us == POS_NONE && r->until_us == POS_NONE)
		return true;
	return us != POS_NONE && (r->since_us == POS_NONE || us >= r->since_us) &&
	       (r->until_us == POS_NONE || us < r->until_us);
}

static void set_event(struct reading *r, struct slice line, int64_t offset,
		      const struct wal_header *h, struct stored_event *e)
{
	static const char *const names[EVENT_TEXTS] = { [EVENT_TOPIC] = "topic",
							[EVENT_ID] = "event_id",
							[EVENT_TYPE] = "event_type",
							[EVENT_USER] = "user_id",
							[EVENT_SOURCE] = "source" };
	struct slice time;

	*e = (struct stored_event){ .received_us = h->us, .record = line };
	for (int i = 0; i < EVENT_TEXTS; i++)
		e->text[i] = member_text(&r->json, names[i], &r->text[i]);
	time = member_text(&r->json, "timestamp", &r->time);
	e->place = (struct events_place){
		.ts_us = POS_NONE, .topic = e->text[EVENT_TOPIC], .in_log = true, .offset = offset
	};
	if (time.p && tm_parse(time, &e->place.ts_us))
		e->place.ts_us = POS_NONE;
}

static int take_line(void *arg, struct slice line, int64_t offset, const struct wal_header *h,
		     struct err *err)
{
	struct reading *r = arg;
	struct stored_event e;

	if (serve_reader_cancelled(r->reader, err))
		return -1;
	if (wal_dead_is(line) || !may_match(r, line) || json_parse(&r->json, line, NULL))
		return 0;
	set_event(r, line, offset, h, &e);
	if (!in_range(r->range, &e))
		return 0;
	if (r->fn(r->arg, &e, err))
		return -1;
	return ++r->given == r->range->limit;
}

int event_log_read(struct wal_tail *log, const struct events_range *range, int64_t before,
		   struct serve_reader *reader, events_fn *fn, void *arg, int64_t *left,
		   struct err *err)
{
	struct reading r = { .range = range, .reader = reader, .fn = fn, .arg = arg };
	int rc = wal_tail_lines(log, before, EVENT_LOG_BYTES, take_line, &r, left, err);

	json_fini(&r.json);
	for (int i = 0; i < EVENT_TEXTS; i++)
		buf_fini(&r.text[i]);
	buf_fini(&r.time);
	return rc;
}
