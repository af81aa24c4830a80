/* What the tests of the engine share: a plan of options, lines in blocks, rows and refusals as
 * texts. */
#ifndef TESTS_UNIT_ENGINE_ROWS_H
#define TESTS_UNIT_ENGINE_ROWS_H

#include "agg/engine.h"

#include <stdlib.h>

#include "agg/emit.h"
#include "row/rollup.h"
#include "tap.h"

#define T "{\"ts\":\"2026-01-01T00:00:00Z\""
#define START "1767225600"

struct options {
	const char *every, *by, *value, *uniq, *zone, *format;
	enum value_unit unit;
	bool exact;
	int64_t lateness_us, max_ahead_us;
};

static inline struct plan *plan_of(const struct options *o)
{
	struct err err = ERR_INIT;
	struct plan_builder *b = plan_builder_new();
	struct plan *p;
	if ((o->every && plan_window(b, "every", o->every, &err)) ||
	    (o->by && plan_by(b, o->by, &err)) || (o->value && plan_value(b, o->value, &err)) ||
	    (o->uniq && plan_uniq(b, o->uniq, &err)) || (o->zone && plan_zone(b, o->zone, &err)) ||
	    (o->format && plan_time_format(b, o->format, &err)))
		ok(false, "%s", err.msg);
	if (o->max_ahead_us)
		plan_ahead(b, o->max_ahead_us, false);
	p = plan_finish(b, "ts", o->unit, o->exact, &err);
	plan_builder_free(b);
	return p;
}

static inline int collect_refused(void *arg, const struct engine_refusal *r, struct err *err)
{
	(void)err;
	buf_printf(arg, "%llu %s\n", (unsigned long long)r->nth, r->reason);
	return 0;
}

static inline int collect_rows(void *arg, struct slice lines, uint64_t rows, struct err *err)
{
	(void)rows, (void)err;
	buf_adds(arg, lines);
	return 0;
}

/* Rows without what is the same in all of them: start in seconds, dims, count, value_count, sum,
 * min, max, uniq. */
static inline void shorten(struct slice rows, struct buf *out)
{
	struct rollup_reader reader = { 0 };
	struct err err = ERR_INIT;
	for (const char *p = rows.p, *end = p ? p + rows.n : p, *nl; p < end; p = nl + 1) {
		struct rollup r;
		char text[DEC_TEXT_BYTES];
		nl = memchr(p, '\n', (size_t)(end - p));
		if (rollup_parse(&reader, slice(p, (size_t)(nl - p)), &r, &err))
			ok(false, "%s", err.msg);
		buf_printf(out, "%lld %.*s %llu", (long long)r.start_us / 1000000, (int)r.dims.n,
			   r.dims.p, (unsigned long long)r.count);
		if (r.has_value) {
			buf_printf(out, " %llu", (unsigned long long)r.value_count);
			if (r.value_count) {
				buf_printf(out, " %.*s", (int)dec_text(r.sum, text), text);
				buf_printf(out, " %.*s", (int)dec_text(r.min, text), text);
				buf_printf(out, " %.*s", (int)dec_text(r.max, text), text);
			}
		}
		if (r.has_uniq)
			buf_printf(out, " ~%llu", (unsigned long long)r.uniq);
		buf_addc(out, '\n');
	}
	rollup_reader_fini(&reader);
}

/* The text in blocks of `lines` lines (0: at once), each in padded memory of its own, so that
 * sanitizers see a step beyond. */
static inline void feed(struct engine *w, const char *text, unsigned lines, struct buf *refused)
{
	struct err err = ERR_INIT;
	for (const char *p = text, *end; *p; p = end) {
		char *block;
		unsigned n = 0;
		for (end = p; *end && (lines == 0 || n < lines); end++)
			n += *end == '\n';
		block = calloc(1, (size_t)(end - p) + 2 * SCAN_PAD);
		memcpy(block + SCAN_PAD, p, (size_t)(end - p));
		if (engine_block(w, slice(block + SCAN_PAD, (size_t)(end - p)), collect_refused,
				 refused, &err))
			ok(false, "%s", err.msg);
		free(block);
	}
}

static inline void rows_of(const struct plan *p, struct engine *w, struct buf *rows)
{
	struct err err = ERR_INIT;
	struct emit *e = emit_new(false, true, &(struct emit_threads){ 0 }, collect_rows, rows);
	for (size_t i = 0; i < p->n_metrics; i++)
		emit_table(e, engine_state(w, i), &err);
	emit_flush(e, &err);
	emit_free(e);
}

#endif
