/* A name's number is looked for among the row's classic fields first, then among its measures,
 * whose texts are numbers as JSON has them. */
#include "read/ratios.h"

#include <math.h>
#include <stdlib.h>

#include "agg/fn.h"
#include "base/mem.h"

#define UNIT 1000000000 /* a dec has nine decimals */

void ratios_fini(struct ratios *r)
{
	free(r->v);
	*r = (struct ratios){ 0 };
}

int ratios_add(struct ratios *r, const char *text, struct err *err)
{
	struct ratio x = { .text = text };
	const char *slash = strchr(text, '/');

	if (slash) {
		x.above = slice(text, (size_t)(slash - text));
		x.below = slice_z(slash + 1);
	}
	if (!measure_name_ok(x.above) || !measure_name_ok(x.below))
		return err_set(err, EX_USAGE,
			       "\"%s\" is not NAME/NAME (errors/requests, sum/value_count)", text);
	r->v = mem_grow(r->v, r->n + 1, sizeof(*r->v));
	r->v[r->n++] = x;
	return 0;
}

/* ---- a number of a row */

enum number { NUMBER_UNKNOWN, NUMBER_NULL, NUMBER_EXACT, NUMBER_DOUBLE };

struct ratio_number {
	struct slice name;
	enum number is;
	dec exact;
	double real;
};

static void set_exact(struct ratio_number *n, dec v)
{
	n->is = NUMBER_EXACT;
	n->exact = v;
	n->real = (double)v / UNIT;
}

static void take_measure(void *arg, struct slice name, struct slice value)
{
	struct ratio_number *n = arg;
	struct buf text = { 0 };

	if (!slice_eq(name, n->name))
		return;
	n->is = NUMBER_NULL;
	if (dec_parse(value, &n->exact) == DEC_OK) {
		set_exact(n, n->exact);
	} else if (value.n && (*value.p == '-' || (*value.p >= '0' && *value.p <= '9'))) {
		buf_adds(&text, value);
		n->is = NUMBER_DOUBLE;
		n->real = strtod(buf_z(&text), NULL);
	}
	buf_fini(&text);
}

static void find_number(const struct rollup *row, struct ratio_number *n)
{
	const struct {
		const char *name;
		bool has, is;
		dec v;
	} field[] = {
		{ "count", true, true, (dec)row->count * UNIT },
		{ "value_count", row->has_value, true, (dec)row->value_count * UNIT },
		{ "sum", row->has_value, row->value_count, row->sum },
		{ "min", row->has_value, row->value_count, row->min },
		{ "max", row->has_value, row->value_count, row->max },
		{ "uniq", row->has_uniq, true, (dec)row->uniq * UNIT },
	};

	n->is = NUMBER_UNKNOWN;
	for (size_t i = 0; i < sizeof(field) / sizeof(*field); i++) {
		if (!field[i].has || !slice_is(n->name, field[i].name))
			continue;
		n->is = NUMBER_NULL;
		if (field[i].is)
			set_exact(n, field[i].v);
		return;
	}
	fn_each_measure(row->cell, row->cells, row->end_us - row->start_us, take_measure, n);
}

int ratios_check(const struct ratios *r, const struct rollup *row, struct err *err)
{
	for (size_t i = 0; i < r->n; i++) {
		struct ratio_number above = { .name = r->v[i].above },
				    below = { .name = r->v[i].below };
		struct slice missing;

		find_number(row, &above);
		find_number(row, &below);
		missing = above.is == NUMBER_UNKNOWN ? above.name : below.name;
		if (above.is == NUMBER_UNKNOWN || below.is == NUMBER_UNKNOWN)
			return err_set(err, EX_USAGE,
				       "--ratio %s: rows of metric %.*s have no number \"%.*s\"",
				       r->v[i].text, (int)row->metric.n, row->metric.p,
				       (int)missing.n, missing.p);
	}
	return 0;
}

void ratio_value(const struct ratio *r, const struct rollup *row, struct buf *out)
{
	struct ratio_number above = { .name = r->above }, below = { .name = r->below };
	bool none;

	find_number(row, &above);
	find_number(row, &below);
	none = above.is < NUMBER_EXACT || below.is < NUMBER_EXACT || below.real == 0 ||
	       !isfinite(above.real / below.real);
	if (none)
		buf_addz(out, "null");
	else if (above.is == NUMBER_DOUBLE || below.is == NUMBER_DOUBLE)
		fn_put_double(above.real / below.real, out);
	else if (below.exact < 0)
		fn_put_ratio(-above.exact, -below.exact, out);
	else
		fn_put_ratio(above.exact, below.exact, out);
}

/* ---- one number of a row */

int ratio_or_number(struct ratio *r, const char *text, struct err *err)
{
	struct ratios list = { 0 };
	int rc = 0;

	*r = (struct ratio){ .text = text, .above = slice_z(text) };
	if (measure_name_ok(r->above))
		return 0;
	if (strchr(text, '/'))
		rc = ratios_add(&list, text, err);
	else
		rc = err_set(err, EX_USAGE, "\"%s\" is no NAME (count, p99_latency) or NAME/NAME",
			     text);
	if (rc == 0)
		*r = list.v[0];
	ratios_fini(&list);
	return rc;
}

enum ratio_has ratio_number(const struct ratio *r, const struct rollup *row, double *out)
{
	struct ratio_number above = { .name = r->above }, below = { .name = r->below };

	find_number(row, &above);
	if (!r->below.p)
		set_exact(&below, UNIT);
	else
		find_number(row, &below);
	if (above.is == NUMBER_UNKNOWN || below.is == NUMBER_UNKNOWN)
		return RATIO_UNKNOWN;
	if (above.is == NUMBER_NULL || below.is == NUMBER_NULL || below.real == 0)
		return RATIO_NULL;
	*out = above.real / below.real;
	return isfinite(*out) ? RATIO_NUMBER : RATIO_NULL;
}
