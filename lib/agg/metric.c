/* From the words of options to a definition, and from a definition to the two texts that leave the
 * program. The canonical text is hashed (cfg) and compared by sinks, so it has to come out the same
 * however the same is said: dimensions and measures are kept in order of their names from the
 * moment they are added (they are few: a shift each), and paths are written in their one canonical
 * form. What a metric does not use has no line there. A new option thus leaves the cfg of all
 * metrics that do without it, and of what is stored, as it was. The definition in JSON is for
 * people: its paths look as they were typed. */
#include "agg/metric.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/tm.h"
#include "json/json.h"

const char *const metric_units[] = {
	[VALUE_RFC3339] = "", [VALUE_S] = "s",   [VALUE_MS] = "ms",
	[VALUE_US] = "us",    [VALUE_NS] = "ns",
};

void metric_fini(struct metric *m)
{
	for (size_t i = 0; i < m->n_dims; i++) {
		path_fini(&m->dim[i]);
		shape_fini(&m->shaped[i].shape);
	}
	if (m->has_value)
		path_fini(&m->value);
	if (m->has_uniq)
		path_fini(&m->uniq);
	for (size_t i = 0; i < m->n_measures; i++)
		metric_measure_fini(&m->measure[i]);
	free(m->measure);
	free(m->where);
	free(m->final.top_by);
	free(m->dim);
	free(m->shaped);
	free(m->name);
	*m = (struct metric){ 0 };
}

int metric_name_check(const char *name, struct err *err)
{
	size_t n = strlen(name);

	if (n == 0 || n > METRIC_NAME_MAX)
		return err_set(err, EX_USAGE, "a metric's name has 1 to %d bytes, this one has %zu",
			       METRIC_NAME_MAX, n);
	if (!str_utf8(name, n))
		return err_set(err, EX_USAGE, "a metric's name is UTF-8, this one is not");
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)
			return err_set(err, EX_USAGE,
				       "a metric's name has no control characters, this one has "
				       "one at byte %zu",
				       i + 1);
	return 0;
}

/* ---- dimensions */

/* Bytes of the first path of a list: up to a comma that stands in no quotes. */
static size_t first_path(struct slice list)
{
	bool quoted = false;

	for (size_t i = 0; i < list.n; i++) {
		if (list.p[i] == '\\' && quoted)
			i++;
		else if (list.p[i] == '"')
			quoted = !quoted;
		else if (list.p[i] == ',' && !quoted)
			return i;
	}
	return list.n;
}

static struct slice trim_metric(struct slice s)
{
	for (; s.n && s.p[0] == ' '; s.p++)
		s.n--;
	while (s.n && s.p[s.n - 1] == ' ')
		s.n--;
	return s;
}

static int add_dim(struct metric *m, struct path *p, bool named, const struct shape *shape,
		   struct err *err)
{
	size_t i = m->n_dims, bytes = strlen(p->name);

	if (bytes > METRIC_DIM_NAME_MAX)
		return err_set(err, EX_USAGE,
			       "a dimension's name has at most %d bytes, "
			       "this one has %zu",
			       METRIC_DIM_NAME_MAX, bytes);
	while (i > 0 && slice_cmp(slice_z(m->dim[i - 1].name), slice_z(p->name)) > 0)
		i--;
	if (i > 0 && strcmp(m->dim[i - 1].name, p->name) == 0)
		return err_set(err, EX_USAGE, "two dimensions are called %s", p->name);
	if (m->n_dims == METRIC_DIMS_MAX)
		return err_set(err, EX_USAGE, "a metric has at most %d dimensions",
			       METRIC_DIMS_MAX);
	m->dim = mem_grow(m->dim, m->n_dims + 1, sizeof(*m->dim));
	memmove(m->dim + i + 1, m->dim + i, (m->n_dims - i) * sizeof(*m->dim));
	m->dim[i] = *p;
	m->shaped = mem_grow(m->shaped, m->n_dims + 1, sizeof(*m->shaped));
	memmove(m->shaped + i + 1, m->shaped + i, (m->n_dims - i) * sizeof(*m->shaped));
	m->shaped[i] = (struct metric_shaped){ .named = named };
	shape_copy(shape, &m->shaped[i].shape);
	m->has_shapes |= named || !shape_is_plain(shape);
	m->n_dims++;
	return 0;
}

int metric_add_shaped(struct metric *m, struct slice path, struct slice as,
		      const struct shape *shape, struct err *err)
{
	struct path p;
	bool named;

	if (path_parse(&p, path, err))
		return -1;
	named = as.p && !slice_is(as, p.name);
	if (named) {
		free(p.name);
		p.name = mem_dup(as.p, as.n);
	}
	if (add_dim(m, &p, named, shape, err) == 0)
		return 0;
	path_fini(&p);
	return -1;
}

int metric_add_dims(struct metric *m, struct slice list, struct err *err)
{
	static const struct shape plain;

	if (trim_metric(list).n == 0)
		return 0;
	for (;;) {
		size_t n = first_path(list);

		if (metric_add_shaped(m, trim_metric(slice(list.p, n)), slice(NULL, 0), &plain,
				      err))
			return -1;
		if (n == list.n)
			return 0;
		list = slice(list.p + n + 1, list.n - n - 1);
	}
}

/* ---- what it means */

static void cfg_line(struct buf *b, const char *what, const struct path *p)
{
	buf_addz(b, what);
	path_canonical(p, b);
	buf_addc(b, '\n');
}

static void cfg_dim(struct buf *b, const struct metric *m, size_t i)
{
	buf_addz(b, "by ");
	path_canonical(&m->dim[i], b);
	if (m->shaped[i].named) {
		buf_addz(b, " as ");
		json_quote_z(b, m->dim[i].name);
	}
	shape_canonical(&m->shaped[i].shape, b);
	buf_addc(b, '\n');
}

static void cfg_condition(struct buf *b, const char *what, const char *where, const char *end)
{
	if (!where)
		return;
	buf_addz(b, what);
	json_quote_z(b, where);
	buf_addz(b, end);
}

static void put_args(struct buf *b, const char *between, const struct metric_measure *m)
{
	char text[DEC_TEXT_BYTES];

	for (size_t i = 0; i < m->args; i++) {
		buf_addz(b, between);
		buf_add(b, text, dec_text(m->arg[i], text));
	}
}

static void put_by(struct buf *b, const char *between, const struct metric_measure *m)
{
	if (!m->has_by)
		return;
	buf_addz(b, between);
	path_canonical(&m->by, b);
}

static void cfg_measure(struct buf *b, const struct metric_measure *m)
{
	buf_printf(b, "agg %s %s", m->name, m->op);
	if (m->has_path) {
		buf_addc(b, ' ');
		path_canonical(&m->path, b);
	}
	put_by(b, " ", m);
	put_args(b, " ", m);
	cfg_condition(b, " if ", m->where, "");
	buf_addc(b, '\n');
}

void metric_hash_text(struct slice text, char out[METRIC_CFG_CHARS + 1])
{
	snprintf(out, METRIC_CFG_CHARS + 1, "%016llx", (unsigned long long)hash_64(text.p, text.n));
}

void metric_cfg(const struct metric *m, const struct metric_common *c,
		char out[METRIC_CFG_CHARS + 1])
{
	struct buf b = { 0 };

	buf_addz(&b, "hta-metric 1\n");
	window_canonical(&m->window, &b);
	if (c->log_time)
		buf_addz(&b, "time " METRIC_LOG_TIME "\n");
	else
		cfg_line(&b, "time ", &c->time);
	if (c->when.unit != VALUE_RFC3339)
		buf_printf(&b, "unit %s\n", metric_units[c->when.unit]);
	if (c->when.zone)
		buf_printf(&b, "zone %s\n", zone_name(c->when.zone));
	if (c->when.form)
		buf_printf(&b, "format %s\n", timeform_name(c->when.form));
	for (size_t i = 0; i < m->n_dims; i++)
		cfg_dim(&b, m, i);
	if (m->has_value)
		cfg_line(&b, "value ", &m->value);
	if (m->has_uniq)
		cfg_line(&b, "uniq ", &m->uniq);
	cfg_condition(&b, "where ", m->where, "\n");
	for (size_t i = 0; i < m->n_measures; i++)
		cfg_measure(&b, &m->measure[i]);
	if (c->exact)
		buf_addz(&b, "exact\n");
	if (c->ahead_dead)
		buf_printf(&b, "ahead %lld\n", (long long)c->max_ahead_us);
	metric_hash_text(buf_slice(&b), out);
	buf_fini(&b);
}

/* The path as it is typed: without the leading dot where the first step needs no quotes. */
static void def_path(struct buf *out, const struct path *p)
{
	struct buf b = { 0 };
	size_t dot;

	path_canonical(p, &b);
	dot = b.n > 1 && b.p[0] == '.' && b.p[1] != '"';
	json_quote(out, slice(b.p + dot, b.n - dot));
	buf_fini(&b);
}

/* "endpoint", {"path":"status","as":"class","class":100} */
static void def_dim(struct buf *out, const struct metric *m, size_t i)
{
	const struct metric_shaped *x = &m->shaped[i];

	if (!x->named && shape_is_plain(&x->shape)) {
		def_path(out, &m->dim[i]);
		return;
	}
	buf_addz(out, "{\"path\":");
	def_path(out, &m->dim[i]);
	if (x->named) {
		buf_addz(out, ",\"as\":");
		json_quote_z(out, m->dim[i].name);
	}
	shape_describe(&x->shape, out);
	buf_addc(out, '}');
}

/* "latency":"avg(.latency_ms)", "errors":"count if .status >= 500" */
static void def_measure(struct buf *out, const struct metric_measure *m, bool first)
{
	struct buf text = { 0 };

	buf_printf(out, "%s\"%s\":", first ? ",\"agg\":{" : ",", m->name);
	buf_addz(&text, m->op);
	if (m->has_path) {
		buf_addc(&text, '(');
		path_canonical(&m->path, &text);
		put_by(&text, ", ", m);
		put_args(&text, ", ", m);
		buf_addc(&text, ')');
	}
	if (m->where)
		buf_printf(&text, " if %s", m->where);
	json_quote(out, buf_slice(&text));
	buf_fini(&text);
}

void metric_describe(const struct metric *m, const struct metric_common *c, struct buf *out)
{
	buf_addc(out, '{');
	window_define(&m->window, out);
	buf_addz(out, ",\"time\":");
	if (c->log_time)
		buf_addz(out, "\"" METRIC_LOG_TIME "\"");
	else
		def_path(out, &c->time);
	if (c->when.unit != VALUE_RFC3339)
		buf_printf(out, ",\"unit\":\"%s\"", metric_units[c->when.unit]);
	if (c->when.zone) {
		buf_addz(out, ",\"zone\":");
		json_quote_z(out, zone_name(c->when.zone));
	}
	if (c->when.form) {
		buf_addz(out, ",\"format\":");
		json_quote_z(out, timeform_name(c->when.form));
	}
	buf_addz(out, ",\"by\":[");
	for (size_t i = 0; i < m->n_dims; i++) {
		if (i)
			buf_addc(out, ',');
		def_dim(out, m, i);
	}
	buf_addc(out, ']');
	if (m->has_value) {
		buf_addz(out, ",\"value\":");
		def_path(out, &m->value);
	}
	if (m->has_uniq) {
		buf_addz(out, ",\"uniq\":");
		def_path(out, &m->uniq);
	}
	cfg_condition(out, ",\"where\":", m->where, "");
	for (size_t i = 0; i < m->n_measures; i++)
		def_measure(out, &m->measure[i], i == 0);
	buf_addz(out, m->n_measures ? "}" : "");
	if (c->exact)
		buf_addz(out, ",\"exact\":true");
	if (c->ahead_dead) {
		char ahead[32];

		ahead[num_duration_text(c->max_ahead_us, ahead)] = 0;
		buf_printf(out, ",\"max_ahead\":\"%s\"", ahead);
	}
	buf_addc(out, '}');
}
