/* The filter. On an acknowledged stream all that came in since a barrier goes out before it as
 * deltas, and nothing is kept. On a plain one rows are final: all at the end of the input, or
 * each window once the highest event time is `lateness` behind its end.
 *
 * Windows close in the order of their end, then of the metrics: so the rows do not depend on how
 * the input was cut into blocks. With a lateness it is the order of lines that decides what is
 * late, so one thread does it all. */
#include "app/window_internal.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "scan/look.h"
#include "proto/pos.h"

enum { SLOW_BYTES = 32 << 10 };

/* ---- what was read */

/* A plain input that begins with JSON over several lines, or with UTF-16, does not consist of
 * lines. Some of them may be objects all the same, such as the last element of an array: to count
 * those alone would look like a success. */
static int check_lines(const struct origin *origin, uint64_t nth, struct slice record,
		       struct err *err)
{
	enum look look;

	if (!origin->file || origin->line + nth != 1)
		return 0;
	look = look_at(record);
	if (look != LOOK_OPENS && look != LOOK_UTF16)
		return 0;
	return err_set(err, EX_DATAERR, "%s:1: %s; nothing of this input is counted", origin->file,
		       look_words(look));
}

static int take_bad(struct agg *a, const struct run *run, const struct engine_refusal *r,
		    uint64_t size, struct err *err)
{
	if (r->counted)
		return stage_dead_partly(a->stage, run, r->nth, r->at, r->record, size, r->reason,
					 err);
	if (check_lines(&run->origin, r->nth, r->record, err))
		return -1;
	return stage_dead(a->stage, run, r->nth, r->at, r->record, size, r->reason, err);
}

static int take_refused(void *arg, const struct origin *origin, const struct engine_refusal *r,
			uint64_t size, struct err *err)
{
	struct agg *a = arg;
	struct run run = { .origin = *origin };

	if (!r->reason)
		return stage_dead_long(a->stage, &run, r->nth, r->at, r->record, size, err);
	return take_bad(a, &run, r, size, err);
}

static int take_late(struct agg *a, const struct run *run, const struct engine_refusal *r,
		     struct err *err)
{
	if (!a->late_file)
		return 0;
	return dead_file_write(a->late_file, prog_common()->name, &run->origin, r->nth, r->at,
			       r->record, r->record.n, r->reason, err);
}

static int take_counts(struct agg *a, const struct origin *origin, const struct engine_counts *c,
		       uint64_t bytes, size_t groups, struct err *err)
{
	struct account *account = stage_account(a->stage);
	struct counters *counters = stage_counters(a->stage);

	if (a->in_file) {
		stage_took(a->stage, c->lines, bytes);
		counters_touch(counters);
	}
	account->aggregated += c->counted;
	account->filtered += c->blank + c->filtered;
	account->late += c->late;
	counters_add(counters, COUNTER_AGGREGATED, c->counted);
	counters_add(counters, COUNTER_FILTERED, c->blank);
	counters_add(counters, COUNTER_LATE, c->late);
	counters_add(counters, COUNTER_PARTLY, c->partly);
	counters_add(counters, COUNTER_ROUNDED, c->rounded);
	counters_add(counters, COUNTER_DIMS_CUT, c->cut);
	counters_add(counters, COUNTER_AHEAD, c->ahead);
	counters_add(counters, COUNTER_TIMES_TWICE, c->twice);
	counters_add(counters, COUNTER_TIMES_SKIPPED, c->skipped);
	counters_set(counters, COUNTER_GROUPS, groups);
	if (c->watermark_us != POS_NONE && origin->topic.p)
		stage_watermark(a->stage, origin->topic, origin->partition, c->watermark_us);
	else if (c->watermark_us != POS_NONE &&
		 (uint64_t)c->watermark_us > counters->counter[COUNTER_WATERMARK_US])
		counters_set(counters, COUNTER_WATERMARK_US, (uint64_t)c->watermark_us);
	engine_counts_add(&a->total, c);
	agg_tell_early(a);
	agg_tell_ahead(a, c, origin->time_us);
	return a->closing ? agg_bound(a, groups, !a->workers, err) : 0;
}

static int counted(void *arg, const struct origin *origin, const struct engine_counts *c,
		   const struct workers_times *times, uint64_t bytes, size_t groups,
		   struct err *err)
{
	struct engine_counts judged = *c;

	if (times->n)
		agg_judge(arg, origin, times, &judged);
	return take_counts(arg, origin, &judged, bytes, groups, err);
}

/* ---- rows */

static int write_rows(void *arg, struct slice lines, uint64_t rows, struct err *err)
{
	struct agg *a = arg;

	if (out_write(stage_out(a->stage), lines.p, lines.n, err))
		return -1;
	stage_wrote(a->stage, rows, lines.n);
	return 0;
}

/* The metric whose next window ends first; n_metrics: none has one. */
static size_t first_to_close(const struct agg *a, int64_t *end_us)
{
	size_t first = a->plan->n_metrics;
	int64_t end;

	*end_us = INT64_MAX;
	for (size_t i = 0; i < a->plan->n_metrics; i++)
		if (closing_next(a->closing[i], engine_state(a->window, i), &end) &&
		    end < *end_us) {
			first = i;
			*end_us = end;
		}
	return first;
}

static int close_windows(struct agg *a, bool all, struct err *err)
{
	int64_t mark = engine_counts(a->window)->watermark_us, end;
	size_t metric;

	while ((metric = first_to_close(a, &end)) < a->plan->n_metrics &&
	       (all || (mark != POS_NONE && end <= mark - a->lateness_us)))
		if (closing_close(a->closing[metric], engine_state(a->window, metric), a->emit,
				  err))
			return -1;
	return emit_flush(a->emit, err);
}

static int gather(struct agg *a, struct err *err)
{
	if (a->workers && (workers_wait(a->workers, err) || workers_merge(a->workers, err)))
		return -1;
	return a->closing ? agg_bound(a, engine_groups(a->window), true, err) : 0;
}

static int emit_metric(struct agg *a, size_t metric, struct err *err)
{
	struct metric_state *s = engine_state(a->window, metric);
	int64_t end;

	if (!a->closing || !closing_by_window(s->def))
		return emit_table(a->emit, s, err);
	while (closing_next(a->closing[metric], s, &end))
		if (closing_close(a->closing[metric], s, a->emit, err))
			return -1;
	return 0;
}

static int emit_all(struct agg *a, struct err *err)
{
	for (size_t i = 0; i < a->plan->n_metrics; i++)
		if (emit_metric(a, i, err))
			return -1;
	engine_clear(a->window);
	return emit_flush(a->emit, err);
}

/* ---- the filter */

static int begin_window(struct agg *a, bool deltas, struct err *err)
{
	const struct workers_hooks hooks = { .arg = a,
					     .refused = take_refused,
					     .counted = counted };
	struct emit_threads threads = { 0 };
	bool bounded = a->has_lateness && !deltas, alone;

	a->window = engine_new(a->plan, bounded ? a->lateness_us : ENGINE_NO_LATENESS);
	for (size_t i = 0; i < a->plan->n_metrics; i++)
		a->folds |= a->plan->metric[i].def->m.final.fold != 0;
	alone = bounded || a->folds;
	if (bounded && a->threads > 1)
		log_info("--lateness goes by the order of lines: one thread");
	else if (alone && a->threads > 1)
		log_info("--fold looks at whole windows: one thread");
	if (!alone && a->threads > 1) {
		a->workers = workers_new(a->plan, (unsigned)a->threads, stage_max_line(a->stage),
					 a->window, &hooks, err);
		if (!a->workers)
			return -1;
		threads = (struct emit_threads){ .n = (unsigned)a->threads,
						 .run = workers_each,
						 .self = a->workers };
	}
	if (!deltas) {
		a->closing = mem_array(a->plan->n_metrics, sizeof(*a->closing));
		for (size_t i = 0; i < a->plan->n_metrics; i++)
			a->closing[i] = closing_new(a->plan->metric[i].def);
	}
	a->emit = emit_new(deltas, !a->no_sketch && !isatty(STDOUT_FILENO), &threads, write_rows,
			   a);
	return 0;
}

static int open_late(void *self, struct stage *st, struct err *err)
{
	struct agg *a = self;

	a->stage = st;
	if (a->n_paths && agg_watch(a, err))
		return -1;
	a->total.watermark_us = a->total.ahead_us = POS_NONE;
	if (!a->late || strcmp(a->late, "drop") == 0)
		return 0;
	a->late_file = dead_file_open(a->late, err);
	return a->late_file ? 0 : -1;
}

static int window_plain(void *self, struct stage *st, struct err *err)
{
	struct agg *a = self;
	struct stat sb;

	(void)st;
	if (a->window)
		return 0;
	if (a->plan->common.log_time)
		return err_set(err, EX_USAGE,
			       "--time " METRIC_LOG_TIME
			       " goes by the timestamps of Kafka's records, which a plain stream "
			       "does not have: say hta-consume -g GROUP, or hta-consume -J, and "
			       "--time ts --time-unit ms here");
	if (a->ahead_dead)
		return err_set(err, EX_USAGE,
			       "--ahead dead goes by the timestamps of Kafka's records, "
			       "which a plain stream does not have");
	a->endless = a->n_files == 0 && fstat(STDIN_FILENO, &sb) == 0 && !S_ISREG(sb.st_mode);
	agg_tell_patience(a);
	return begin_window(a, false, err);
}

static int hello(void *self, struct stage *st, const struct ctl *ctl, struct buf *members,
		 struct err *err)
{
	struct agg *a = self;
	struct slice unit = slice_z("record");
	struct ctl_hello above;
	char cfg[METRIC_CFG_CHARS + 1];

	if (ctl_hello_read(ctl, &above, err))
		return -1;
	if (above.rows)
		return err_set(err, EX_USAGE,
			       "a second hta-window: what comes here are the deltas of the one "
			       "above, whose number depends on the epochs; "
			       "several metrics are several --metric NAME of one hta-window, each "
			       "with its own --every and --by");
	json_get_text(&ctl->json, 0, "unit", &unit);
	if (a->plan->common.log_time && slice_is(unit, "byte"))
		return err_set(err, EX_USAGE,
			       "--time " METRIC_LOG_TIME
			       " goes by the timestamps of Kafka's records: lines of files have "
			       "none");
	if (a->ahead_dead && a->plan->common.log_time)
		return err_set(err, EX_USAGE,
			       "--ahead dead holds event times against the timestamps of their "
			       "records, which with --time " METRIC_LOG_TIME " are the same");
	if (a->ahead_dead && slice_is(unit, "byte"))
		return err_set(err, EX_USAGE,
			       "--ahead dead goes by the timestamps of Kafka's records: which line "
			       "of a file is ahead shows 16 lines later, when it may be stored");
	if (agg_check_final(a, a->plan, err))
		return -1;
	for (size_t i = 0; i < a->plan->n_metrics; i++) {
		const struct metric *m = &a->plan->metric[i].def->m;

		if (window_stored(&m->window, err))
			return err_in(err, "metric %s", m->name);
	}
	a->endless = true;
	plan_cfg(a->plan, cfg);
	buf_printf(members, ",\"cfg\":\"%s\",\"metrics\":", cfg);
	plan_list(a->plan, members);
	buf_printf(members, ",\"lateness_us\":%lld", (long long)a->lateness_us);
	if (a->plan->common.log_time)
		buf_addz(members, ",\"times\":true");
	ctl_rules_write(&a->set.rules, members);
	if (begin_window(a, true, err))
		return -1;
	if (!a->workers) /* which keep origins */
		stage_takes_gaps(st);
	return 0;
}

/* One thread: what the engine refuses of a run. */
struct refusing {
	struct agg *a;
	const struct run *run;
};

static int line_refused(void *arg, const struct engine_refusal *r, struct err *err)
{
	struct refusing *run = arg;

	return r->late ? take_late(run->a, run->run, r, err)
		       : take_bad(run->a, run->run, r, r->record.n, err);
}

static int data(void *self, struct stage *st, const struct run *run, uint64_t *lines,
		struct err *err)
{
	struct agg *a = self;
	struct engine_counts c;

	if (a->next.plan && !stage_acknowledged(st) &&
	    ((a->workers && workers_wait(a->workers, err)) || agg_turn(a, err)))
		return -1;
	if (a->workers) {
		if (workers_run(a->workers, run, lines, err))
			return -1;
		/* little at a time: nobody gains by waiting for more */
		return !stage_acknowledged(st) && run->block.n < SLOW_BYTES
			       ? workers_wait(a->workers, err)
			       : 0;
	}
	engine_from(a->window, run->origin.time_us, agg_order(a, &run->origin), NULL);
	engine_records(a->window, &run->origin.time_us, false);
	if (engine_block(a->window, run->block, line_refused, &(struct refusing){ a, run }, err))
		return -1;
	c = engine_counts_take(a->window);
	*lines = c.lines;
	if (take_counts(a, &run->origin, &c, run->block.n, engine_groups(a->window), err))
		return -1;
	return a->has_lateness && !stage_acknowledged(st) ? close_windows(a, false, err) : 0;
}

/* With threads, a regular file is read by them. */
static int file(void *self, struct stage *st, int fd, const char *name, struct err *err)
{
	struct agg *a = self;
	off_t from = lseek(fd, 0, SEEK_CUR);
	struct stat sb;
	int rc;

	(void)st;
	if (!a->workers || from < 0 || fstat(fd, &sb) || sb.st_size <= from)
		return 0;
	a->in_file = true;
	rc = workers_file(a->workers, fd, from, sb.st_size, name, err);
	a->in_file = false;
	lseek(fd, sb.st_size, SEEK_SET);
	return rc ? -1 : 1;
}

static int barrier(void *self, struct stage *st, const struct ctl *bar, struct err *err)
{
	struct agg *a = self;

	if (gather(a, err) || emit_all(a, err) || agg_marks_barrier(a, bar, err))
		return -1;
	counters_set(stage_counters(st), COUNTER_GROUPS, 0);
	return 0;
}

/* The set that is counted from here on, told to every sink. */
static int barrier_passed(void *self, struct stage *st, struct err *err)
{
	struct agg *a = self;
	struct buf line = { 0 }, list = { 0 };
	int rc;

	if (!a->next.plan)
		return 0;
	plan_list(a->next.plan, &list);
	ctl_metrics_write_list(stage_inc(st), &a->next.rules, buf_slice(&list), &line);
	buf_addc(&line, '\n');
	rc = out_write(stage_out(st), line.p, line.n, err) || agg_turn(a, err) ? -1 : 0;
	buf_fini(&list);
	buf_fini(&line);
	return rc;
}

static int control(void *self, struct stage *st, const struct ctl *ctl, struct buf *instead,
		   struct err *err)
{
	struct agg *a = self;

	(void)st, (void)instead;
	if (ctl->kind != CTL_BEFORE)
		return 0;
	if (a->workers && workers_wait(a->workers, err))
		return -1;
	return agg_marks_before(a, ctl, err);
}

static int finish_window(void *self, struct stage *st, bool eof, struct err *err)
{
	struct agg *a = self;

	(void)eof;
	if (!stage_acknowledged(st)) {
		if (gather(a, err) ||
		    (a->has_lateness ? close_windows(a, true, err) : emit_all(a, err)))
			return -1;
		if (a->late_file && dead_file_sync(a->late_file, err))
			return -1;
	}
	agg_tell_end(a);
	return 0;
}

static void close_all(void *self, struct stage *st)
{
	struct agg *a = self;
	struct err ignored;

	(void)st;
	agg_unwatch(a);
	workers_free(a->workers);
	emit_free(a->emit);
	for (size_t i = 0; a->closing && i < a->plan->n_metrics; i++)
		closing_free(a->closing[i]);
	free(a->closing);
	agg_marks_fini(a);
	engine_free(a->window);
	dead_file_close(a->late_file, &ignored);
}

const struct filter agg_filter = {
	.finds_dead = true,
	.consumes = true,
	.open = open_late,
	.plain = window_plain,
	.hello = hello,
	.data = data,
	.barrier = barrier,
	.barrier_passed = barrier_passed,
	.control = control,
	.finish = finish_window,
	.file = file,
	.close = close_all,
};
