/* OpenMetrics 1.0 out of the text format of Prometheus (0.0.4), so that whoever counts says it
 * once. What differs: a counter's family is named without _total and its samples with it, bounds of
 * histograms are floats, quotes in HELP are escaped, and the text has an end. Pure. */
#ifndef TOOL_OPENMETRICS_H
#define TOOL_OPENMETRICS_H

#include "base/str.h"

#define OPENMETRICS_TYPE "application/openmetrics-text"

/* Appends. text: families one after the other, HELP, if there is any, before TYPE and both before
 * the samples. */
void openmetrics_write(struct slice text, struct buf *out);

#endif
