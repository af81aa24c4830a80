#include "app/top.h"

#include <stdlib.h>

#include "tap.h"

#define NOW 1800000000000000LL
#define S 1000000LL

static struct counters_view view[16];
static size_t views;

static void begin(void)
{
	memset(view, 0, sizeof view);
	views = 0;
}

/* A stage of job "web" that began a minute ago and was touched just now. */
static struct counters_view *stage(const char *program, const char *inc, bool alive)
{
	struct counters_view *v = &view[views];
	struct counters *p = &v->counters;

	snprintf(p->program, sizeof p->program, "%s", program);
	snprintf(p->inc, sizeof p->inc, "%s", inc);
	snprintf(p->job, sizeof p->job, "%s", *inc ? "web" : "");
	p->pid = 100 + views;
	p->start_ticks = 1;
	p->pgid = 77;
	p->stage_index = views++;
	p->state = COUNTERS_RUNNING;
	p->started_us = NOW - 60 * S;
	p->touched_us = NOW - S / 2;
	v->alive = alive;
	return v;
}

static struct counters_view *leaves(struct counters_view *v, int code, const char *error,
				    int64_t ago_us)
{
	v->counters.state = COUNTERS_ENDED;
	v->counters.exit_code = (uint64_t)code;
	v->counters.touched_us = NOW - ago_us;
	snprintf(v->counters.error, sizeof v->counters.error, "%s", error);
	return v;
}

static void top(struct top *t, const struct top *before)
{
	struct counters_view *copy = malloc(sizeof view);

	memcpy(copy, view, sizeof view);
	top_init(t, copy, views, NOW, before);
}

/* All pipelines' sentences, a line each. */
static void says(const struct top *before, const char *want, const char *name)
{
	struct top t;
	struct buf text = { 0 };

	top(&t, before);
	for (size_t i = 0; i < t.n; i++) {
		top_name(&t.pipe[i], &text);
		buf_printf(&text, ": %s%s\n", top_states[t.pipe[i].state], t.pipe[i].why);
	}
	is_bytes(text.p, text.n, want, name);
	buf_fini(&text);
	top_fini(&t);
}

static struct counters *running(void)
{
	struct counters *source;

	begin();
	source = &stage("hta-consume", "aa", true)->counters;
	stage("hta-window", "aa", true);
	stage("hta-sink-pg", "aa", true);
	stage("hta-commit", "aa", true);
	for (size_t i = 0; i < views; i++)
		view[i].counters.counter[COUNTER_LAST_ACK_US] = (uint64_t)(NOW - S);
	return source;
}

static void keeping_up(void)
{
	struct counters *source = running();

	says(NULL, "web: keeping up, at the end of the log, acknowledged 1.0 s ago\n", "no lag");
	source->counter[COUNTER_LAG_RECORDS] = 5;
	source->counter[COUNTER_LAG_US] = 9999999;
	source->counter[COUNTER_EPOCHS_IN_FLIGHT] = 1;
	says(NULL, "web: keeping up, 5 records (10.0 s) behind, acknowledged 1.0 s ago\n",
	     "a small lag");
	source->counter[COUNTER_LAG_RECORDS] = source->counter[COUNTER_LAG_US] = UINT64_MAX;
	says(NULL, "web: keeping up, acknowledged 1.0 s ago\n", "none is known");
	source->state = COUNTERS_STARTING;
	says(NULL, "web: keeping up, starting, acknowledged 1.0 s ago\n", "starting");
	source->state = COUNTERS_DRAINING;
	leaves(&view[0], 0, "", S);
	view[0].alive = false;
	says(NULL, "web: keeping up, draining, acknowledged 1.0 s ago\n",
	     "its source is done, the others drain");
}

static void falling_behind(void)
{
	struct counters *source = running();
	struct top before;

	source->counter[COUNTER_LAG_RECORDS] = 5;
	source->counter[COUNTER_LAG_US] = 10 * S;
	says(NULL, "web: falling behind, 5 records (10 s) behind, acknowledged 1.0 s ago\n",
	     "a lag of ten seconds");
	source->counter[COUNTER_LAG_US] = 300 * S;
	top(&before, NULL);
	ok(before.pipe[0].unsure, "one sample cannot tell whether it shrinks");
	says(&before, "web: falling behind, 5 records (5 m) behind, acknowledged 1.0 s ago\n",
	     "it does not shrink");
	source->counter[COUNTER_LAG_US] = 280 * S;
	source->counter[COUNTER_EPOCHS_ACKED]++;
	says(&before,
	     "web: keeping up, catching up: 5 records (5 m) behind, acknowledged 1.0 s ago\n",
	     "it shrinks");
	source->counter[COUNTER_LAG_US] = 301 * S;
	says(&before, "web: falling behind, 5 records (5 m) behind, acknowledged 1.0 s ago\n",
	     "it grows");
	top_fini(&before);
}

static void stuck(void)
{
	struct counters *source = running();

	source->counter[COUNTER_EPOCHS_IN_FLIGHT] = 4;
	for (size_t i = 0; i < views; i++)
		view[i].counters.counter[COUNTER_LAST_ACK_US] = (uint64_t)(NOW - 12 * S);
	says(NULL,
	     "web: falling behind, at the end of the log, 4 epochs in flight and no barrier has "
	     "moved for 12 s\n",
	     "no barrier moves");
	view[1].counters.counter[COUNTER_LAST_ACK_US] = (uint64_t)(NOW - S);
	says(NULL, "web: keeping up, at the end of the log, acknowledged 12 s ago\n", "one moves");
	source->counter[COUNTER_EPOCHS_IN_FLIGHT] = 0;
	view[1].counters.counter[COUNTER_LAST_ACK_US] = 0;
	says(NULL, "web: keeping up, at the end of the log, acknowledged 12 s ago\n",
	     "there is nothing to do");
	view[2].counters.touched_us = NOW - 15 * S;
	says(NULL,
	     "web: falling behind, at the end of the log, hta-sink-pg (102) has not stirred for 15 "
	     "s, acknowledged 12 s ago\n",
	     "a stage is stopped");
}

static void stopped(void)
{
	running();
	for (size_t i = 0; i < views; i++) {
		leaves(&view[i], 0, "", 180 * S);
		view[i].alive = false;
	}
	says(NULL, "web: stopped 3 m ago, everything was acknowledged\n", "to its end");
	leaves(&view[0], 75, "the reader of standard output has left", 170 * S);
	leaves(&view[1], 75, "the reader of standard output has left", 171 * S);
	leaves(&view[2], 69, "pg: no answer", 172 * S);
	leaves(&view[3], 69, "", 173 * S);
	says(NULL, "web: stopped 3 m ago: hta-sink-pg left with 69: pg: no answer\n",
	     "one failed, another repeats it");
	leaves(&view[2], 75, "a conflict", 172 * S);
	leaves(&view[3], 75, "", 173 * S);
	says(NULL, "web: stopped 3 m ago: hta-sink-pg left with 75: a conflict\n",
	     "the same with the code of those above");
	leaves(&view[3], 76, "the upstream ended", 173 * S);
	view[2].counters.state = COUNTERS_RUNNING;
	says(NULL, "web: stopped 3 m ago: hta-sink-pg was killed, or crashed\n", "one died");
	leaves(&view[2], 76, "the upstream ended", 172 * S);
	says(NULL, "web: stopped 3 m ago: hta-commit left with 76: the upstream ended\n",
	     "what died was none of ours");
	view[0].alive = true;
	view[0].counters.state = COUNTERS_RUNNING;
	says(NULL,
	     "web: stopped, 1 of 4 stages are on their way out: hta-commit left with 76: the "
	     "upstream ended\n",
	     "not all have left");
}

static void groups(void)
{
	running();
	stage("hta-consume", "bb", true)->counters.stage_index = 0;
	says(NULL,
	     "web: keeping up, at the end of the log, acknowledged 1.0 s ago\nweb: keeping up, at "
	     "the end of the log\n",
	     "two of one job");
	stage("hta-window", "", true);
	says(NULL,
	     "web: keeping up, at the end of the log, acknowledged 1.0 s ago\nweb: keeping up, at "
	     "the end of the log\n"
	     "plain 77: keeping up, running for 60 s\n",
	     "one without a hello, of either or none");
	view[4].counters.pgid = 78;
	view[5].counters.pgid = 78;
	says(NULL,
	     "web: keeping up, at the end of the log, acknowledged 1.0 s ago\nweb: keeping up, at "
	     "the end of the log\n"
	     "plain 78: keeping up, running for 60 s\n",
	     "one that runs, and waits for no hello");
	view[5].counters.state = COUNTERS_STARTING;
	says(NULL,
	     "web: keeping up, at the end of the log, acknowledged 1.0 s ago\nweb: keeping up, at "
	     "the end of the log\n",
	     "of the one in its group");
}

static void plain(void)
{
	begin();
	leaves(stage("hta-window", "", false), 65, "in:2: not JSON", 600 * S)
		->counters.started_us = NOW - 700 * S;
	stage("hta-window", "", true)->counters.started_us = NOW - 30 * S;
	stage("hta-sink-pg", "", true)->counters.started_us = NOW - 31 * S;
	says(NULL,
	     "plain 77: stopped 10 m ago: hta-window left with 65: in:2: not JSON\nplain 77: "
	     "keeping up, running for 31 s\n",
	     "a script's pipelines, one after another");
	leaves(&view[1], 65, "in:3: not JSON", 5 * S);
	view[1].alive = false;
	says(NULL,
	     "plain 77: stopped 10 m ago: hta-window left with 65: in:2: not JSON\n"
	     "plain 77: stopped, 1 of 2 stages are on their way out: hta-window left with 65: "
	     "in:3: not JSON\n",
	     "one of two has failed");
	begin();
	says(NULL, "", "none");
}

static void text(void)
{
	struct counters *source = running();
	struct buf out = { 0 };
	struct top t;

	source->counter[COUNTER_RECORDS_IN] = source->counter[COUNTER_RECORDS_OUT] = 6000;
	source->counter[COUNTER_BYTES_IN] = 120000000;
	source->counter[COUNTER_BLOCKED_OUT_US] = 30 * S;
	source->counter[COUNTER_PARTITIONS] = 3;
	view[1].counters.counter[COUNTER_WATERMARK_US] = (uint64_t)(NOW - S);
	view[1].counters.counter[COUNTER_AHEAD] = 2;
	snprintf(view[2].counters.detail, sizeof view[2].counters.detail, "pg:hta_rollups");
	top(&t, NULL);
	top_text(&t, NULL, 0, false, &out);
	is_bytes(out.p, out.n,
		 "web: keeping up, at the end of the log, acknowledged 1.0 s ago\n"
		 "  partitions 3, epochs acknowledged 0, in flight 0, watermark "
		 "2027-01-15T07:59:59Z, too far ahead 2\n"
		 "  stage        pid  state    in   out  in/s  MB/s  dead  late  idle  blocked  "
		 "store  retries  detail\n"
		 "  hta-consume  100  up     6000  6000   100   2.0     0     0    0%      50%     "
		 "0%        0\n"
		 "  hta-window   101  up        0     0   0.0   0.0     0     0    0%       0%     "
		 "0%        0\n"
		 "  hta-sink-pg  102  up        0     0   0.0   0.0     0     0    0%       0%     "
		 "0%        0  pg:hta_rollups\n"
		 "  hta-commit   103  up        0     0   0.0   0.0     0     0    0%       0%     "
		 "0%        0\n",
		 "as a table");
	buf_fini(&out);
	top_fini(&t);
}

static void metrics(void)
{
	struct counters *source = running();
	struct buf out = { 0 };
	struct top t;

	source->counter[COUNTER_LAG_RECORDS] = 5;
	source->counter[COUNTER_LAG_US] = UINT64_MAX;
	source->counter[COUNTER_STORE_US] = 1500000;
	snprintf(source->detail, sizeof source->detail, "a\"b\\");
	top(&t, NULL);
	top_metrics(&t, &out);
	const char *z = buf_z(&out);
	ok(strstr(z, "hta_stage_lag_records{job=\"web\",program=\"hta-consume\",stage=\"0\",pid="
		     "\"100\",detail=\"a\\\"b\\\\\"} 5\n") != NULL,
	   "a gauge, its labels escaped");
	ok(strstr(z, "lag_seconds") == NULL, "what is unknown is not there");
	ok(strstr(z, "# TYPE hta_stage_store_seconds_total "
		     "counter\nhta_stage_store_seconds_total{job=\"web\",program=\"hta-consume\","
		     "stage=\"0\",pid=\"100\","
		     "detail=\"a\\\"b\\\\\"} 1.500000\n") != NULL,
	   "a counter in seconds");
	ok(strstr(z, "hta_pipeline_keeping_up{job=\"web\",inc=\"aa\",pgid=\"77\"} 1\n") != NULL,
	   "the pipeline");
	buf_fini(&out);
	top_fini(&t);
}

int main(void)
{
	keeping_up();
	falling_behind();
	stuck();
	stopped();
	groups();
	plain();
	text();
	metrics();
	return done();
}
