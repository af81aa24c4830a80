/* From pages to pipelines: grouped by incarnation, or by process group and time; then judged. */
#include "tool/top.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/tm.h"
#include "tool/prog.h"
#include "tool/top_internal.h"

const char *const top_states[] = { [TOP_KEEPING_UP] = "keeping up",
				   [TOP_FALLING_BEHIND] = "falling behind",
				   [TOP_STOPPED] = "stopped" };

void top_fini(struct top *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->pipe[i].stage);
	free(t->pipe);
	free(t->view);
	*t = (struct top){ 0 };
}

/* ---- groups */

static struct top_pipeline *add_pipe(struct top *t)
{
	t->pipe = mem_grow(t->pipe, t->n + 1, sizeof(*t->pipe));
	t->pipe[t->n] = (struct top_pipeline){ 0 };
	return &t->pipe[t->n++];
}

static void add_stage(struct top_pipeline *p, const struct counters_view *v)
{
	p->stage = mem_grow(p->stage, p->n + 1, sizeof(*p->stage));
	p->stage[p->n++] = v;
	p->alive += v->alive;
	if (v->counters.inc[0] && v->counters.stage_index == 0)
		p->source = &v->counters;
}

static struct top_pipeline *of_inc(struct top *t, const struct counters *counters)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->pipe[i].stage[0]->counters.inc, counters->inc) == 0)
			return &t->pipe[i];
	return NULL;
}

static void group_acked(struct top *t)
{
	for (size_t i = 0; i < t->n_views; i++) {
		struct top_pipeline *p;

		if (!t->view[i].counters.inc[0])
			continue;
		p = of_inc(t, &t->view[i].counters);
		if (!p)
			p = add_pipe(t);
		p->acked = true;
		add_stage(p, &t->view[i]);
	}
}

/* The one living acknowledged pipeline of this process group; NULL where there is none or more
 * than one. */
static struct top_pipeline *of_group(struct top *t, uint64_t pgid)
{
	struct top_pipeline *found = NULL;

	for (size_t i = 0; i < t->n; i++) {
		if (!t->pipe[i].acked || !t->pipe[i].alive ||
		    t->pipe[i].stage[0]->counters.pgid != pgid)
			continue;
		if (found)
			return NULL;
		found = &t->pipe[i];
	}
	return found;
}

static int by_start(const void *a, const void *b)
{
	const struct counters *x = &(*(const struct counters_view *const *)a)->counters,
			      *y = &(*(const struct counters_view *const *)b)->counters;

	if (x->pgid != y->pgid)
		return x->pgid < y->pgid ? -1 : 1;
	if (x->started_us != y->started_us)
		return x->started_us < y->started_us ? -1 : 1;
	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

/* Stages that lived at one time: in order of their start, a new pipeline begins where all before
 * had ended. A script's process group has one pipeline after another. */
static void group_plain(struct top *t, const struct counters_view **v, size_t n)
{
	struct top_pipeline *p = NULL;
	int64_t until = 0;

	for (size_t i = 0; i < n; i++) {
		const struct counters *counters = &v[i]->counters;
		int64_t end = v[i]->alive ? INT64_MAX : counters->touched_us;

		if (!p || p->stage[0]->counters.pgid != counters->pgid ||
		    counters->started_us > until) {
			p = add_pipe(t);
			until = end;
		}
		add_stage(p, v[i]);
		until = end > until ? end : until;
	}
}

static void group(struct top *t)
{
	const struct counters_view **plain = mem_array(t->n_views ? t->n_views : 1, sizeof(*plain));
	size_t n = 0;

	group_acked(t);
	for (size_t i = 0; i < t->n_views; i++) {
		const struct counters_view *v = &t->view[i];
		bool waits = v->alive && v->counters.state == COUNTERS_STARTING;
		struct top_pipeline *p = waits ? of_group(t, v->counters.pgid) : NULL;

		if (v->counters.inc[0])
			continue;
		if (p)
			add_stage(p, v);
		else
			plain[n++] = v;
	}
	qsort(plain, n, sizeof(*plain), by_start);
	group_plain(t, plain, n);
	free(plain);
}

const struct counters *top_before(const struct top *before, const struct counters *p)
{
	for (size_t i = 0; before && i < before->n_views; i++) {
		const struct counters *x = &before->view[i].counters;

		if (x->pid == p->pid && x->start_ticks == p->start_ticks)
			return x;
	}
	return NULL;
}

void top_init(struct top *t, struct counters_view *view, size_t n, int64_t now_us,
	      const struct top *before)
{
	*t = (struct top){ .view = view, .n_views = n, .now_us = now_us };
	group(t);
	for (size_t i = 0; i < t->n; i++)
		top_judge(&t->pipe[i], now_us, before);
}

int top_sample(struct top *t, const struct top *before, struct err *err)
{
	struct counters_view *view;
	const char *dir = prog_run_dir(err);
	size_t n;

	if (!dir || counters_list(dir, &view, &n, err))
		return -1;
	top_init(t, view, n, tm_now_us(), before);
	return 0;
}

/* ---- words */

void top_name(const struct top_pipeline *p, struct buf *out)
{
	if (p->acked)
		buf_addz(out, p->stage[0]->counters.job);
	else
		buf_printf(out, "plain %llu", (unsigned long long)p->stage[0]->counters.pgid);
}

void top_age(int64_t us, struct buf *out)
{
	double s = us < 0 ? 0 : (double)us / TM_S;

	if (s < 10)
		buf_printf(out, "%.1f s", s);
	else if (s < 120)
		buf_printf(out, "%.0f s", s);
	else if (s < 7200)
		buf_printf(out, "%.0f m", s / 60);
	else if (s < 2 * 86400)
		buf_printf(out, "%.0f h", s / 3600);
	else
		buf_printf(out, "%.0f d", s / 86400);
}
