/* Judging events.
 *
 * Most events are good in a way that a few comparisons see: every text is plain and short, the
 * payload is an object, the time is in its column's set, names are different for certain. All of
 * that is one pass without a call that could fail (event_plain). Only an event that does not pass
 * is looked at member by member, where every error is told and where the less common good forms
 * (escapes in an id) are found good after all. */
#include "intake/event.h"

#include "base/hash.h"
#include "intake/total.h"

void event_judge_fini(struct event_judge *j)
{
	members_fini(&j->names);
	json_fini(&j->json);
	arena_fini(&j->text);
	buf_fini(&j->pointer);
}

/* The object of a line; a byte order mark in front is the scanner's to take. */
static struct slice trim_line(const char *p, size_t n)
{
	size_t mark = str_mark(slice(p, n));

	p += mark;
	n -= mark;
	while (n > 0 && (unsigned char)*p <= ' ') {
		p++;
		n--;
	}
	while (n > 0 && (unsigned char)p[n - 1] <= ' ')
		n--;
	return slice(p, n);
}

/* Whether all members are of the common good form. */
static bool event_plain(const struct intake_route *r, const struct field *f)
{
	unsigned required = r->conf.required, bad = 0;

	for (unsigned i = 0; i < INTAKE_TEXTS; i++) {
		bool missing = f[i].type == FIELD_MISSING;

		bad |= missing ? required >> i & 1
			       : f[i].type != FIELD_STRING || f[i].n - 1 >= INTAKE_TEXT_BYTES;
	}
	bad |= f[INTAKE_PAYLOAD].type == FIELD_MISSING ? required >> INTAKE_PAYLOAD & 1
						       : f[INTAKE_PAYLOAD].type != FIELD_OBJECT;
	bad |= f[INTAKE_TIMESTAMP].type == FIELD_MISSING && required >> INTAKE_TIMESTAMP & 1;
	for (unsigned i = INTAKE_RESERVED; i < INTAKE_TOTAL; i++)
		bad |= f[i].type != FIELD_MISSING;
	return !bad && !r->conf.typed;
}

/* ---- member by member */

static void member_error(struct event_judge *j, const struct intake_event *e, const char *member,
			 const char *code, const char *text)
{
	j->pointer.n = 0;
	members_pointer_add(&j->pointer, slice_z(member));
	intake_errors_add(j->errors, e->index, code, buf_slice(&j->pointer), "%s", text);
}

static bool judge_text(struct event_judge *j, const struct intake_event *e, const char *name,
		       const struct field *f, struct slice *out)
{
	struct buf text = { 0 };
	bool string = f->type == FIELD_STRING || f->type == FIELD_ESCAPED, good = string;

	*out = slice(f->p, f->n);
	if (f->type == FIELD_ESCAPED) {
		good = json_unescape(*out, &text) == 0 && !memchr(text.p, 0, text.n);
		*out = arena_copy(&j->text, buf_slice(&text));
		buf_fini(&text);
	}
	if (good && out->n > 0 && out->n <= INTAKE_TEXT_BYTES)
		return true;
	member_error(j, e, name, "not-a-string",
		     !string  ? "expected a string of 1 to 256 bytes"
		     : !good  ? "it holds \\u0000, or half of a surrogate pair"
		     : out->n ? "a string of more than 256 bytes"
			      : "an empty string");
	return false;
}

static bool judge_missing(struct event_judge *j, const struct intake_route *r,
			  const struct intake_event *e, const struct field *f)
{
	bool good = true;

	for (unsigned i = 0; i < INTAKE_RESERVED; i++)
		if (f[i].type == FIELD_MISSING && r->conf.required >> i & 1) {
			member_error(j, e, r->name[i], "missing-member", "it must be there");
			good = false;
		}
	return good;
}

static bool is_reserved(const struct intake_route *r, unsigned member)
{
	return (member >= INTAKE_RESERVED && member < INTAKE_OWN && r->name[member]) ||
	       (member == INTAKE_TOPIC && r->conf.typed) ||
	       (member == INTAKE_EVENT_ID && r->name[INTAKE_OWN] && r->conf.typed &&
		strcmp(r->name[INTAKE_OWN], r->name[INTAKE_EVENT_ID]) != 0);
}

static bool judge_reserved(struct event_judge *j, const struct intake_route *r,
			   const struct intake_event *e, const struct field *f)
{
	bool good = true;

	for (unsigned i = 0; i < INTAKE_MEMBERS; i++)
		if (is_reserved(r, i) && f[i].type != FIELD_MISSING) {
			member_error(j, e, r->name[i], "reserved-member",
				     "it is set by the server, and not by its clients");
			good = false;
		}
	return good;
}

static bool judge_members(struct event_judge *j, const struct intake_route *r,
			  struct intake_event *e, const struct field *f)
{
	bool good = judge_missing(j, r, e, f);
	struct slice text[INTAKE_TEXTS] = { { 0 } };

	good &= judge_reserved(j, r, e, f);
	for (unsigned i = 0; i < INTAKE_TEXTS; i++)
		if (f[i].type != FIELD_MISSING && !is_reserved(r, i))
			good &= judge_text(j, e, r->name[i], &f[i], &text[i]);
	if (f[INTAKE_PAYLOAD].type != FIELD_MISSING && f[INTAKE_PAYLOAD].type != FIELD_OBJECT) {
		member_error(j, e, r->name[INTAKE_PAYLOAD], "not-an-object", "expected an object");
		good = false;
	}
	if (r->name[INTAKE_OWN] && f[INTAKE_OWN].type != FIELD_MISSING)
		good &= judge_text(j, e, r->name[INTAKE_OWN], &f[INTAKE_OWN], &e->id);
	if (text[INTAKE_TOPIC].n)
		e->topic = text[INTAKE_TOPIC];
	if (text[INTAKE_EVENT_ID].n)
		e->id = text[INTAKE_EVENT_ID];
	return good;
}

static const char *time_text(enum value_time_result result, enum value_unit unit)
{
	switch (result) {
	case VALUE_TIME_UNIT:
		return "a number, and the server was not told its unit";
	case VALUE_TIME_LOCAL:
		return "it has no offset from UTC";
	case VALUE_TIME_NAME:
		return "it names a zone that was not in force then";
	case VALUE_TIME_RANGE:
		return "it is not within the years 1970 to 2199";
	default:
		return unit == VALUE_RFC3339 ? "expected RFC 3339" : "expected RFC 3339 or epoch";
	}
}

static void time_error(struct event_judge *j, const struct intake_event *e, const struct field *f)
{
	int64_t us;
	const char *text = time_text(value_time(&j->clock, *f, &j->when, &us), j->when.unit);
	struct slice shown = intake_shown(slice(f->p, f->n));
	const char *quote = f->type == FIELD_STRING || f->type == FIELD_ESCAPED ? "\"" : "";

	intake_errors_add(j->errors, e->index, "not-a-time", slice("/timestamp", 10),
			  "%s, got %s%.*s%s", text, quote, (int)shown.n, shown.p, quote);
}

static void ahead_error(struct event_judge *j, const struct intake_event *e)
{
	intake_errors_add(j->errors, e->index, "too-far-ahead", slice("/timestamp", 10),
			  "more than %lld s ahead of the server's clock",
			  (long long)(j->max_ahead_us / TM_S));
}

static bool judge_names(struct event_judge *j, const struct intake_event *e)
{
	enum members_result result = members_check(&j->names, e->object, &j->pointer);

	if (result == MEMBERS_TWICE)
		intake_errors_add(j->errors, e->index, "duplicate-member", buf_slice(&j->pointer),
				  "the name stands twice in its object");
	else if (result == MEMBERS_DEEP)
		intake_errors_add(j->errors, e->index, "too-deep", slice("", 0),
				  "nested deeper than %d", MEMBERS_DEPTH);
	return result == MEMBERS_FINE;
}

/* ---- typed routes */

/* The reason is PATH: WHAT, PATH a pointer or (root). */
static void schema_error(struct event_judge *j, const struct intake_event *e, const char *why)
{
	const char *what = strstr(why, ": ");
	struct slice pointer = slice(why, what ? (size_t)(what - why) : 0);

	if (slice_is(pointer, "(root)"))
		pointer.n = 0;
	intake_errors_add(j->errors, e->index, "schema", pointer, "%s", what ? what + 2 : why);
}

static bool judge_typed(struct event_judge *j, const struct intake_route *r, struct intake_event *e,
			const struct field *f)
{
	struct err why = ERR_INIT;
	enum total_result total;

	if (r->check &&
	    !(r->quick &&
	      schema_scan_line(r->quick, r->conf.schema, f + INTAKE_MEMBERS, r->check)) &&
	    !schema_check_text(r->check, r->conf.schema, e->object, &why)) {
		schema_error(j, e, why.msg);
		return false;
	}
	if (!r->conf.totals)
		return true;
	total = total_of(r->conf.totals, &j->json, e->object, &e->total);
	if (total != TOTAL_OK)
		member_error(j, e, r->name[INTAKE_TOTAL], "not-representable",
			     total == TOTAL_RANGE ? "beyond nine decimal places, or 1e20"
						  : "a part of it is missing, or no number");
	return total == TOTAL_OK;
}

/* ---- batches */

/* Fills in what a plain event has; the other forms change it. */
static void fill_event(const struct intake_route *r, const struct field *f, struct intake_event *e)
{
	const struct field *payload = &f[INTAKE_PAYLOAD];

	e->has_topic = f[INTAKE_TOPIC].type != FIELD_MISSING;
	e->topic = e->has_topic ? slice(f[INTAKE_TOPIC].p, f[INTAKE_TOPIC].n)
				: slice_z(r->conf.topic);
	e->id = slice(f[INTAKE_EVENT_ID].p, f[INTAKE_EVENT_ID].n);
	e->has_time = f[INTAKE_TIMESTAMP].type != FIELD_MISSING;
	e->check = 0;
	if (payload->type == FIELD_OBJECT)
		e->check = (uint32_t)hash_64(payload->p, payload->n) | 1;
}

uint64_t event_judge_batch(struct event_judge *j, const struct intake_route *r,
			   const struct scan_batch *b, uint64_t lines, struct intake_event *event)
{
	size_t width = scan_width(r->scan);
	struct value_column times = { b->field + INTAKE_TIMESTAMP, width };
	int64_t us[SCAN_BATCH], latest_us = j->now_us + j->max_ahead_us;
	uint64_t timed = value_times(&j->clock, times, lines, &j->when, us).good, good = 0;

	for (uint64_t left = lines; left; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctzll(left);
		const struct field *f = b->field + i * width;
		struct intake_event *e = &event[i];
		bool fine = true;

		e->object = trim_line(b->start[i], b->length[i]);
		fill_event(r, f, e);
		if (!event_plain(r, f))
			fine = judge_members(j, r, e, f);
		if (e->has_time && !(timed >> i & 1)) {
			time_error(j, e, &f[INTAKE_TIMESTAMP]);
			fine = false;
		} else if (e->has_time && us[i] > latest_us) {
			ahead_error(j, e);
			fine = false;
		}
		if (!(b->vouched >> i & 1) && !members_fine(e->object, j->engine))
			fine &= judge_names(j, e);
		if (r->conf.typed)
			fine = judge_typed(j, r, e, f) && fine;
		good |= (uint64_t)fine << i;
	}
	return good;
}
