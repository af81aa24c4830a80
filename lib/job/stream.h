/* An acknowledged stream from its beginning, without a log: what hta-protocol(7) asks of a source,
 * and nothing of where its records come from. hta-consume puts a log of any kind on top
 * (source/consume.h); an intake whose log is its own puts itself there.
 *
 *   hello      down the pipe, and back on the ack channel with an element of each stage
 *   probe      down the pipe, and back with what each sink holds of the job
 *   init       what a probe's answer is answered with (start_rules.h)
 *   epochs     from job_stream_begin on: what is read is told to job_stream_epochs, a barrier
 *              closes the open epoch, its ack comes back
 *   end, fail  the last words
 * The caller writes records, `at` and `before` itself, between the calls here: to emitter_out and
 * through job_stream_control.
 *
 * Acks and answers are taken by job_stream_serve, which every wait here calls, and told through the
 * hooks. A `fail` from below and a channel that closes too early stop the emitter's loop: every
 * wait fails from then on (ack.h). 0, or -1 with err, unless said otherwise. */
#ifndef JOB_STREAM_H
#define JOB_STREAM_H

#include "job/epochs.h"
#include "proto/ctl.h"
#include "tool/emitter.h"

struct job_stream;

/* Called inside job_stream_serve, over conf.self; each may be NULL. -1 with err ends the wait. */
struct job_stream_hooks {
	/* The oldest epoch in flight is stored in all sinks: its ranges, valid during the call. */
	int (*acked)(void *self, const struct ranges *epoch, struct err *err);
	/* The answer to the last probe has come: job_stream_sinks. */
	int (*answered)(void *self, struct err *err);
	/* All that had come was taken. */
	int (*served)(void *self, struct err *err);
	/* Is the answer to a probe not worth waiting for any more? 1: it is not. */
	int (*changed)(void *self, struct err *err);
};

struct job_stream_conf {
	/* Not a plain one. Lives longer than the stream. */
	struct emitter *emitter;
	const char *job, *group; /* UTF-8; group NULL: none */
	bool bytes;              /* offsets count bytes, not records */
	const char *ack;         /* path of the socket; NULL: in the run folder */
	int64_t drain_us;        /* the hello tells it to the stages */
	struct epochs_conf epochs;
	const struct job_stream_hooks *hooks;
	void *self;
};

/* conf is copied, its texts are borrowed for the life of the stream. Never NULL. */
struct job_stream *job_stream_new(const struct job_stream_conf *conf);
void job_stream_free(struct job_stream *s);

const struct ctl_inc *job_stream_inc(const struct job_stream *s);
struct epochs *job_stream_epochs(const struct job_stream *s);
/* Writes a control line; it goes out with the next flush. */
int job_stream_control(struct job_stream *s, struct slice line, struct err *err);

/* ---- waits */

/* Takes what has come. */
int job_stream_serve(struct job_stream *s, struct err *err);
/* Serves the loop until something happens or the deadline (tm_mono_us clock), then takes what
 * came. */
int job_stream_turn(struct job_stream *s, int64_t deadline_us, struct err *err);
/* Waits for the acks of all epochs in flight, at most until then or until the channel closes. */
int job_stream_drain(struct job_stream *s, int64_t deadline_us, struct err *err);

/* ---- the beginning */

/* Listens at the ack channel and writes the hello. members: this program's own members of its
 * element (ctl.h), or "". A note to people after 3 s, EX_CONFIG after
 * 30 s without its return. EX_CONFIG: no socket can be had there. */
int job_stream_hello(struct job_stream *s, const char *members, struct err *err);
/* Waits until it is back. Where a stage has failed before it: waits for that `fail`, which ends
 * the wait. EX_USAGE: two sinks of one name, or two that commit. */
int job_stream_await_hello(struct job_stream *s, struct err *err);
/* A stage below stores dead records. Known once the hello is back. */
bool job_stream_stores_dead(const struct job_stream *s);
/* A sink commits the group's offsets itself, with what it stores. Known once the hello is back. */
bool job_stream_commits(const struct job_stream *s);
/* Who the source is in its group, in the form of the log's client: goes with every init and barrier
 * from here on, where a sink commits. Copied; "" none. */
void job_stream_member(struct job_stream *s, const char *member);
/* A stage below wants each record's timestamp as it is (ctl.h, at). Known once the hello is back.
 */
bool job_stream_wants_times(const struct job_stream *s);

/* Asks the sinks, and waits for their answer. 1: gave up (hooks.changed). */
int job_stream_probe(struct job_stream *s, struct err *err);
/* The same without waiting: hooks.answered tells. */
int job_stream_send_probe(struct job_stream *s, struct err *err);
/* Nothing was asked since the last answer. */
bool job_stream_answered(const struct job_stream *s);
/* What the last answer said, in the order of the pipe. Valid until the next one. */
const struct ctl_sink_state *job_stream_sinks(const struct job_stream *s, size_t *n);
int job_stream_init(struct job_stream *s, const struct ctl_init *init, struct err *err);
/* A new generation. */
void job_stream_draw(char gen[CTL_INC_CHARS + 1]);

/* ---- epochs */

/* The generation of the barriers to come: that of the sinks, or "" where none keeps positions. */
void job_stream_begin(struct job_stream *s, const char gen[CTL_INC_CHARS + 1]);
const char *job_stream_gen(const struct job_stream *s);
/* Closes the open epoch, which must have something to send (epochs_changed), with the account of
 * this program, and writes it out. *sent: its ranges, valid until the next cut or ack. */
int job_stream_cut(struct job_stream *s, const struct account *account, const struct ranges **sent,
		   struct err *err);

/* ---- the end. Exactly one of these, after which only job_stream_free */

/* All is read: `end`, then those below get the end of their input, and all acks are waited for.
 * eof: the log is at its end and never gets longer. EX_TEMPFAIL: not all came. */
int job_stream_end(struct job_stream *s, bool eof, struct err *err);
bool job_stream_ended(const struct job_stream *s); /* `end` was written */
/* Nothing was read yet, nothing is owed: `end`, where it fits into the pipe. */
void job_stream_leave(struct job_stream *s);
/* We failed. Where our failure is that a stage has gone, its own word is waited for a moment and
 * replaces err (ack_last_word). Else those below are told: hello, where they have had none, and
 * `fail`. */
void job_stream_fail(struct job_stream *s, struct err *err);

/* The whole of a stream whose program has failed before it could make one: hello and `fail`,
 * where standard output is a pipe or socket. job: as the command line has it, NULL or wrong. */
void job_stream_refuse(const char *job, int64_t drain_us, const struct err *why);

#endif
