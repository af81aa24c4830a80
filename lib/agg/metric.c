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
	[VALUE_RFC3339] = "", [VALUE_S] = "s", [VALUE_MS] = "ms", [VALUE_US] = "us", [VALUE_NS] = "ns",
};

void metric_fini(struct metric *m)
{
	for (size_t i = 0; i < m->n_dims; i++)
		path_fini(&m->dim[i]);
	if (m->has_value)
		path_fini(&m->value);
	if (m->has_uniq)
		path_fini(&m->uniq);
	free(m->dim);
	free(m->name);
	*m = (struct metric){ 0 };
}

int metric_name_check(const char *name, struct err *err)
{
	size_t n = strlen(name);

	if (n == 0 || n > METRIC_NAME_MAX)
		return err_set(err, EX_USAGE, "a metric's name has 1 to %d bytes, this one has %zu", METRIC_NAME_MAX, n);
	if (!str_utf8(name, n))
		return err_set(err, EX_USAGE, "a metric's name is UTF-8, this one is not");
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)
			return err_set(err, EX_USAGE, "a metric's name has no control characters, this one has one at byte %zu", i + 1);
	return 0;
}

int metric_every_check(int64_t every_us, struct err *err)
{
	if (every_us >= METRIC_EVERY_MIN_US && every_us <= METRIC_EVERY_MAX_US && every_us % METRIC_EVERY_MIN_US == 0)
		return 0;
	return err_set(err, EX_USAGE, "a window is 1ms to 366d long, in whole milliseconds");
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

static int add_dim(struct metric *m, struct path *p, struct err *err)
{
	size_t i = m->n_dims, bytes = strlen(p->name);

	if (bytes > METRIC_DIM_NAME_MAX)
		return err_set(err, EX_USAGE, "a dimension's name has at most %d bytes, "
			"this one has %zu", METRIC_DIM_NAME_MAX, bytes);
	while (i > 0 && slice_cmp(slice_z(m->dim[i - 1].name), slice_z(p->name)) > 0)
		i--;
	if (i > 0 && strcmp(m->dim[i - 1].name, p->name) == 0)
		return err_set(err, EX_USAGE, "two dimensions are called %s", p->name);
	if (m->n_dims == METRIC_DIMS_MAX)
		return err_set(err, EX_USAGE, "a metric has at most %d dimensions", METRIC_DIMS_MAX);
	m->dim = mem_grow(m->dim, m->n_dims + 1, sizeof(*m->dim));
	memmove(m->dim + i + 1, m->dim + i, (m->n_dims - i) * sizeof(*m->dim));
	m->dim[i] = *p;
	m->n_dims++;
	return 0;
}

int metric_add_dims(struct metric *m, struct slice list, struct err *err)
{
	if (trim_metric(list).n == 0)
		return 0;
	for (;;) {
		size_t n = first_path(list);
		struct path p;

		if (path_parse(&p, trim_metric(slice(list.p, n)), err))
			return -1;
		if (add_dim(m, &p, err)) {
			path_fini(&p);
			return -1;
		}
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

void metric_hash_text(struct slice text, char out[METRIC_CFG_CHARS + 1])
{
	snprintf(out, METRIC_CFG_CHARS + 1, "%016llx", (unsigned long long)hash_64(text.p, text.n));
}

void metric_cfg(const struct metric *m, const struct metric_common *c, char out[METRIC_CFG_CHARS + 1])
{
	struct buf b = { 0 };

	buf_printf(&b, "hta-metric 1\nevery %lld\n", (long long)m->every_us);
	cfg_line(&b, "time ", &c->time);
	if (c->when.unit != VALUE_RFC3339)
		buf_printf(&b, "unit %s\n", metric_units[c->when.unit]);
	if (c->when.zone)
		buf_printf(&b, "zone %s\n", zone_name(c->when.zone));
	if (c->when.form)
		buf_printf(&b, "format %s\n", timeform_name(c->when.form));
	for (size_t i = 0; i < m->n_dims; i++)
		cfg_line(&b, "by ", &m->dim[i]);
	if (m->has_value)
		cfg_line(&b, "value ", &m->value);
	if (m->has_uniq)
		cfg_line(&b, "uniq ", &m->uniq);
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

void metric_def(const struct metric *m, const struct metric_common *c, struct buf *out)
{
	char every[32];

	every[num_duration_text(m->every_us, every)] = 0;
	buf_printf(out, "{\"every\":\"%s\",\"time\":", every);
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
		def_path(out, &m->dim[i]);
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
	if (c->exact)
		buf_addz(out, ",\"exact\":true");
	if (c->ahead_dead) {
		char ahead[32];

		ahead[num_duration_text(c->max_ahead_us, ahead)] = 0;
		buf_printf(out, ",\"max_ahead\":\"%s\"", ahead);
	}
	buf_addc(out, '}');
}
