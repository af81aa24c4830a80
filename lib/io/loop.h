/* The loop: one poll(2) set a program. Everything that waits, waits here, so that signals, a
 * reader that left, the acknowledgement channel and timers are noticed whatever the program
 * waits for.
 *
 * Single-threaded. Callbacks run inside loop_wait and loop_turn, may add and remove watches
 * (their own too), must not block, and must not call loop_wait or loop_turn.
 * Signals (loop_signals): INT, TERM and HUP write the self-pipe; those within two seconds of the
 * first are one signal; a later one forces out. The handler does nothing else. */
#ifndef IO_LOOP_H
#define IO_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"

struct loop;

struct loop *loop_new(void);
void loop_free(struct loop *l);

/* Watches fd for `events`: POLLIN, POLLOUT, or 0 for POLLERR and POLLHUP alone, which always count.
 * The id that is returned is never used again. */
typedef void loop_fn(void *arg, int fd, short revents);
int loop_watch(struct loop *l, int fd, short events, loop_fn *fn, void *arg);
void loop_unwatch(struct loop *l, int id);

/* Calls fn(arg, -1, 0) every period_us (first after one period). */
int loop_every(struct loop *l, int64_t period_us, loop_fn *fn, void *arg);
/* Calls fn(arg, -1, 0) once at deadline_us (tm_mono_us clock). Remove with loop_unwatch. */
int loop_at(struct loop *l, int64_t deadline_us, loop_fn *fn, void *arg);

/* Waits until fd has one of `events` (or an error), serving all watches meanwhile. deadline_us:
 * tm_mono_us clock, INT64_MAX: none, 0: only look.
 * Returns revents (> 0); 0 at the deadline; -1 with err when the program has to leave now
 * (forced out by a second signal or by loop_stop: EX_TEMPFAIL or what loop_stop was given). */
int loop_wait(struct loop *l, int fd, short events, int64_t deadline_us, struct err *err);

/* Serves watches once, waiting at most until deadline_us. Same returns as loop_wait with 1 for
 * "something was served". */
int loop_turn(struct loop *l, int64_t deadline_us, struct err *err);
/* Serves watches until deadline_us. 0, or -1 as loop_wait. */
int loop_sleep(struct loop *l, int64_t deadline_us, struct err *err);

/* Makes the current and every later wait return -1 with this error. For a callback that finds that
 * the program has to end. */
void loop_stop(struct loop *l, const struct err *err);

/* Installs the handlers (INT, TERM, HUP; one that is ignored stays so), one loop a process.
 * loop_free restores. on_first: called inside a wait at the first signal; NULL: the signal is
 * only remembered. drain_us: after the first signal, waits return -1 with EX_TEMPFAIL this much
 * later (0: never). */
void loop_signals(struct loop *l, void (*on_first)(void *arg, int signo), void *arg,
		  int64_t drain_us);
/* Work is done, only the exit is left: INT, TERM and HUP are ignored from now on, and after
 * loop_free too. systemd signals the processes of a unit one by one, so a stage that drained
 * quickly may get its SIGTERM late and must still exit 0. */
void loop_ignore_signals(struct loop *l);
int loop_signalled(const struct loop *l); /* the first signal's number, or 0 */

#endif
