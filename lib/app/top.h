/* hta-top: the pipelines of a run folder (tool/top.h) for people, once or as a screen. */
#ifndef APP_TOP_H
#define APP_TOP_H

#include "tool/top.h"

/* Appends a sentence and a table a pipeline. before: rates since then instead of since the
 * start. */
void top_text(const struct top *t, const struct top *before, unsigned width, bool utf8,
	      struct buf *out);

int top_main(int argc, char **argv);

#endif
