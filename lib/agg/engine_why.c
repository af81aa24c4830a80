/* The reasons of lines that metrics refuse. Slow: lines are looked at once more, in the order in
 * which a reader would name what is wrong: the text, the time, then of each metric that the line is
 * bad for the condition, the dimensions, the value, the measures, the uniques. A reason names the
 * metrics and the path, and never repeats what the record says. Neighbours that say the same are
 * named together; of many rules the first few are. */
#include "agg/engine_internal.h"

#include "base/tm.h"

enum { WHY_METRICS = 8 };

static const char *const type_names[] = {
	[FIELD_MISSING] = "missing",  [FIELD_NULL] = "null",       [FIELD_FALSE] = "a boolean",
	[FIELD_TRUE] = "a boolean",   [FIELD_NUMBER] = "a number", [FIELD_STRING] = "a string",
	[FIELD_ESCAPED] = "a string", [FIELD_ARRAY] = "an array",  [FIELD_OBJECT] = "an object",
};

/* ---- times */

#define UNITS "--time-unit s, ms, us or ns"

static bool is_number(struct slice text)
{
	dec ignored;

	return dec_parse(text, &ignored) != DEC_SYNTAX;
}

/* The option that reads a string which is no time as it stands. */
static void guess(const struct value_when *when, struct slice text, struct buf *out)
{
	const char *form = timeform_guess(text);
	bool is_pattern = form && *form == '%';

	if (!form) {
		buf_addz(out, " (2026-11-20T15:00:00Z); --time-format says how other times are "
			      "written");
		return;
	}
	buf_printf(out, is_pattern ? ": --time-format '%s'" : ": --time-format %s", form);
	if (is_pattern && !when->zone && !strstr(form, "%z") && !strstr(form, "%Z"))
		buf_addz(out, " with --zone NAME");
	buf_addz(out, " reads it");
}

/* A string, or a number that is to be read by a form. */
static void why_no_time(const struct value_when *when, struct slice text, struct buf *out)
{
	if (when->form) {
		buf_printf(out, ", but no time of --time-format %s", timeform_name(when->form));
		if (is_number(text))
			buf_addz(out, "; as a number it needs " UNITS);
	} else if (is_number(text)) {
		buf_addz(out, ": a number in quotes, and only " UNITS " can tell which time");
	} else {
		buf_addz(out, ", but no RFC 3339 time");
		guess(when, text, out);
	}
}

static void why_none(const struct value_when *when, const struct field *f, struct buf *out)
{
	struct slice text = slice(f->p, f->n);
	struct buf decoded = { 0 };

	buf_addz(out, type_names[f->type]);
	if (f->type == FIELD_ESCAPED && scan_unescape(text, &decoded) == 0)
		text = buf_slice(&decoded);
	if (f->type == FIELD_STRING || f->type == FIELD_ESCAPED || f->type == FIELD_NUMBER)
		why_no_time(when, text, out);
	else
		buf_addz(out, ", not a time");
	buf_fini(&decoded);
}

static void why_time(const struct value_when *when, const struct field *f,
		     enum value_time_result result, struct buf *out)
{
	switch (result) {
	case VALUE_TIME_NONE:
		why_none(when, f, out);
		break;
	case VALUE_TIME_UNIT:
		buf_printf(out, "%s, and only " UNITS " can tell which time", type_names[f->type]);
		break;
	case VALUE_TIME_LOCAL:
		buf_addz(out, "a time without an offset: --zone NAME (Europe/Berlin, UTC, +01:00) "
			      "says where its clock stands");
		break;
	case VALUE_TIME_NAME:
		buf_printf(out, "a time of another zone than --zone %s", zone_name(when->zone));
		break;
	case VALUE_TIME_RANGE:
		buf_addz(out, "outside of the years 1970 to 2199");
		break;
	default:
		buf_addz(out, type_names[f->type]);
	}
}

static bool record_time_is_wrong(const struct engine *w, unsigned line, struct err *why)
{
	int64_t us = w->time_us[line];

	if (us > 0 && us < TM_MAX_US)
		return false;
	err_set(why, EX_DATAERR, "its record's timestamp is %s",
		us > 0 ? "outside of the years 1970 to 2199" : "missing");
	return true;
}

static bool field_time_is_wrong(struct engine *w, unsigned line, struct err *why)
{
	const struct metric_common *c = &w->plan->common;
	const struct field *f = engine_field(w, line, w->plan->time_field);
	struct buf reason = { 0 };
	int64_t us;
	enum value_time_result result = value_time(&w->clock, *f, &c->when, &us);

	if (result <= VALUE_TIME_SKIPPED)
		return false;
	why_time(&c->when, f, result, &reason);
	err_set(why, EX_DATAERR, "%s is %s", c->time.name, buf_z(&reason));
	buf_fini(&reason);
	return true;
}

/* Of several metrics it is bad for all of them, as what is no JSON. */
static bool time_is_wrong(struct engine *w, unsigned line, struct err *why)
{
	bool wrong = w->plan->common.log_time ? record_time_is_wrong(w, line, why)
					      : field_time_is_wrong(w, line, why);

	if (wrong && w->plan->n_metrics == 1)
		err_in(why, "metric %s", w->plan->metric[0].def->m.name);
	return wrong;
}

/* ---- dimensions and values */

/* most: the bytes or characters that it may have */
static bool text_is_wrong(enum key_result r, const struct field *f, const char *path, int most,
			  struct err *why)
{
	switch (r) {
	case KEY_OK:
		return false;
	case KEY_STRUCTURE:
		err_set(why, EX_DATAERR, "%s is %s, not a string, number or boolean", path,
			type_names[f->type]);
		break;
	case KEY_SURROGATE:
		err_set(why, EX_DATAERR, "%s has half of a surrogate pair, which no store can hold",
			path);
		break;
	case KEY_NUL:
		err_set(why, EX_DATAERR, "%s has a NUL (\\u0000), which no store can hold", path);
		break;
	case KEY_LONG:
		err_set(why, EX_DATAERR, "%s is longer than %d bytes", path, most);
		break;
	case KEY_NUMBER:
		err_set(why, EX_DATAERR,
			"%s is a number of more than %d characters (written without an exponent)",
			path, most);
		break;
	}
	return true;
}

/* One value of a dimension that has a shape. */
static bool shaped_is_wrong(struct engine *w, const struct shape *s, const struct field *f,
			    const char *name, struct err *why)
{
	struct shape_texts texts = { .decoded = { 0 } };
	struct buf key = { 0 };
	struct field made;
	bool wrong = true;
	size_t at;

	if (shape_field(s, f, &texts, &made) == SHAPE_NO_NUMBER) {
		err_set(why, EX_DATAERR, "%s is %s: classes are of numbers up to +-1e20", name,
			type_names[f->type]);
	} else {
		char *out = buf_room(&key, key_room(1, made.n, 1));

		wrong = text_is_wrong(
			key_build(&made, &(uint8_t){ 0 }, 1, 0, &w->scratch, out, &at), &made, name,
			KEY_VALUE_MAX, why);
	}
	buf_fini(&key);
	shape_texts_fini(&texts);
	return wrong;
}

static bool elements_are_wrong(struct engine *w, const struct shape *s, const struct field *f,
			       const char *name, struct err *why)
{
	struct slice left = slice(f->p, f->n);
	struct buf one = { 0 };
	struct field e;
	size_t n = 0;
	bool wrong = false;

	buf_printf(&one, "an element of %s", name);
	for (; !wrong && shape_element(&left, &e); n++)
		wrong = shaped_is_wrong(w, s, &e, buf_z(&one), why);
	buf_fini(&one);
	if (wrong || n <= SHAPE_ELEMENTS_MAX)
		return wrong;
	err_set(why, EX_DATAERR, "%s has %zu elements, at most %d can count", name, n,
		SHAPE_ELEMENTS_MAX);
	return true;
}

/* A dimension with a name of its own is told by its path. */
static bool shapes_are_wrong(struct engine *w, const struct plan_metric *m, unsigned line,
			     struct err *why)
{
	const struct metric *of = &m->def->m;
	struct buf name = { 0 };
	bool wrong = false;

	for (size_t i = 0; i < of->n_dims && !wrong; i++) {
		const struct field *f = engine_field(w, line, m->dim_field[i]);
		const struct shape *s = &of->shaped[i].shape;

		name.n = 0;
		if (of->shaped[i].named)
			path_canonical(&of->dim[i], &name);
		else
			buf_addz(&name, of->dim[i].name);
		wrong = s->explode && f->type == FIELD_ARRAY
				? elements_are_wrong(w, s, f, buf_z(&name), why)
				: shaped_is_wrong(w, s, f, buf_z(&name), why);
	}
	buf_fini(&name);
	return wrong;
}

static bool dims_are_wrong(struct engine *w, const struct plan_metric *m, unsigned line,
			   struct err *why)
{
	const struct field *fields = engine_field(w, line, 0);
	struct buf key = { 0 };
	enum key_result r;
	char *out;
	size_t at;

	if (m->def->m.has_shapes)
		return shapes_are_wrong(w, m, line, why);
	out = buf_room(&key, key_room(1, w->batch.length[line], m->def->m.n_dims));
	r = key_build(fields, m->dim_field, m->def->m.n_dims, 0, &w->scratch, out, &at);
	buf_fini(&key);
	return r && text_is_wrong(r, &fields[m->dim_field[at]], m->def->m.dim[at].name,
				  KEY_VALUE_MAX, why);
}

/* column: of the plan's values. limit: what is beyond it is bad; 0: any. */
static bool value_is_wrong(struct engine *w, size_t column, const char *path, dec limit,
			   unsigned line, struct err *why)
{
	const struct field *f = engine_field(w, line, w->plan->value_field[column]);
	enum dec_result r;
	dec v;

	if (f->type <= FIELD_NULL)
		return false;
	r = value_dec(*f, &v);
	switch (r) {
	case DEC_ROUNDED:
	case DEC_OK:
		if (limit && (v > limit || v < -limit)) {
			err_set(why, EX_DATAERR,
				"%s is out of range for its measure (beyond +-%lld)", path,
				(long long)(limit / 1000000000));
			return true;
		}
		if (r == DEC_OK || !w->plan->common.exact)
			return false;
		err_set(why, EX_DATAERR,
			"%s has more than nine decimals, and --exact forbids to round it", path);
		return true;
	case DEC_RANGE:
		err_set(why, EX_DATAERR, "%s is out of range (beyond +-1e20)", path);
		return true;
	case DEC_SYNTAX:
		break;
	}
	err_set(why, EX_DATAERR, "%s is %s, not a number", path, type_names[f->type]);
	return true;
}

static bool condition_is_wrong(struct engine *w, int condition, unsigned line, struct err *why)
{
	if (condition < 0 || !(w->holds[condition].wrong >> line & 1))
		return false;
	condition_why(w->condition[condition], &w->batch, w->plan->n_fields, line, why);
	err_in(why, "condition %s", w->plan->condition[condition].text);
	return true;
}

/* column: of the plan's uniques */
static bool uniq_is_wrong(struct engine *w, size_t column, const char *name, unsigned line,
			  struct err *why)
{
	const struct field *f = engine_field(w, line, w->plan->uniq_field[column]);
	struct slice text;

	return f->type > FIELD_NULL &&
	       text_is_wrong(key_text(f, &w->scratch, &text), f, name, KEY_VALUE_MAX, why);
}

static bool held_is_wrong(struct engine *w, size_t field, const char *name, unsigned line,
			  struct err *why)
{
	const struct field *f = engine_field(w, line, field);
	struct held_value v;
	enum key_result r = engine_held_value(f, &w->scratch.text, &v);

	if (v.type == HELD_NUMBER && !held_number_ok(v.text))
		r = KEY_NUMBER;
	return text_is_wrong(r, f, name, HELD_VALUE_MAX, why);
}

static bool measure_is_wrong(struct engine *w, const struct plan_metric *m, unsigned line,
			     struct err *why)
{
	for (size_t i = 0; i < m->def->m.n_measures; i++) {
		const struct metric_measure *x = &m->def->m.measure[i];
		const struct plan_measure *p = &m->measure[i];

		if (condition_is_wrong(w, p->where, line, why))
			return true;
		if (p->where >= 0 && !(w->holds[p->where].holds >> line & 1))
			continue;
		if (p->value >= 0 &&
		    value_is_wrong(w, (size_t)p->value, x->path.name, p->limit, line, why))
			return true;
		if (p->uniq >= 0 && uniq_is_wrong(w, (size_t)p->uniq, x->path.name, line, why))
			return true;
		if (p->held >= 0 &&
		    (held_is_wrong(w, w->plan->held[p->held].field, x->path.name, line, why) ||
		     (x->has_by &&
		      held_is_wrong(w, (size_t)w->plan->held[p->held].by, x->by.name, line, why))))
			return true;
	}
	return false;
}

static void why_metric(struct engine *w, const struct plan_metric *m, unsigned line,
		       struct err *why)
{
	const struct metric *of = &m->def->m;

	if (!condition_is_wrong(w, m->where, line, why) && !dims_are_wrong(w, m, line, why) &&
	    !(m->value >= 0 && value_is_wrong(w, (size_t)m->value, of->value.name, 0, line, why)) &&
	    !measure_is_wrong(w, m, line, why) &&
	    !(m->uniq >= 0 && uniq_is_wrong(w, (size_t)m->uniq, of->uniq.name, line, why)))
		BUG("a line is bad for no reason");
}

/* ---- who refuses a line */

/* "metrics a, b: REASON; metric c: REASON": names wait until the reason changes. */
struct why_list {
	struct buf text, names;
	struct err reason; /* of those who wait */
	size_t waiting, named, more;
};

static void why_list_flush(struct why_list *l)
{
	if (!l->waiting)
		return;
	buf_printf(&l->text, "%smetric%s %s: %s", l->text.n ? "; " : "", l->waiting > 1 ? "s" : "",
		   buf_z(&l->names), l->reason.msg);
	l->names.n = 0;
	l->waiting = 0;
}

static void why_list_add(struct why_list *l, const char *metric, const struct err *reason)
{
	if (l->named == WHY_METRICS) {
		l->more++;
		return;
	}
	if (strcmp(l->reason.msg, reason->msg) != 0)
		why_list_flush(l);
	l->reason = *reason;
	buf_printf(&l->names, "%s%s", l->waiting ? ", " : "", metric);
	l->waiting++;
	l->named++;
}

static void why_list_finish(struct why_list *l, bool counted, struct err *why)
{
	why_list_flush(l);
	if (l->more)
		buf_printf(&l->text, "; and %zu more", l->more);
	err_set(why, EX_DATAERR, "%s%s", buf_z(&l->text), counted ? "; others count it" : "");
	buf_fini(&l->text);
	buf_fini(&l->names);
}

void engine_why_late(const struct engine *w, unsigned line, bool counted, struct err *why)
{
	const struct err late = { .msg = "its window was closed" };
	struct why_list list = { 0 };

	if (!counted) {
		err_set(why, EX_DATAERR, "late: its window was closed");
		return;
	}
	for (size_t i = 0; i < w->plan->n_metrics; i++)
		if (w->metric[i].late >> line & 1)
			why_list_add(&list, w->plan->metric[i].def->m.name, &late);
	why_list_finish(&list, counted, why);
	err_in(why, "late");
}

void engine_why(struct engine *w, unsigned line, bool counted, struct err *why)
{
	struct why_list list = { 0 };

	if (scan_status(&w->batch, line) == SCAN_BAD) {
		scan_why(slice(w->batch.start[line], w->batch.length[line]), why);
		return;
	}
	if (time_is_wrong(w, line, why))
		return;
	for (size_t i = 0; i < w->plan->n_metrics; i++) {
		const struct plan_metric *m = &w->plan->metric[i];
		struct err reason = ERR_INIT;

		if (!(w->metric[i].bad >> line & 1))
			continue;
		why_metric(w, m, line, &reason);
		why_list_add(&list, m->def->m.name, &reason);
	}
	why_list_finish(&list, counted, why);
}
