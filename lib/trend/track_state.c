/* The state of a track as JSON. Numbers have 17 digits, so they read back as they were: a track
 * that went on from its state says what one says that never stopped.
 *
 *   {"length":60000000,"next":1700000000000000,"empty":0,
 *    "series":[["HASH",{..dims},first,last,seen,n,baseline,run_kind,run,open,quiet,[..]],..]}
 *
 * empty is null where a row without events has no value; it is left out before the first row. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "json/json.h"
#include "trend/track_internal.h"

enum { FIELDS = 12 };

static void put_real(struct buf *out, double v)
{
	buf_printf(out, "%.17g", v);
}

static void put_series(const struct series *s, struct buf *out)
{
	buf_addz(out, "[\"");
	buf_hex(out, s->hash, sizeof(s->hash));
	buf_printf(out, "\",%s,%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRIu64 ",", s->dims,
		   s->first_us, s->last_us, s->seen_us, s->n);
	put_real(out, s->baseline);
	buf_printf(out, ",%d,%" PRIu64 ",%d,%" PRIu64 ",[", s->run_kind, s->run, s->open, s->quiet);
	for (size_t i = 0; i < s->values; i++) {
		if (i)
			buf_addc(out, ',');
		put_real(out, s->value[i]);
	}
	buf_addz(out, "]]");
}

void track_save(const struct track *t, struct buf *out)
{
	buf_printf(out, "{\"length\":%" PRId64 ",\"next\":%" PRId64, t->length_us, t->next_us);
	if (t->has_empty) {
		buf_addz(out, ",\"empty\":");
		if (t->empty_has_value)
			put_real(out, t->empty);
		else
			buf_addz(out, "null");
	}
	buf_addz(out, ",\"series\":[");
	for (size_t i = 0; i < t->n; i++) {
		if (i)
			buf_addc(out, ',');
		put_series(&t->series[i], out);
	}
	buf_addz(out, "]}");
}

/* ---- reading it back */

static bool take_real(const struct json *j, uint32_t at, double *out)
{
	char text[64];
	struct slice s = j->node[at].text;

	if (j->node[at].type != JSON_NUMBER || s.n >= sizeof(text))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = 0;
	*out = strtod(text, NULL);
	return isfinite(*out);
}

static bool take_kind(const struct json *j, uint32_t at, enum trend_kind *out)
{
	uint64_t v;

	if (!json_u64(j, at, &v) || v > TREND_ABSENT)
		return false;
	*out = (enum trend_kind)v;
	return true;
}

static bool take_values(const struct json *j, uint32_t list, struct series *s)
{
	size_t cap = 0;

	if (j->node[list].type != JSON_ARRAY)
		return false;
	for (uint32_t i = json_first(j, list); i < j->node[list].next; i = j->node[i].next) {
		mem_reserve(&s->value, &cap, s->values + 1, sizeof(*s->value));
		if (!take_real(j, i, &s->value[s->values++]))
			return false;
	}
	return true;
}

static bool take_series(struct track *t, const struct json *j, uint32_t at)
{
	uint32_t field[FIELDS];
	size_t n = 0;
	uint8_t hash[16];
	struct series *s;

	if (j->node[at].type != JSON_ARRAY)
		return false;
	for (uint32_t i = json_first(j, at); i < j->node[at].next && n < FIELDS;
	     i = j->node[i].next)
		field[n++] = i;
	if (n < FIELDS || str_unhex(j->node[field[0]].text, hash, sizeof(hash)) ||
	    j->node[field[1]].type != JSON_OBJECT)
		return false;
	s = track_add(t, hash, j->node[field[1]].text);
	return json_i64(j, field[2], &s->first_us) && json_i64(j, field[3], &s->last_us) &&
	       json_i64(j, field[4], &s->seen_us) && json_u64(j, field[5], &s->n) &&
	       take_real(j, field[6], &s->baseline) && take_kind(j, field[7], &s->run_kind) &&
	       json_u64(j, field[8], &s->run) && take_kind(j, field[9], &s->open) &&
	       json_u64(j, field[10], &s->quiet) && take_values(j, field[11], s) &&
	       s->values <= t->rule->last;
}

static bool take_state(struct track *t, const struct json *j)
{
	uint32_t list = json_get(j, 0, "series"), empty = json_get(j, 0, "empty");
	double value = 0;

	if (!json_get_i64(j, 0, "length", &t->length_us) ||
	    !json_get_i64(j, 0, "next", &t->next_us) || t->length_us < 0 || !list ||
	    j->node[list].type != JSON_ARRAY)
		return false;
	if (empty && j->node[empty].type != JSON_NULL && !take_real(j, empty, &value))
		return false;
	if (empty)
		track_empty(t, j->node[empty].type != JSON_NULL, value);
	for (uint32_t i = json_first(j, list); i < j->node[list].next; i = j->node[i].next)
		if (!take_series(t, j, i))
			return false;
	return true;
}

int track_load(struct track *t, struct slice text, struct err *err)
{
	struct json j = { 0 };
	int rc = json_parse(&j, text, err);

	if (rc == 0 && !take_state(t, &j))
		rc = err_set(err, EX_DATAERR, "what is stored of a trend is damaged: %.*s",
			     (int)(text.n > 200 ? 200 : text.n), text.p);
	json_fini(&j);
	return rc;
}
