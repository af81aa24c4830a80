/* An alert as JSON and as a line for people. Its key names what it is about, so that the same alert
 * has the same key whenever it is found: METRIC/RULE/START/DIMS_HASH/KIND, of which the last three
 * have no slash. */
#include <inttypes.h>
#include <math.h>

#include "agg/fn.h"
#include "app/trend_internal.h"
#include "base/tm.h"
#include "json/json.h"

static void add_time(int64_t us, struct buf *out)
{
	char text[TM_TEXT_BYTES];

	buf_add(out, text, tm_text(us, text));
}

static void add_number(const char *name, bool has, double v, struct buf *out)
{
	buf_printf(out, ",\"%s\":", name);
	if (has)
		fn_put_double(v, out);
	else
		buf_addz(out, "null");
}

void trend_alert_key(const struct trend_metric *m, const struct track_alert *a, struct buf *out)
{
	buf_adds(out, m->name);
	buf_printf(out, "/%s/", m->t->name);
	add_time(a->start_us, out);
	buf_addc(out, '/');
	buf_hex(out, a->hash, 16);
	buf_printf(out, "/%s", trend_kinds[a->kind]);
}

void trend_alert_json(const struct trend_metric *m, const struct track_alert *a, struct buf *out)
{
	struct buf key = { 0 };

	trend_alert_key(m, a, &key);
	buf_printf(out, "{\"alert\":\"%s\",\"key\":", trend_kinds[a->kind]);
	json_quote(out, buf_slice(&key));
	buf_addz(out, ",\"metric\":");
	json_quote(out, m->name);
	buf_addz(out, ",\"window_start\":\"");
	add_time(a->start_us, out);
	buf_addz(out, "\",\"window_end\":\"");
	add_time(a->end_us, out);
	buf_addz(out, "\",\"dims\":");
	buf_adds(out, a->dims);
	buf_addz(out, ",\"dims_hash\":\"");
	buf_hex(out, a->hash, 16);
	buf_printf(out, "\",\"measure\":\"%s\"", m->t->measure);
	add_number("value", a->has_value, a->value, out);
	add_number("baseline", a->verdict.has_baseline, a->verdict.baseline, out);
	add_number("factor", a->verdict.has_factor, a->verdict.factor, out);
	buf_printf(out, ",\"severity\":\"%s\"}", trend_severities[a->severity]);
	buf_fini(&key);
}

/* ---- text */

/* What would steer a terminal is shown as ?: controls of ASCII, and U+0080 to U+009F. */
static void add_shown(struct slice text, struct buf *out)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i],
			      next = i + 1 < text.n ? (unsigned char)text.p[i + 1] : 0;
		bool second = c == 0xc2 && next >= 0x80 && next < 0xa0;

		buf_addc(out, c < ' ' || c == 0x7f || second ? '?' : (char)c);
		i += second;
	}
}

static void add_dims(struct trend *t, struct slice dims, struct buf *out)
{
	struct buf text = { 0 };
	struct err none;
	struct dim *d;
	size_t n;

	if (stored_dims_parse(&t->dims, dims, &t->arena, &d, &n, &none))
		n = 0;
	for (size_t i = 0; i < n; i++) {
		buf_addc(&text, ' ');
		buf_adds(&text, d[i].name);
		buf_addc(&text, '=');
		stored_dim_text(&d[i], &text);
	}
	add_shown(buf_slice(&text), out);
	buf_fini(&text);
}

/* Six digits are enough for people. */
static void add_said(const char *word, bool has, double v, struct buf *out)
{
	if (has)
		buf_printf(out, fabs(v) < 1e6 ? ", %s %.6g" : ", %s %.0f", word, v);
}

void trend_alert_text(const struct trend_metric *m, const struct track_alert *a, struct buf *out)
{
	arena_reset(&m->t->arena);
	add_time(a->start_us, out);
	buf_printf(out, " %-6s %-6s ", trend_severities[a->severity], trend_kinds[a->kind]);
	add_shown(m->name, out);
	add_dims(m->t, a->dims, out);
	buf_printf(out, ": %s ", m->t->measure);
	if (a->has_value)
		fn_put_double(a->value, out);
	else
		buf_addz(out, "none");
	add_said("baseline", a->verdict.has_baseline, a->verdict.baseline, out);
	add_said("factor", a->verdict.has_factor, a->verdict.factor, out);
	buf_addc(out, '\n');
}
