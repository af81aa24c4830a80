/* Operations and the checks that all notations of a rule share. */
#include "agg/rule_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "json/path.h"
#include "row/columns.h"

enum { QUANTILE_DIGITS_MAX = 9 };

static const struct rule_op ops[] = {
	{ "count", RULE_OP_NO_PATH },
	{ "sum", RULE_OP_PATH },
	{ "min", RULE_OP_PATH },
	{ "max", RULE_OP_PATH },
	{ "avg", RULE_OP_PATH },
	{ "stddev", RULE_OP_PATH },
	{ "rate", RULE_OP_NO_PATH },
	{ "first", RULE_OP_PATH },
	{ "last", RULE_OP_PATH },
	{ "arg_min", RULE_OP_PATH | RULE_OP_BY },
	{ "arg_max", RULE_OP_PATH | RULE_OP_BY },
	{ "uniq", RULE_OP_PATH },
	{ "uniq_exact", RULE_OP_PATH },
	{ "quantiles", RULE_OP_PATH | RULE_OP_QUANTILES },
	{ "histogram", RULE_OP_PATH | RULE_OP_BOUNDS },
	{ "p", RULE_OP_PATH },
};
enum { OPS = sizeof(ops) / sizeof(ops[0]) };

bool rule_op_quantile(struct slice name, dec *q)
{
	dec value = 0, unit = 1000000000;

	if (name.n < 3 || name.n > 1 + QUANTILE_DIGITS_MAX || name.p[0] != 'p')
		return false;
	for (size_t i = 1; i < name.n; i++) {
		if (name.p[i] < '0' || name.p[i] > '9')
			return false;
		unit /= 10;
		value += (name.p[i] - '0') * unit;
	}
	*q = value;
	return value > 0;
}

const struct rule_op *rule_op_at(size_t i)
{
	return i < OPS ? &ops[i] : NULL;
}

const struct rule_op *rule_op_find(struct slice name)
{
	dec q;

	for (size_t i = 0; i < OPS - 1; i++)
		if (slice_is(name, ops[i].name))
			return &ops[i];
	return rule_op_quantile(name, &q) ? &ops[OPS - 1] : NULL;
}

int rule_op_unknown(struct slice name, int code, struct err *err)
{
	const char *candidates[OPS + 1] = { 0 }, *near;
	char *word = mem_dup(name.p, name.n);

	for (size_t i = 0; i < OPS - 1; i++)
		candidates[i] = ops[i].name;
	near = str_nearest(word, candidates);
	err_set(err, code,
		near ? "unknown operation \"%s\" (did you mean \"%s\"?)"
		     : "unknown operation \"%s\": count, sum, min, max, avg, stddev, "
		       "rate, first, last, arg_min, arg_max, uniq, uniq_exact, p50, "
		       "p99, quantiles, histogram",
		word, near);
	free(word);
	return -1;
}

struct rule *rules_add(struct rules *r)
{
	r->v = mem_grow(r->v, r->n + 1, sizeof(*r->v));
	r->v[r->n] = (struct rule){ .version = 1, .active = true, .lateness_us = -1 };
	return &r->v[r->n++];
}

void rules_fini(struct rules *r)
{
	free(r->v);
	arena_fini(&r->arena);
	*r = (struct rules){ 0 };
}

void *rule_grow(struct arena *a, const void *old, size_t n, size_t size)
{
	char *new = arena_alloc(a, (n + 1) * size);

	if (n)
		memcpy(new, old, n * size);
	memset(new + n *size, 0, size);
	return new;
}

int rule_duration(struct slice text, int64_t *us, int code, struct err *err)
{
	char *z = mem_dup(text.p, text.n);
	int rc = num_duration(z, us, err);

	if (rc)
		err->code = code;
	else if (*us <= 0)
		rc = err_set(err, code, "\"%s\": must be longer than 0", z);
	free(z);
	return rc;
}

/* Of numbers that have to go up. */
static bool ascending(const dec *v, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (v[i] <= v[i - 1])
			return false;
	return true;
}

static bool are_quantiles(const dec *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[i] <= 0 || v[i] > 1000000000)
			return false;
	return n > 0;
}

int rule_measure_check(const struct rule_measure *m, int code, struct err *err)
{
	const struct rule_op *op = rule_op_find(m->op);
	int n = (int)m->op.n;
	const char *p = m->op.p;

	if (!op)
		return rule_op_unknown(m->op, code, err);
	if (!m->path.p && op->needs & RULE_OP_PATH)
		return err_set(err, code, "%.*s needs a path: %.*s(latency_ms)", n, p, n, p);
	if (!m->by.p && op->needs & RULE_OP_BY)
		return err_set(err, code, "%.*s needs a second path, by which it chooses", n, p);
	if (m->by.p && !(op->needs & RULE_OP_BY))
		return err_set(err, code, "%.*s takes one path", n, p);
	if (op->needs & RULE_OP_QUANTILES && !are_quantiles(m->arg, m->args))
		return err_set(err, code, "%.*s needs quantiles above 0 and up to 1, such as 0.99",
			       n, p);
	if (op->needs & RULE_OP_BOUNDS && (!m->args || !ascending(m->arg, m->args)))
		return err_set(err, code, "%.*s needs bounds in ascending order, such as 10, 50", n,
			       p);
	if (m->args && !(op->needs & (RULE_OP_QUANTILES | RULE_OP_BOUNDS)))
		return err_set(err, code, "%.*s takes no numbers", n, p);
	return 0;
}

int rule_window_check(struct rule_window *w, int code, struct err *err)
{
	bool session = w->gap_us || w->length_us;

	if (session && (w->size_us || w->slide_us))
		return err_set(err, code,
			       "a window is either of a fixed size or a session with "
			       "a gap, not both");
	if (w->slide_us && !w->size_us)
		return err_set(err, code, "a slide needs the window's size");
	if (w->length_us && !w->gap_us)
		return err_set(err, code, "a longest length needs the session's gap");
	if (w->slide_us && (w->slide_us > w->size_us || w->size_us % w->slide_us))
		return err_set(err, code, "the slide must divide the window's size");
	if (session && w->length_us && w->length_us < w->gap_us)
		return err_set(err, code, "a session's longest length is shorter than its gap");
	w->kind = session                                   ? RULE_SESSION
		  : w->slide_us && w->slide_us < w->size_us ? RULE_HOPPING
		  : w->size_us                              ? RULE_TUMBLING
							    : RULE_NO_WINDOW;
	if (w->kind == RULE_TUMBLING)
		w->slide_us = 0;
	return 0;
}

void rule_measure_name(const struct rule_measure *m, struct buf *out)
{
	struct path p;
	size_t start;

	buf_adds(out, m->name.p ? m->name : m->op);
	if (m->name.p || !m->path.p || path_parse(&p, m->path, NULL))
		return;
	buf_addc(out, '_');
	start = out->n;
	buf_addz(out, p.name);
	path_fini(&p);
	for (size_t i = start; i < out->n; i++)
		if (out->p[i] == '.')
			out->p[i] = '_';
}

int rule_names_check(const struct rule *r, int code, struct err *err)
{
	struct buf a = { 0 }, b = { 0 };
	int rc = 0;

	for (size_t i = 0; i < r->measures && rc == 0; i++) {
		a.n = 0;
		rule_measure_name(&r->measure[i], &a);
		if (!measure_name_ok(buf_slice(&a)))
			rc = err_set(err, code,
				     "\"%s\" is no name of a measure (1 to 63 letters, digits and "
				     "underscores): give it one, NAME=%.*s(..)",
				     buf_z(&a), (int)r->measure[i].op.n, r->measure[i].op.p);
		for (size_t k = 0; k < i && rc == 0; k++) {
			b.n = 0;
			rule_measure_name(&r->measure[k], &b);
			if (slice_eq(buf_slice(&a), buf_slice(&b)))
				rc = err_set(err, code, "two measures are called %s", buf_z(&a));
		}
	}
	buf_fini(&a);
	buf_fini(&b);
	return rc;
}

void rule_measure_text(const struct rule_measure *m, struct buf *out)
{
	char text[DEC_TEXT_BYTES];

	if (m->name.p) {
		buf_adds(out, m->name);
		buf_addc(out, '=');
	}
	buf_adds(out, m->op);
	if (m->path.p) {
		buf_addc(out, '(');
		buf_adds(out, m->path);
		if (m->by.p) {
			buf_addz(out, ", ");
			buf_adds(out, m->by);
		}
		for (size_t i = 0; i < m->args; i++) {
			buf_addz(out, ", ");
			buf_add(out, text, dec_text(m->arg[i], text));
		}
		buf_addc(out, ')');
	}
	if (m->where.p) {
		buf_addz(out, " if ");
		buf_adds(out, m->where);
	}
}

static bool windows_differ(const struct rule_window *a, const struct rule_window *b)
{
	return a->kind && b->kind &&
	       (a->kind != b->kind || a->size_us != b->size_us || a->slide_us != b->slide_us ||
		a->gap_us != b->gap_us || a->length_us != b->length_us);
}

int rules_join(struct rules *r, struct err *err)
{
	const struct rule *line = &r->v[--r->n];
	struct rule *to = &r->v[r->n - 1];

	if (windows_differ(&to->window, &line->window))
		return err_set(err, EX_USAGE, "lines of one metric ask for two windows");
	if (line->window.kind)
		to->window = line->window;
	if (line->where.p)
		to->where = line->where;
	for (size_t i = 0; i < line->measures; i++, to->measures++) {
		to->measure = rule_grow(&r->arena, to->measure, to->measures, sizeof(*to->measure));
		to->measure[to->measures] = line->measure[i];
	}
	for (size_t i = 0; i < line->dims; i++, to->dims++) {
		to->dim = rule_grow(&r->arena, to->dim, to->dims, sizeof(*to->dim));
		to->dim[to->dims] = line->dim[i];
	}
	return 0;
}
