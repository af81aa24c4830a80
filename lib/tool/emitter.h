/* The skeleton of a program that begins a pipe: the mirror of stage.h. What such programs share
 * stands here, so that each is only what it makes or reads:
 *   - the loop, a writer on standard output, and a watch for a reader that leaves;
 *   - the counters page: alive once a second, time blocked, the last words;
 *   - signals. On a plain stream INT, TERM and HUP keep their default action, and a reader that
 *   leaves is an ordinary end: the page says so, then SIGPIPE ends the process. Else the first
 *     INT, TERM or HUP asks the program to end at the next clean place, a second one or the end
 *     of drain_us forces it out (io/loop.h), and a reader that leaves is an error like others.
 * An emitter knows nothing of jobs, barriers and acknowledgements: that is job/stream.h, which
 * stands on it. */
#ifndef TOOL_EMITTER_H
#define TOOL_EMITTER_H

#include "io/loop.h"
#include "io/out.h"
#include "tool/counters.h"

struct emitter;

struct emitter_conf {
	size_t out_bytes; /* of the writer's buffer */
	/* Called inside a wait at the first signal; must not block. NULL: a plain stream. */
	void (*stop)(void *self);
	void *self;
	int64_t drain_us; /* waits fail this long after the first signal; 0: never */
};

/* One a process. Copies conf, makes the page of prog_common()->name. Never NULL. */
struct emitter *emitter_new(const struct emitter_conf *conf);

struct loop *emitter_loop(const struct emitter *e);
struct counters *emitter_counters(const struct emitter *e);
/* NULL after emitter_close_out. */
struct out *emitter_out(const struct emitter *e);
void emitter_state(struct emitter *e, enum counters_state state);

/* Nothing is to be written now: writes out what is buffered, then serves the loop once, until fd
 * is readable or the deadline (tm_mono_us clock, INT64_MAX: none). Time spent counts as
 * blocked_in. fd -1: it is those below that keep us from writing, and the time counts as
 * blocked_out. 0, or -1 with err: the writer's and the loop's errors. */
int emitter_wait(struct emitter *e, int fd, int64_t deadline_us, struct err *err);
/* Writes out what is buffered, then serves the loop until that time, which counts as nothing:
 * the program's own pace. */
int emitter_pause(struct emitter *e, int64_t until_us, struct err *err);

/* All is written. Those below get the end of their input and may leave; standard output is
 * /dev/null from here on. Does not flush. */
void emitter_close_out(struct emitter *e);

/* The last words, and frees: rc and err (rc != 0) are how the program's body ended. On a plain
 * stream whose reader has left SIGPIPE ends the process here, as it ends any filter. */
void emitter_end(struct emitter *e, int rc, const struct err *err);

#endif
