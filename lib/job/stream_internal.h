/* Inside of an acknowledged stream: stream.c (acks, probes, epochs, the end), stream_hello.c (the
 * first line and its way back). */
#ifndef JOB_STREAM_INTERNAL_H
#define JOB_STREAM_INTERNAL_H

#include "job/ack.h"
#include "job/stream.h"

/* Numbers of the last probe that was sent, and that was answered; the answer. */
struct job_stream_probes {
	uint64_t sent, answered;
	struct ctl_sink_state *sinks;
	size_t n;
};

struct job_stream {
	struct job_stream_conf conf;
	struct ctl_inc inc;
	struct ack *ack; /* NULL before job_stream_hello */
	struct epochs *epochs;
	struct job_stream_probes probes;
	char gen[CTL_INC_CHARS + 1];
	struct buf claims; /* "[3,4]": stages that store dead and late */
	unsigned placed;   /* the last stage at or below one that knows records by place; 0: none */
	struct buf hello;  /* as it came back */
	bool hello_sent, hello_returned, ended;
	bool commits;             /* a sink commits the group's offsets */
	struct buf member;        /* empty: none */
	bool times;               /* a stage wants the records' own timestamps as they are */
	struct ctl ctl;           /* scratch: an answer at work */
	struct buf line, element; /* scratch: a record being written */
};

/* stream.c: writes s->line as a control line, empties it, flushes. */
int job_stream_say(struct job_stream *s, struct err *err);

/* job_stream_hello.c: the first line. path "": there is no ack channel, a `fail` follows. */
int job_stream_write_hello(struct job_stream *s, const char *path, const char *members,
			   struct err *err);

#endif
