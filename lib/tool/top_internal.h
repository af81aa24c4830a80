/* Inside of top.h: top.c (pipelines), top_judge.c (their state), top_json.c (JSON and metrics). */
#ifndef TOOL_TOP_INTERNAL_H
#define TOOL_TOP_INTERNAL_H

#include "tool/top.h"

/* Fills state, failed, why and so on. */
void top_judge(struct top_pipeline *p, int64_t now_us, const struct top *before);

#endif
