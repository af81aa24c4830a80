/* A rule as JSON, in one form: members in the order of the grammar, what is not given or stands
 * at its default left out. */
#include "agg/rule.h"

#include <stdio.h>

#include "base/num.h"
#include "json/json.h"

static void put_key(struct buf *out, const char *key)
{
	if (out->p[out->n - 1] != '{')
		buf_addc(out, ',');
	json_quote_z(out, key);
	buf_addc(out, ':');
}

static void put_text(struct buf *out, const char *key, struct slice text)
{
	if (!text.p)
		return;
	put_key(out, key);
	json_quote(out, text);
}

static void put_duration(struct buf *out, const char *key, int64_t us)
{
	char text[32];

	if (us <= 0)
		return;
	put_key(out, key);
	json_quote(out, slice(text, num_duration_text(us, text)));
}

static void put_count(struct buf *out, const char *key, uint64_t n)
{
	put_key(out, key);
	buf_addu(out, n);
}

static void put_flag(struct buf *out, const char *key, bool on)
{
	if (!on)
		return;
	put_key(out, key);
	buf_addz(out, "true");
}

static void put_numbers(struct buf *out, const char *key, const dec *v, size_t n)
{
	char text[DEC_TEXT_BYTES];

	put_key(out, key);
	for (size_t i = 0; i < n; i++) {
		buf_addc(out, i ? ',' : '[');
		buf_add(out, text, dec_text(v[i], text));
	}
	buf_addc(out, ']');
}

static void put_dim(struct buf *out, const struct rule_dim *d)
{
	if (!d->as.p && !d->lower && !d->explode && !d->bytes_max && !d->class_step && !d->bounds) {
		json_quote(out, d->path);
		return;
	}
	buf_addc(out, '{');
	put_text(out, "path", d->path);
	put_text(out, "as", d->as);
	put_flag(out, "lower", d->lower);
	if (d->bytes_max)
		put_count(out, "max", d->bytes_max);
	if (d->class_step)
		put_count(out, "class", d->class_step);
	if (d->bounds)
		put_numbers(out, "class", d->bound, d->bounds);
	put_flag(out, "explode", d->explode);
	buf_addc(out, '}');
}

static void put_measure(struct buf *out, const struct rule_measure *m)
{
	bool quantiles = rule_op_find(m->op)->needs & RULE_OP_QUANTILES;
	char op[64];

	snprintf(op, sizeof(op), "%.*s", (int)m->op.n, m->op.p);
	buf_addc(out, '{');
	if (m->path.p)
		put_text(out, op, m->path);
	else
		put_flag(out, op, true);
	put_text(out, "by", m->by);
	if (m->args)
		put_numbers(out, quantiles ? "at" : "bounds", m->arg, m->args);
	put_text(out, "where", m->where);
	buf_addc(out, '}');
}

/* Measures have their names only after the metric was made; the one of the short form has none. */
static void put_measures(struct buf *out, const struct rule *r)
{
	if (r->measures == 1 && !r->measure->name.p && !r->measure->where.p && !r->measure->by.p &&
	    !r->measure->args) {
		put_text(out, "metric", r->measure->op);
		put_text(out, "field", r->measure->path);
		return;
	}
	put_key(out, "aggregates");
	buf_addc(out, '{');
	for (size_t i = 0; i < r->measures; i++) {
		struct buf name = { 0 };

		rule_measure_name(&r->measure[i], &name);
		put_key(out, buf_z(&name));
		put_measure(out, &r->measure[i]);
		buf_fini(&name);
	}
	buf_addc(out, '}');
}

static void put_test(struct buf *out, const struct rule_test *t)
{
	buf_addc(out, '{');
	put_text(out, "name", t->name);
	put_key(out, "in");
	for (size_t i = 0; i < t->inputs; i++) {
		buf_addz(out, i ? "," : "[");
		buf_addz(out, t->in[i].file ? "{\"file\":" : "");
		json_quote(out, t->in[i].text);
		buf_addz(out, t->in[i].file ? "}" : "");
	}
	buf_addz(out, t->inputs ? "]" : "[]");
	if (t->rows) {
		put_key(out, "rows");
		for (size_t i = 0; i < t->rows; i++) {
			buf_addz(out, i ? "," : "[");
			buf_adds(out, t->row[i]);
		}
		buf_addc(out, ']');
	}
	if (t->has_late)
		put_count(out, "late", t->late);
	if (t->has_dead)
		put_count(out, "dead", t->dead);
	if (t->exact)
		put_text(out, "match", slice_z("exact"));
	buf_addc(out, '}');
}

void rule_json(const struct rule *r, struct buf *out)
{
	buf_addc(out, '{');
	put_text(out, "rule_id", r->id);
	if (r->version != 1)
		put_count(out, "version", r->version);
	put_duration(out, "window_size", r->window.size_us);
	put_duration(out, "slide", r->window.slide_us);
	put_duration(out, "gap", r->window.gap_us);
	put_duration(out, "max_length", r->window.length_us);
	put_text(out, "time", r->time);
	put_text(out, "time_unit", r->unit);
	put_text(out, "time_format", r->format);
	put_text(out, "zone", r->zone);
	put_text(out, "where", r->where);
	if (r->dims) {
		put_key(out, "group_by");
		for (size_t i = 0; i < r->dims; i++) {
			buf_addc(out, i ? ',' : '[');
			put_dim(out, &r->dim[i]);
		}
		buf_addc(out, ']');
	}
	put_measures(out, r);
	if (r->lateness_us >= 0) {
		char text[32];

		put_key(out, "lateness");
		json_quote(out, slice(text, num_duration_text(r->lateness_us, text)));
	}
	if (r->groups_max)
		put_count(out, "max_groups", r->groups_max);
	if (r->folds) {
		put_key(out, "fold");
		for (size_t i = 0; i < r->folds; i++) {
			buf_addc(out, i ? ',' : '[');
			json_quote(out, r->fold[i]);
		}
		buf_addc(out, ']');
	}
	if (!r->active) {
		put_key(out, r->retired ? "retired" : "active");
		buf_addz(out, r->retired ? "true" : "false");
	}
	put_text(out, "note", r->note);
	if (r->tests) {
		put_key(out, "tests");
		for (size_t i = 0; i < r->tests; i++) {
			buf_addc(out, i ? ',' : '[');
			put_test(out, &r->test[i]);
		}
		buf_addc(out, ']');
	}
	buf_addc(out, '}');
}
