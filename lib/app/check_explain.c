/* A rule in words:
 *
 *	errors, version 2
 *	  counts     records for which .method == "GET"
 *	  a row      for each window of 1m, and each endpoint
 *	  count      how many records
 *	  latency    the mean of latency_ms, of records for which .status < 500
 *	  time       from ts, as RFC 3339
 *	  lateness   a window is final 30s after its end
 *
 * A line a part, its name in front. */
#include "app/check_internal.h"

#include <inttypes.h>

#include "base/num.h"

enum { NAME_COLUMN = 10 };

static void begin_line(struct buf *out, const char *name)
{
	size_t n = strlen(name);

	buf_addz(out, "  ");
	buf_addz(out, name);
	for (; n < NAME_COLUMN; n++)
		buf_addc(out, ' ');
	buf_addc(out, ' ');
}

static void put_us(struct buf *out, int64_t us)
{
	char text[32];

	buf_add(out, text, (size_t)num_duration_text(us, text));
}

static void put_dec(struct buf *out, dec v)
{
	char text[DEC_TEXT_BYTES];

	buf_add(out, text, dec_text(v, text));
}

/* What stands between the parts of a list: "a, b and c". */
static const char *between(size_t i, size_t n)
{
	return i == 0 ? "" : i + 1 == n ? " and " : ", ";
}

/* ---- measures */

/* What stands before the path, and behind it. */
static const struct {
	const char *op, *before, *behind;
} words_of[] = {
	{ "sum", "the sum of ", "" },
	{ "min", "the lowest ", "" },
	{ "max", "the highest ", "" },
	{ "avg", "the mean of ", "" },
	{ "stddev", "the standard deviation of ", "" },
	{ "rate", "the sum of ", ", a second" },
	{ "count", "how many records have something at ", "" },
	{ "first", "the ", " of the earliest record that has one" },
	{ "last", "the ", " of the latest record that has one" },
	{ "uniq", "how many different values of ", ", within 0.8 %" },
	{ "uniq_exact", "how many different values of ", ", exactly up to 10,000" },
};

static void put_percent(struct buf *out, dec q)
{
	put_dec(out, q * 100);
	buf_addz(out, " %");
}

static void put_with_args(struct buf *out, const struct rule_measure *m)
{
	dec q;

	if (rule_op_quantile(m->op, &q)) {
		put_percent(out, q);
		buf_addz(out, " of all ");
		buf_adds(out, m->path);
		buf_addz(out, " are up to this, within 0.55 %");
	} else if (slice_is(m->op, "quantiles")) {
		for (size_t i = 0; i < m->args; i++) {
			buf_addz(out, between(i, m->args));
			put_percent(out, m->arg[i]);
		}
		buf_addz(out, " of all ");
		buf_adds(out, m->path);
		buf_addz(out, " are up to these, within 0.55 %");
	} else if (slice_is(m->op, "histogram")) {
		buf_addz(out, "how many ");
		buf_adds(out, m->path);
		buf_addz(out, " are up to ");
		for (size_t i = 0; i < m->args; i++) {
			buf_addz(out, i ? ", " : "");
			put_dec(out, m->arg[i]);
		}
		buf_addz(out, ", each above the one before, and beyond");
	} else {
		buf_addz(out, "the ");
		buf_adds(out, m->path);
		buf_printf(out, " of the record with the %s ",
			   slice_is(m->op, "arg_min") ? "lowest" : "highest");
		buf_adds(out, m->by);
	}
}

static void put_operation(struct buf *out, const struct rule_measure *m)
{
	if (!m->path.p) {
		buf_addz(out, slice_is(m->op, "rate") ? "records a second" : "how many records");
		return;
	}
	for (size_t i = 0; i < sizeof(words_of) / sizeof(*words_of); i++)
		if (slice_is(m->op, words_of[i].op)) {
			buf_addz(out, words_of[i].before);
			buf_adds(out, m->path);
			buf_addz(out, words_of[i].behind);
			return;
		}
	put_with_args(out, m);
}

static void put_measures(struct buf *out, const struct rule *r)
{
	bool counts = false;

	for (size_t i = 0; i < r->measures; i++) {
		struct buf name = { 0 };

		rule_measure_name(&r->measure[i], &name);
		counts |= slice_is(buf_slice(&name), "count");
		buf_fini(&name);
	}
	if (!counts) {
		begin_line(out, "count");
		buf_addz(out, "how many records\n");
	}
	for (size_t i = 0; i < r->measures; i++) {
		struct buf name = { 0 };

		rule_measure_name(&r->measure[i], &name);
		begin_line(out, buf_z(&name));
		buf_fini(&name);
		put_operation(out, &r->measure[i]);
		if (r->measure[i].where.p) {
			buf_addz(out, ", of records for which ");
			buf_adds(out, r->measure[i].where);
		}
		buf_addc(out, '\n');
	}
}

/* ---- windows and dimensions */

static void put_window(struct buf *out, const struct rule_window *w)
{
	switch (w->kind) {
	case RULE_SESSION:
		buf_addz(out, "for each session: records less than ");
		put_us(out, w->gap_us);
		buf_addz(out, " behind the one before");
		if (w->length_us) {
			buf_addz(out, " and less than ");
			put_us(out, w->length_us);
			buf_addz(out, " behind the first");
		}
		break;
	case RULE_HOPPING:
		buf_addz(out, "every ");
		put_us(out, w->slide_us);
		buf_addz(out, " for the last ");
		put_us(out, w->size_us);
		break;
	case RULE_TUMBLING:
		buf_addz(out, "for each window of ");
		put_us(out, w->size_us);
		break;
	case RULE_NO_WINDOW:
		buf_addz(out, "for each window, as --every says: of 1m where it says nothing");
		break;
	}
}

static void put_dim(struct buf *out, const struct rule_dim *d)
{
	if (d->class_step) {
		buf_printf(out, "class of %u of ", d->class_step);
	} else if (d->bounds) {
		buf_addz(out, "range of ");
	} else if (d->explode) {
		buf_addz(out, "element of ");
	}
	buf_adds(out, d->path);
	if (d->bounds)
		buf_addz(out, " (");
	for (size_t i = 0; i < d->bounds; i++) {
		buf_addz(out, i ? ", " : "");
		put_dec(out, d->bound[i]);
	}
	buf_addz(out, d->bounds ? ")" : "");
	if (d->lower)
		buf_addz(out, " in small letters");
	if (d->bytes_max)
		buf_printf(out, " cut at %" PRIu32 " bytes", d->bytes_max);
	if (d->as.p)
		buf_printf(out, " as %.*s", (int)d->as.n, d->as.p);
}

static void put_groups(struct buf *out, const struct rule *r)
{
	begin_line(out, "a row");
	put_window(out, &r->window);
	for (size_t i = 0; i < r->dims; i++) {
		buf_addz(out, i             ? between(i, r->dims)
			      : r->dims > 1 ? ", and each combination of "
					    : ", and each ");
		put_dim(out, &r->dim[i]);
	}
	buf_addc(out, '\n');
	if (!r->groups_max)
		return;
	begin_line(out, "at most");
	buf_printf(out, "%" PRIu64 " group%s", r->groups_max, r->groups_max == 1 ? "" : "s");
	for (size_t i = 0; i < r->folds; i++) {
		buf_addz(out, i ? between(i, r->folds) : "; beyond that it folds ");
		buf_adds(out, r->fold[i]);
	}
	buf_addc(out, '\n');
}

/* ---- time */

static void put_time(struct buf *out, const struct slice shared[RULES_SHARED])
{
	struct slice time = shared[RULES_TIME], lateness = shared[RULES_LATENESS];

	begin_line(out, "time");
	if (time.p && slice_is(time, "@kafka")) {
		buf_addz(out, "the record's own timestamp");
	} else {
		buf_addz(out, "from ");
		buf_adds(out, time.p ? time : slice_z("ts"));
		buf_addz(out, ", as ");
		buf_adds(out, shared[RULES_FORMAT].p ? shared[RULES_FORMAT] : slice_z("RFC 3339"));
		if (shared[RULES_UNIT].p) {
			buf_addz(out, "; numbers are ");
			buf_adds(out, shared[RULES_UNIT]);
		}
		if (shared[RULES_ZONE].p) {
			buf_addz(out, "; without an offset by the clock of ");
			buf_adds(out, shared[RULES_ZONE]);
		}
	}
	buf_addc(out, '\n');
	begin_line(out, "lateness");
	if (lateness.p) {
		buf_addz(out, "a window closes once events are ");
		buf_adds(out, lateness);
		buf_addz(out, " behind its end\n");
	} else {
		buf_addz(out, "none is said: windows close at the end of the input\n");
	}
}

void check_explain(const struct rule *r, const struct slice shared[RULES_SHARED], struct buf *out)
{
	buf_adds(out, r->id);
	if (r->version > 1)
		buf_printf(out, ", version %" PRIu64, r->version);
	if (!r->active)
		buf_addz(out, r->retired ? ", retired" : ", not active");
	buf_addc(out, '\n');
	if (r->note.p) {
		begin_line(out, "note");
		buf_adds(out, r->note);
		buf_addc(out, '\n');
	}
	begin_line(out, "counts");
	if (r->where.p) {
		buf_addz(out, "records for which ");
		buf_adds(out, r->where);
	} else {
		buf_addz(out, "all records");
	}
	buf_addc(out, '\n');
	put_groups(out, r);
	put_measures(out, r);
	put_time(out, shared);
}
