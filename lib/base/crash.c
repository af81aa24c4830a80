#include "base/crash.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/str.h"

enum crash_point crash_armed;

static uint64_t left;

static const char *const names[] = {
	[CRASH_LINE_HALF] = "line-half",
	[CRASH_BARRIER_BEFORE] = "barrier-before",
	[CRASH_BARRIER_AFTER] = "barrier-after",
	[CRASH_SINK_INIT] = "sink-init",
	[CRASH_SINK_RULES] = "sink-rules",
	[CRASH_SINK_INSIDE] = "sink-inside",
	[CRASH_SINK_SENT] = "sink-sent",
	[CRASH_SINK_CLAIMED] = "sink-claimed",
	[CRASH_SINK_WRITTEN] = "sink-written",
	[CRASH_STATE_INSIDE] = "state-inside",
	[CRASH_ALERTS_PRINTED] = "alerts-printed",
	[CRASH_ALERTS_INSIDE] = "alerts-inside",
	[CRASH_ALERTS_STORED] = "alerts-stored",
	[CRASH_DLQ_TAKEN] = "dlq-taken",
	[CRASH_DLQ_INSIDE] = "dlq-inside",
	[CRASH_DLQ_SENT] = "dlq-sent",
	[CRASH_SOURCE_INIT] = "source-init",
	[CRASH_SOURCE_ASSIGNED] = "source-assigned",
	[CRASH_SOURCE_REVOKED] = "source-revoked",
	[CRASH_SOURCE_BEFORE_COMMIT] = "source-before-commit",
	[CRASH_SOURCE_AFTER_COMMIT] = "source-after-commit",
	[CRASH_LOG_HALF] = "log-half",
	[CRASH_LOG_WRITTEN] = "log-written",
	[CRASH_LOG_TOLD] = "log-told",
	[CRASH_LOG_ZEROS] = "log-zeros",
	[CRASH_LOG_CUT] = "log-cut",
	[CRASH_LOG_NAMED] = "log-named",
	[CRASH_LOG_TAIL] = "log-tail",
};

enum { POINTS = sizeof(names) / sizeof(*names) };

static int no_such(const char *text, struct err *err)
{
	struct buf all = { 0 };

	for (int i = 1; i < POINTS; i++)
		buf_printf(&all, "%s%s", i > 1 ? ", " : "", names[i]);
	err_set(err, EX_USAGE,
		"HTA_CRASH=%s: POINT or POINT:N is wanted, N from 1, with a point of %s", text,
		buf_z(&all));
	buf_fini(&all);
	return -1;
}

int crash_setup(struct err *err)
{
	const char *text = getenv("HTA_CRASH");
	size_t n;

	if (!text || !*text)
		return 0;
	n = strcspn(text, ":");
	left = 1;
	if (text[n] && (num_count(text + n + 1, &left, err) || left == 0))
		return no_such(text, err);
	for (int i = 1; i < POINTS; i++)
		if (strlen(names[i]) == n && memcmp(names[i], text, n) == 0)
			crash_armed = (enum crash_point)i;
	return crash_armed ? 0 : no_such(text, err);
}

bool crash_count(void)
{
	return left && --left == 0;
}

void crash_die(void)
{
	kill(getpid(), SIGKILL);
	abort(); /* until the signal arrives */
}
