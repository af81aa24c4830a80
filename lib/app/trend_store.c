/* Rows of a store. A run is passes, each of which begins where the state of the one before ends and
 * ends with state and alerts stored in one transaction:
 *
 *   state of the rule -> final rows from there on, the mark -> alerts printed -> all stored
 *                                                                               `-> next pass
 *
 * What a rule remembers of a series is stored, not computed again from rows: an average that runs
 * depends on all rows there ever were, of which old ones may have been deleted or have expired, and
 * a state that is stored with what was told is exact by construction, however runs are cut. It is
 * one text a rule; a run that has nothing new writes nothing.
 *
 * Alerts are printed before they are stored. So a run that dies in between prints them again, with
 * the same keys: on standard output an alert may stand twice and is never lost, in the store it is
 * once. Where another run has stored meanwhile (its turn is gone) nothing is changed, and the pass
 * begins again from what the other one left.
 *
 * A metric of rules is its newest version, under whose name in the store the state is kept: with
 * another version a rule begins anew. Windows that a pause cuts are no windows to it.
 *
 * A pass ends early where it has much to tell: the store is opened anew for the next one, so no
 * transaction lasts for long. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/trend_internal.h"
#include "base/crash.h"
#include "base/mem.h"
#include "base/tm.h"
#include "read/metric_lookup.h"
#include "read/rows.h"
#include "read/store_options.h"

enum { PASS_ALERTS = 1000, WAIT_US = 1000000, OUT_BYTES = 256 << 10 };

struct pass_alert {
	size_t key, json; /* where each ends in trend_run.texts */
	int64_t end_us;
};

struct trend_run {
	struct trend_metric m;
	const struct read_driver *driver;
	struct sink_conf conf;
	struct loop *loop;
	struct out *out;
	void *keeper;    /* of driver->alerts */
	struct buf name; /* of the metric in the store; empty: no state was loaded yet */
	struct alerts_state state;
	struct finality finality;
	int64_t since_us;
	struct trend_season *season;
	/* of a pass */
	struct buf texts, lines; /* keys and objects; what is printed */
	struct pass_alert *alert;
	size_t n, cap;
	bool cut; /* it has enough */
};

/* ---- alerts */

static int store_alert(void *arg, const struct track_alert *a, struct err *err)
{
	struct trend_run *r = arg;
	struct pass_alert *p;

	(void)err;
	mem_reserve(&r->alert, &r->cap, r->n + 1, sizeof(*r->alert));
	p = &r->alert[r->n++];
	trend_alert_key(&r->m, a, &r->texts);
	p->key = r->texts.n;
	trend_alert_json(&r->m, a, &r->texts);
	p->json = r->texts.n;
	p->end_us = a->end_us;
	if (r->m.t->text) {
		trend_alert_text(&r->m, a, &r->lines);
	} else {
		buf_add(&r->lines, r->texts.p + p->key, p->json - p->key);
		buf_addc(&r->lines, '\n');
	}
	return 0;
}

static int expect(void *arg, const uint8_t hash[16], int64_t first_us, int64_t start_us,
		  int64_t length_us, bool *has, double *expected, struct err *err)
{
	struct trend_run *r = arg;

	return trend_season_expect(r->season, hash, first_us, start_us, length_us, has, expected,
				   err);
}

static bool counted(void *arg, int64_t start_us, int64_t end_us)
{
	const struct trend_run *r = arg;

	return finality_whole(&r->finality, start_us, end_us);
}

/* ---- the state */

static void begin_track(struct trend_run *r)
{
	const struct track_calls calls = {
		.arg = r,
		.alert = store_alert,
		.counted = counted,
		.expect = r->m.t->rule.method == TREND_SEASON ? expect : NULL,
	};

	track_free(r->m.track);
	r->m.track = track_new(&r->m.t->rule, &calls);
}

static int load_state(struct trend_run *r, struct err *err)
{
	struct trend *t = r->m.t;

	begin_track(r);
	alerts_state_fini(&r->state);
	r->state = (struct alerts_state){ 0 };
	if (r->driver->alerts->load(r->keeper, buf_z(&r->name), t->name, &r->state, err))
		return -1;
	if (!r->state.turn)
		return 0;
	if (!slice_eq(buf_slice(&r->state.rule), buf_slice(&t->settings)))
		return err_set(err, EX_CONFIG,
			       "rule %s of metric %s has begun there with other settings (%.*s): "
			       "give this one another name (--rule), or delete that one (--reset)",
			       t->name, buf_z(&r->name), (int)r->state.rule.n, r->state.rule.p);
	return track_load(r->m.track, buf_slice(&r->state.text), err);
}

/* The name in the store; with another one all that is remembered is of the other metric. */
static int take_name(struct trend_run *r, const char *name, struct err *err)
{
	if (r->name.n && strcmp(buf_z(&r->name), name) == 0)
		return 0;
	r->name.n = 0;
	buf_addz(&r->name, name);
	r->m.name = buf_slice(&r->name);
	trend_season_free(r->season);
	r->season = r->m.t->rule.method == TREND_SEASON
			    ? trend_season_new(&r->m, r->driver, &r->conf)
			    : NULL;
	return load_state(r, err);
}

static void forget_alerts(struct trend_run *r)
{
	r->n = r->texts.n = r->lines.n = 0;
	r->cut = false;
}

static int store_pass(struct trend_run *r, struct slice text, bool *stored, struct err *err)
{
	struct trend *t = r->m.t;
	struct alerts_text *alert = mem_array(r->n + 1, sizeof(*alert));
	struct alerts_batch batch = { .metric = buf_z(&r->name),
				      .name = t->name,
				      .turn = r->state.turn,
				      .rule = buf_slice(&t->settings),
				      .text = text,
				      .alert = alert,
				      .n = r->n };
	size_t at = 0;
	int rc;

	for (size_t i = 0; i < r->n; i++) {
		const struct pass_alert *p = &r->alert[i];

		alert[i].key = slice(r->texts.p + at, p->key - at);
		alert[i].json = slice(r->texts.p + p->key, p->json - p->key);
		alert[i].end_us = p->end_us;
		at = p->json;
	}
	track_next(r->m.track, &batch.judged_us);
	rc = r->driver->alerts->store(r->keeper, &batch, stored, err);
	free(alert);
	return rc;
}

/* Prints and stores what a pass has found, with the state that it left. *stored false: another run
 * has stored meanwhile. */
static int put_pass(struct trend_run *r, struct slice text, bool *stored, struct err *err)
{
	if (out_write(r->out, r->lines.p, r->lines.n, err) || out_flush(r->out, err))
		return -1;
	crash_at(CRASH_ALERTS_PRINTED);
	if (store_pass(r, text, stored, err))
		return -1;
	crash_at(CRASH_ALERTS_STORED);
	if (!*stored)
		return load_state(r, err);
	r->state.turn++;
	r->state.text.n = 0;
	buf_adds(&r->state.text, text);
	r->m.t->told += r->n;
	return 0;
}

/* *again: the pass has to be made again, or there is more to judge. */
static int end_pass(struct trend_run *r, bool *again, struct err *err)
{
	struct buf text = { 0 };
	bool stored = true;
	int rc = 0;

	track_save(r->m.track, &text);
	if (!slice_eq(buf_slice(&text), buf_slice(&r->state.text)))
		rc = put_pass(r, buf_slice(&text), &stored, err);
	*again = r->cut || !stored;
	buf_fini(&text);
	return rc;
}

/* ---- rows */

static int judge_window_rows(void *arg, struct rows_window *w, struct err *err)
{
	struct trend_run *r = arg;
	struct buf dims = { 0 };
	int rc = 0;

	r->cut = r->n >= PASS_ALERTS;
	for (size_t i = 0; i < w->n && rc == 0 && !r->cut; i++) {
		dims.n = 0;
		dims_json(w->row[i].dim, w->row[i].dims, &dims);
		rc = trend_take_row(&r->m, &w->row[i].r, buf_slice(&dims), err);
	}
	buf_fini(&dims);
	rows_window_free(w);
	return r->cut ? -1 : rc;
}

/* A job's windows are complete up to its mark; of a plain stream only a later row can tell. */
static int judge_rows(struct trend_run *r, const struct read_store *store, struct err *err)
{
	static const struct dims_filter all = { 0 };
	const struct finality *finality = &r->finality;
	bool plain = finality->until_us == INT64_MAX;
	struct rows_range range = { .metric = buf_z(&r->name),
				    .from_us = r->since_us,
				    .to_us = plain ? TM_MAX_US : finality->until_us,
				    .final = true,
				    .finality = *finality,
				    .filter = &all };
	struct rows_found found = { 0 };
	int64_t next_us;
	int rc = 0;

	if (track_next(r->m.track, &next_us))
		range.from_us = next_us;
	if (finality->until_us == POS_NONE)
		return 0;
	if (range.from_us < range.to_us)
		rc = rows_read(store, &range, judge_window_rows, r, &found, err);
	rows_found_fini(&found);
	if (r->cut) {
		err_clear(err);
		return 0;
	}
	return rc || plain ? rc : track_final(r->m.track, finality->until_us, err);
}

static int no_metric(const struct trend_run *r, const struct metric_found *m, struct err *err)
{
	struct buf hint = { 0 };

	names_nearest(&m->names, r->m.t->metric, &hint);
	err_set(err, EX_CONFIG, "no metric \"%s\" in %s%s", r->m.t->metric, r->conf.place,
		buf_z(&hint));
	buf_fini(&hint);
	return -1;
}

static int judge_metric(struct trend_run *r, const struct read_store *store,
			const struct metric_found *m, struct err *err)
{
	if (m->hops.slide_us)
		return err_set(err, EX_DATAERR,
			       "metric %s: windows overlap: a trend needs windows that tile the "
			       "time",
			       m->name);
	r->finality = m->finality;
	return take_name(r, m->name, err) ? -1 : judge_rows(r, store, err);
}

static int run_pass(struct trend_run *r, bool *again, struct err *err)
{
	struct read_store store = { r->driver, r->driver->open(&r->conf, err) };
	struct metric_found m = { 0 };
	int rc = store.d ? metric_lookup(&store, r->m.t->metric, &m, err) : -1;
	bool found = m.found;

	*again = false;
	forget_alerts(r);
	if (rc == 0 && found)
		rc = judge_metric(r, &store, &m, err);
	else if (rc == 0 && !r->m.t->follow)
		rc = no_metric(r, &m, err);
	metric_found_fini(&m);
	trend_season_close(r->season);
	r->driver->close(store.d);
	if (rc)
		return -1;
	return found ? end_pass(r, again, err) : 0;
}

/* ---- the run */

static int wait_for_more(struct trend_run *r, struct err *err)
{
	int64_t until_us = tm_mono_us() + WAIT_US;

	while (!loop_signalled(r->loop) && tm_mono_us() < until_us)
		if (loop_turn(r->loop, until_us, err) < 0)
			return -1;
	return 0;
}

static int run_passes(struct trend_run *r, struct err *err)
{
	bool follow = r->m.t->follow, again = true;

	if (follow)
		loop_signals(r->loop, NULL, NULL, 0);
	while (again || (follow && !loop_signalled(r->loop))) {
		if (run_pass(r, &again, err) || (follow && !again && wait_for_more(r, err)))
			return -1;
	}
	return 0;
}

/* The name under which the rule is kept; as it was given where the metric is gone. */
static int name_to_drop(struct trend_run *r, struct err *err)
{
	struct read_store store = { r->driver, r->driver->open(&r->conf, err) };
	struct metric_found m = { 0 };
	int rc = store.d ? metric_lookup(&store, r->m.t->metric, &m, err) : -1;

	buf_addz(&r->name, rc == 0 && m.found ? m.name : r->m.t->metric);
	metric_found_fini(&m);
	r->driver->close(store.d);
	return rc;
}

static int drop_rule(struct trend_run *r, struct err *err)
{
	uint64_t alerts = 0;
	struct buf line = { 0 };
	int rc = name_to_drop(r, err);

	if (rc == 0)
		rc = r->driver->alerts->drop(r->keeper, buf_z(&r->name), r->m.t->name, &alerts,
					     err);
	buf_printf(&line, "rule %s of metric %s deleted: its state, %llu alerts\n", r->m.t->name,
		   buf_z(&r->name), (unsigned long long)alerts);
	if (rc == 0)
		rc = out_write(r->out, line.p, line.n, err);
	if (rc == 0)
		rc = out_flush(r->out, err);
	buf_fini(&line);
	return rc;
}

static int open_run(struct trend_run *r, struct err *err)
{
	struct trend *t = r->m.t;

	r->since_us = TM_MIN_US;
	if (t->since && tm_parse_human(t->since, tm_now_us(), &r->since_us, err))
		return err_in(err, "--since");
	r->conf.place = t->table;
	r->driver = read_stores_choose(t->stores, t->where, "hta-trend", &r->conf, err);
	if (!r->driver)
		return -1;
	if (!r->driver->alerts)
		return err_set(err, EX_USAGE,
			       "a store of this kind keeps no alerts, " STORES_OF_ALERTS
			       " does: pipe its final rows in, `hta-consume --job NAME --final "
			       "METRIC -d STORE | hta-trend ..`");
	r->conf.loop = r->loop = loop_new();
	r->conf.create = t->init;
	r->keeper = r->driver->alerts->open(&r->conf, err);
	r->conf.create = false;
	r->out = out_new(NULL, STDOUT_FILENO, OUT_BYTES);
	return r->keeper ? 0 : -1;
}

static void trend_run_fini(struct trend_run *r)
{
	if (r->keeper)
		r->driver->alerts->close(r->keeper);
	trend_season_free(r->season);
	track_free(r->m.track);
	alerts_state_fini(&r->state);
	out_free(r->out);
	loop_free(r->loop);
	buf_fini(&r->name);
	buf_fini(&r->texts);
	buf_fini(&r->lines);
	free(r->alert);
}

int trend_store(struct trend *t, struct err *err)
{
	struct trend_run r = { .m = { .t = t } };
	int rc = open_run(&r, err);

	if (rc == 0 && t->reset)
		rc = drop_rule(&r, err);
	else if (rc == 0)
		rc = run_passes(&r, err);
	trend_run_fini(&r);
	return rc;
}
