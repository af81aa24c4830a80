/* The pipelines of a run folder, from the counters pages of their stages (counters.h), without any
 * help of theirs: what hta-top shows and hta-serve tells.
 *
 * A pipeline is the stages of one incarnation (acknowledged), or of one process group that lived
 * at one time (plain: no two stages of it with a gap between them). A living stage that has not
 * heard its hello yet belongs to the one living acknowledged pipeline of its process group; a plain
 * source (hta-gen) that runs does not.
 *
 * Its state, now:
 *   stopped         no stage lives; or one has failed (left with another code than 0, or died)
 *                   and the others are on their way out
 *   falling behind  acknowledged, and one of
 *                     - its oldest record that is not stored by all sinks is TOP_LAG_US old or
 *                     older (lag_us), and not less than it was an earlier sample
 *                       ago
 *                     - epochs are in flight, and no stage has passed or acknowledged a barrier
 *                     for TOP_STUCK_US
 *                     - a living stage has not touched its page for TOP_STUCK_US
 *   keeping up      everything else: plain pipelines that live (they know no lag), and those
 *                   that are starting or draining
 *
 * Why it stopped is the first stage that failed of itself: the earliest that died or left with a
 * code of its own; else with 76 (what stood above was gone); else with 75 (what stood below was
 * gone). One that left without an error of its own repeats another's `fail`. */
#ifndef TOOL_TOP_H
#define TOOL_TOP_H

#include "base/str.h"
#include "tool/counters.h"

#define TOP_LAG_US (10 * 1000000LL)
#define TOP_STUCK_US (10 * 1000000LL)

enum top_state { TOP_KEEPING_UP, TOP_FALLING_BEHIND, TOP_STOPPED };

struct top_pipeline {
	const struct counters_view **stage; /* in order of the pipe as far as it is known */
	size_t n, alive;
	/* of an acknowledged one, where its page is there; NULL */
	const struct counters *source;
	bool acked;
	enum top_state state;
	const struct counters_view *failed; /* the first that failed; NULL: none */
	int64_t ended_us;                   /* when the last stage was seen; stopped only */
	bool catching_up;                   /* behind, but less than the sample before */
	bool unsure;                        /* a second sample could tell that it is catching up */
	char why[512];                      /* the rest of the sentence */
};

struct top {
	struct counters_view *view;
	size_t n_views;
	struct top_pipeline *pipe;
	size_t n;
	int64_t now_us;
};

/* Groups and judges; takes view (from counters_list). before: an earlier sample, or NULL. */
void top_init(struct top *t, struct counters_view *view, size_t n, int64_t now_us,
	      const struct top *before);
void top_fini(struct top *t);

/* Looks at the pages of this program's run folder (prog_run_dir), and judges. */
int top_sample(struct top *t, const struct top *before, struct err *err);

/* The same pipeline or stage in an earlier sample; NULL. */
const struct counters *top_before(const struct top *before, const struct counters *p);

/* "web" or "plain 1234" (its process group). */
void top_name(const struct top_pipeline *p, struct buf *out);
extern const char *const top_states[]; /* "keeping up", .. by enum top_state */
/* "0.4 s", "12 s", "5 m", "3 h", "2 d": an age, for people. */
void top_age(int64_t us, struct buf *out);

/* A stage's: "up", "draining", "done", "exit 69", "killed". */
void top_stage_state(const struct counters_view *v, struct buf *out);

/* A counter that says something: of the source alone lags and epochs in flight, and no unknown
 * ones. */
bool top_has(const struct top_pipeline *p, const struct counters *counters, enum counter c);

/* Appends: a JSON object | one a pipeline, a line each | Prometheus' text form. */
void top_json_pipeline(const struct top_pipeline *p, struct buf *out);
void top_json(const struct top *t, struct buf *out);
void top_metrics(const struct top *t, struct buf *out);

#endif
