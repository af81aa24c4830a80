/* The screen of --watch: the newest window and the course of the last ones, painted anew each
 * second until a signal. The store is opened for each paint, for what one opening reads is of one
 * moment. Where there is nothing yet, that is what is painted. */
#include "app/query_internal.h"
#include "base/tm.h"

enum { PAINT_US = 1000000 };

static int paint_rows(struct query *q, int (*paint)(struct query *q, struct err *err),
		      struct err *err)
{
	struct buf text = { 0 };
	int rc;

	q->now_us = tm_now_us();
	buf_addz(&text, "\033[H\033[2J");
	rc = query_put(q, &text, err);
	if (rc == 0)
		rc = paint(q, err);
	if (rc && err->code == EX_NO) {
		buf_printf(&text, "%s\n", err->msg);
		err_clear(err);
		rc = query_put(q, &text, err);
	}
	buf_fini(&text);
	return rc || out_flush(q->out, err) ? -1 : 0;
}

static int open_again(struct query *q, struct err *err)
{
	q->store.driver->close(q->store.d);
	q->store.d = q->store.driver->open(&q->conf, err);
	return q->store.d ? 0 : -1;
}

int query_watch(struct query *q, int (*paint)(struct query *q, struct err *err), struct err *err)
{
	int rc = 0;

	loop_signals(q->loop, NULL, NULL, 0);
	while (rc == 0 && !loop_signalled(q->loop)) {
		int64_t until = tm_mono_us() + PAINT_US;

		rc = paint_rows(q, paint, err);
		while (rc == 0 && !loop_signalled(q->loop) && tm_mono_us() < until)
			rc = loop_turn(q->loop, until, err) < 0 ? -1 : 0;
		if (rc == 0 && !loop_signalled(q->loop))
			rc = open_again(q, err);
	}
	return rc;
}
