/* For programs: JSON, a line a pipeline, and the text form of Prometheus (text-file collector).
 *
 * Metrics: hta_pipeline_up, hta_pipeline_keeping_up and hta_pipeline_failed {job,inc,pgid};
 * hta_stage_up, hta_stage_touched_seconds and hta_stage_NAME for each counter
 * {job,program,stage,pid,detail}; times in seconds. The pid is a label, so that two pipelines of
 * one job are two series; all begins at 0 with a new one anyway. */
#include <inttypes.h>
#include <string.h>

#include "base/tm.h"
#include "json/json.h"
#include "tool/top_internal.h"

/* What is not UTF-8 (it can only be in names of files) must not spoil the whole. */
static void text(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, ",\"%s\":", name);
	json_quote_z(out, str_utf8(value, strlen(value)) ? value : "?");
}

static void top_json_time_member(struct buf *out, const char *name, int64_t us)
{
	buf_printf(out, ",\"%s\":", name);
	if (us <= 0) {
		buf_addz(out, "null");
		return;
	}
	buf_addc(out, '"');
	out->n += tm_text_ms(us, buf_room(out, TM_TEXT_BYTES));
	buf_addc(out, '"');
}

static void stage(const struct top_pipeline *p, const struct counters_view *v, struct buf *out)
{
	const struct counters *counters = &v->counters;
	struct buf state = { 0 };

	top_stage_state(v, &state);
	buf_printf(out, "{\"pid\":%" PRIu64 ",\"alive\":%s", counters->pid,
		   v->alive ? "true" : "false");
	text(out, "program", counters->program);
	text(out, "state", buf_z(&state));
	text(out, "detail", counters->detail);
	if (!v->alive && counters->state == COUNTERS_ENDED)
		buf_printf(out, ",\"exit_code\":%" PRIu64, counters->exit_code);
	if (counters->error[0])
		text(out, "error", counters->error);
	top_json_time_member(out, "started", counters->started_us);
	top_json_time_member(out, "touched", counters->touched_us);
	buf_addz(out, ",\"counters\":{");
	for (int c = 0, first = 1; c < COUNTERS; c++) {
		if (!top_has(p, counters, (enum counter)c))
			continue;
		buf_printf(out, "%s\"%s\":%" PRIu64, first ? "" : ",", counter_info[c].name,
			   counters->counter[c]);
		first = 0;
	}
	buf_addz(out, "}}");
	buf_fini(&state);
}

static void lag(const struct top_pipeline *p, enum counter c, struct buf *out)
{
	buf_printf(out, ",\"%s\":", counter_info[c].name);
	if (p->source && top_has(p, p->source, c))
		buf_addu(out, p->source->counter[c]);
	else
		buf_addz(out, "null");
}

void top_json_pipeline(const struct top_pipeline *p, struct buf *out)
{
	const struct counters *first = &p->stage[0]->counters;
	struct buf b = { 0 };

	buf_addz(out, "{\"pipeline\":");
	top_name(p, &b);
	json_quote(out, str_utf8(b.p, b.n) ? buf_slice(&b) : slice("?", 1));
	buf_printf(out, ",\"acknowledged\":%s", p->acked ? "true" : "false");
	text(out, "inc", first->inc);
	text(out, "state", top_states[p->state]);
	buf_printf(&b, ": %s%s", top_states[p->state], p->why);
	text(out, "sentence", buf_z(&b));
	if (p->failed) {
		text(out, "failed", p->failed->counters.program);
		if (p->failed->counters.state == COUNTERS_ENDED)
			buf_printf(out, ",\"exit_code\":%" PRIu64, p->failed->counters.exit_code);
		text(out, "error", p->failed->counters.error);
	}
	lag(p, COUNTER_LAG_RECORDS, out);
	lag(p, COUNTER_LAG_US, out);
	buf_addz(out, ",\"stages\":[");
	for (size_t i = 0; i < p->n; i++) {
		if (i)
			buf_addc(out, ',');
		stage(p, p->stage[i], out);
	}
	buf_addz(out, "]}");
	buf_fini(&b);
}

void top_json(const struct top *t, struct buf *out)
{
	for (size_t i = 0; i < t->n; i++) {
		top_json_pipeline(&t->pipe[i], out);
		buf_addc(out, '\n');
	}
}

/* ---- metrics */

static void label(const char *name, const char *value, struct buf *out)
{
	bool good = str_utf8(value, strlen(value));

	buf_printf(out, "%s=\"", name);
	for (; good && *value; value++) {
		if (*value == '"' || *value == '\\')
			buf_addc(out, '\\');
		buf_addc(out, *value == '\n' ? ' ' : *value);
	}
	buf_addc(out, '"');
}

static void labels(const struct top_pipeline *p, const struct counters *counters, struct buf *out)
{
	struct buf name = { 0 };

	top_name(p, &name);
	buf_addc(out, '{');
	label("job", p->acked ? buf_z(&name) : "", out);
	buf_addc(out, ',');
	label("program", counters->program, out);
	buf_printf(out, ",stage=\"%" PRIu64 "\",pid=\"%" PRIu64 "\",", counters->stage_index,
		   counters->pid);
	label("detail", counters->detail, out);
	buf_addz(out, "} ");
	buf_fini(&name);
}

static bool is_now(enum counter c)
{
	return counter_info[c].kind == COUNTER_NOW;
}

/* records_in: hta_stage_records_in_total; store_us: hta_stage_store_seconds_total; lag_us:
 * hta_stage_lag_seconds. True: in seconds. */
static bool family_name(enum counter c, struct buf *out)
{
	size_t n = strlen(counter_info[c].name);
	bool us = strcmp(counter_info[c].name + n - 3, "_us") == 0;

	buf_printf(out, "hta_stage_%.*s%s%s", (int)(us ? n - 3 : n), counter_info[c].name,
		   us ? "_seconds" : "", is_now(c) ? "" : "_total");
	return us;
}

static void value(uint64_t v, bool us, struct buf *out)
{
	if (us)
		buf_printf(out, "%" PRIu64 ".%06" PRIu64 "\n", v / (uint64_t)TM_S,
			   v % (uint64_t)TM_S);
	else
		buf_printf(out, "%" PRIu64 "\n", v);
}

static void family(const struct top *t, enum counter c, struct buf *out)
{
	struct buf name = { 0 };
	bool us = family_name(c, &name), headed = false;

	for (size_t i = 0; i < t->n; i++)
		for (size_t k = 0; k < t->pipe[i].n; k++) {
			const struct counters *counters = &t->pipe[i].stage[k]->counters;

			if (!top_has(&t->pipe[i], counters, c))
				continue;
			if (!headed)
				buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", buf_z(&name),
					   counter_info[c].help, buf_z(&name),
					   is_now(c) ? "gauge" : "counter");
			headed = true;
			buf_adds(out, buf_slice(&name));
			labels(&t->pipe[i], counters, out);
			value(counters->counter[c], us, out);
		}
	buf_fini(&name);
}

static void begin_gauge(const char *name, const char *help, struct buf *out)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

static bool is_up(const struct top_pipeline *p)
{
	return p->alive > 0;
}

static bool keeps_up(const struct top_pipeline *p)
{
	return p->state == TOP_KEEPING_UP;
}

static bool has_failed(const struct top_pipeline *p)
{
	return p->failed != NULL;
}

static const struct pipeline_gauge {
	const char *name, *help;
	bool (*holds)(const struct top_pipeline *p);
} pipeline_gauges[] = {
	{ "hta_pipeline_up", "1: a stage of the pipeline lives", is_up },
	{ "hta_pipeline_keeping_up", "1: the pipeline runs, and is not behind", keeps_up },
	{ "hta_pipeline_failed", "1: a stage was killed, or left with another code than 0",
	  has_failed },
	{ NULL, NULL, NULL },
};

static void pipelines(const struct top *t, const struct pipeline_gauge *g, struct buf *out)
{
	begin_gauge(g->name, g->help, out);
	for (size_t i = 0; i < t->n; i++) {
		const struct counters *first = &t->pipe[i].stage[0]->counters;

		buf_printf(out, "%s{", g->name);
		label("job", first->job, out);
		buf_addc(out, ',');
		label("inc", first->inc, out);
		buf_printf(out, ",pgid=\"%" PRIu64 "\"} %d\n", first->pgid, g->holds(&t->pipe[i]));
	}
}

static void stages_up(const struct top *t, struct buf *out)
{
	begin_gauge("hta_stage_up", "1: the process lives", out);
	for (size_t i = 0; i < t->n; i++)
		for (size_t k = 0; k < t->pipe[i].n; k++) {
			buf_addz(out, "hta_stage_up");
			labels(&t->pipe[i], &t->pipe[i].stage[k]->counters, out);
			buf_printf(out, "%d\n", t->pipe[i].stage[k]->alive);
		}
}

/* The page of a stage that was killed is as it was: its age tells. */
static void stages_touched(const struct top *t, struct buf *out)
{
	begin_gauge("hta_stage_touched_seconds",
		    "when the stage last stirred, in seconds since 1970", out);
	for (size_t i = 0; i < t->n; i++)
		for (size_t k = 0; k < t->pipe[i].n; k++) {
			const struct counters *counters = &t->pipe[i].stage[k]->counters;

			buf_addz(out, "hta_stage_touched_seconds");
			labels(&t->pipe[i], counters, out);
			value((uint64_t)counters->touched_us, true, out);
		}
}

void top_metrics(const struct top *t, struct buf *out)
{
	if (!t->n)
		return;
	for (const struct pipeline_gauge *g = pipeline_gauges; g->name; g++)
		pipelines(t, g, out);
	stages_up(t, out);
	stages_touched(t, out);
	for (int c = 0; c < COUNTERS; c++)
		family(t, (enum counter)c, out);
}
