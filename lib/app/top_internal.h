/* Inside of hta-top: top.c (pipelines), top_judge.c (their state), top_text.c, top_json.c (JSON
 * and metrics), top_main.c (options, screen). */
#ifndef APP_TOP_INTERNAL_H
#define APP_TOP_INTERNAL_H

#include "app/top.h"

/* Fills state, failed, why and so on. */
void top_judge(struct top_pipeline *p, int64_t now_us, const struct top *before);

/* A stage's: "up", "draining", "done", "exit 69", "killed". */
void top_stage_state(const struct counters_view *v, struct buf *out);

/* A counter that says something: of the source alone lags and epochs in flight, and no unknown
 * ones. */
bool top_has(const struct top_pipeline *p, const struct counters *counters, enum counter c);

#endif
