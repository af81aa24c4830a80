/* A log: partitions of records with offsets, from outside: a Kafka cluster (drv/kafka/kafka.h),
 * files (drv/files/files.h), an intake's own log (source/wal.h), or the final rows of a store
 * (source/final_input.h). What the epochs,
 * the assignment and the catch-up in this room are written against; none of them knows which it is.
 *
 * A log lives in the program's loop: open() installs its own watches and timers there, so that
 * it stays in its group whatever the source waits for; a callback only notes an event. All
 * calls return within milliseconds unless marked (waits): those serve the loop meanwhile. While
 * a cluster is away change() and read() may take a second, now and then.
 * Results: 0 / -1 with err: EX_CONFIG refused login, unknown topic or file; EX_UNAVAILABLE not
 * reached within --retry-for; EX_DATAERR offsets gone (see `lost`); EX_TEMPFAIL fenced or
 * anything that a restart mends. */
#ifndef SOURCE_INPUT_H
#define SOURCE_INPUT_H

#include "base/err.h"
#include "base/hash.h"
#include "io/loop.h"
#include "proto/partitions.h"
#include "proto/pos.h"

/* What pos_last.hash is made of: the first RECORD_HASH_BYTES of a record, as it came (a line
 * without its newline; a tombstone is empty): no more of an over-long line is ever kept. */
enum { RECORD_HASH_BYTES = 64 << 10 };
static inline uint64_t record_hash(struct slice value)
{
	return hash_64(value.p, value.n < RECORD_HASH_BYTES ? value.n : RECORD_HASH_BYTES);
}

struct input_record {
	/* p NULL: a tombstone; in a file an over-long line is cut: offset and next tell its size */
	struct slice value;
	int64_t offset;
	int64_t next;      /* the offset behind it */
	int64_t time_us;   /* Kafka timestamp; POS_NONE */
	const void *place; /* the log's own: where extra() finds the record */
	bool headers;      /* extra() has some */
	bool appended;     /* the timestamp is the log's; else the producer's */
	bool tail;         /* file: no newline behind it (the last line) */
	bool dead;         /* it is a dead letter already: extra() has why, and the original */
};

/* What a record has beside its value. */
struct input_header {
	struct slice name, value; /* value.p NULL: null */
};
struct input_extra {
	struct slice key; /* p NULL: none */
	const struct input_header *header;
	size_t n;              /* headers */
	const char *reason;    /* of a dead one; */
	struct slice original; /* its bytes, which `value` is not */
};

/* Records of one partition in offset order. Valid until the next read(). */
struct input_batch {
	/* borrowed; stays the same pointer while the partition is assigned */
	const struct partition *part;
	const struct input_record *v;
	size_t n;
	/* next offset after the batch; n == 0: offsets without a record (markers, compaction)
	 * were passed, or: */
	int64_t position;
	/* position is the log's end as far as the log knows now */
	bool end;
	/* the driver read them itself, past the client library of its product */
	bool direct;
	/* Records of one offset belong together: no epoch ends between them. */
	bool whole;
};

enum input_change {
	INPUT_UNCHANGED,
	/* the whole set that is ours now is in *parts (eager); nothing is read before assign() */
	INPUT_ASSIGNED,
	INPUT_REVOKED, /* give up all: cut, wait a bounded time, commit, then revoked() */
	INPUT_GONE,    /* as INPUT_REVOKED, but too late to commit (evicted, session lost) */
};

enum input_when { INPUT_EARLIEST, INPUT_LATEST, INPUT_TIME };

struct input_ops {
	bool bytes; /* offsets count bytes */
	bool group; /* has commits and changes */
	/* Records come behind its end while it is read, and none of it is read again to tell:
	 * --until end is the end that it had. (A group's topics do so anyway.) */
	bool grows;
	/* Offsets are event times, in microseconds: a partition's position is its watermark. Many
	 * records may have one offset, and none has to be behind it. */
	bool times;

	/* Its records are rows: appends members of the hello (",\"metrics\":[..]", ctl.h), once it
	 * is open. NULL: records. */
	int (*members)(void *log, struct buf *out, struct err *err);

	/* (waits) Connects, checks that the topics are there, joins the group if it has one. */
	int (*open)(void *log, struct loop *loop, struct err *err);
	/* Whose turn: what changed since the last call. err: the log failed for good. parts:
	 * filled for INPUT_ASSIGNED. */
	int (*change)(void *log, enum input_change *change, struct partitions *parts,
		      struct err *err);
	/* Reads exactly these from exactly there (range.from); replaces what was read before;
	 * drops what was fetched ahead. n == 0: reads nothing, stays a member. */
	int (*assign)(void *log, const struct ranges *start, struct err *err);
	/* Answers INPUT_REVOKED and INPUT_GONE. */
	int (*revoked)(void *log, struct err *err);
	/* One batch, or batch->part NULL: nothing now; then *fd is what to wait for (POLLIN), or
	 * -1: nothing more can come (files at their end). */
	int (*read)(void *log, struct input_batch *batch, int *fd, struct err *err);
	/* The rest of a record that the last read() gave; valid until the next call of either. A
	 * header that cannot be read ends them. NULL: records are values and nothing else. */
	void (*extra)(void *log, const struct input_record *r, struct input_extra *out);
	/* (waits) All partitions of all topics of the job, ours or not. */
	int (*partitions)(void *log, struct partitions *out, struct err *err);
	/* (waits) Fills from = low, to = end (of read_committed input: the last stable offset)
	 * of each range given. A compressed file has its end only when it was read: to = -1, not
	 * known. */
	int (*ends)(void *log, struct ranges *parts, struct err *err);
	/* (waits) Fills from = first offset at or after the time (INPUT_TIME, us), or low / end. */
	int (*starts)(void *log, struct ranges *parts, enum input_when when, int64_t time_us,
		      struct err *err);
	/* (waits) The group's commits: from = offset or -1; *meta the text of any of them that
	 * has one (appended; all must agree: EX_CONFIG), for all partitions given. */
	int (*committed)(void *log, struct ranges *parts, struct buf *meta, struct err *err);
	/* Commits `to` of each with this text. wait: synchronously (waits); else errors come as
	 * warnings, and so does with `wait` that the group has put us out: the change to come
	 * says it. */
	int (*commit)(void *log, const struct ranges *offsets, const char *meta, bool wait,
		      struct err *err);
	/* Told after each change: `to` of each partition is stored in all sinks. NULL: nobody wants
	 * to know. */
	void (*stored)(void *log, const struct ranges *stored);
	/* Who we are in the group, since the last INPUT_ASSIGNED, in the form of the log's client:
	 * appends base64. Whoever commits with it is refused once the group has moved on. Nothing
	 * where we are no member. NULL: the log has no groups. */
	int (*member)(void *log, struct buf *out, struct err *err);
	/* (waits) Reads the one record at `last.offset` of the partition for the fingerprint:
	 * *found false where it is gone. */
	int (*fingerprint)(void *log, const struct partition *part, int64_t offset, bool *found,
			   struct pos_last *out, struct err *err);
	/* Appends the last whole lines below that offset, each with its newline, some sixty at
	 * most. Nothing where that would mean to read all before them. NULL: this log has no
	 * lines. */
	int (*before)(void *log, const struct partition *part, int64_t offset, struct buf *lines,
		      struct err *err);
	/* What the sinks hold of the job, before partitions() is asked: files get their names from
	 * it; NULL: not needed. One entry a name, with the highest next and watermark of all sinks;
	 * idle where all have it so. */
	int (*known)(void *log, const struct positions *held, struct err *err);
	/* Before a barrier, and at the end: did all that read() gave since the last call stand in
	 * the logs that it was read for? NULL: it always did. EX_TEMPFAIL: a file was cut off or
	 * written anew below its reader. */
	int (*verify)(void *log, struct err *err);
	/* When all is read and stored: EX_DATAERR where a log could not be read to its end, of
	 * which all that could be read was. NULL: there is no such. */
	int (*left)(void *log, struct err *err);
	/* What people call the partitions of this topic: a file's path. NULL, as the call or its
	 * answer: the topic's own name. */
	const char *(*place)(const void *log, const char *topic);
	/* Leaves the group, flushes. Also after an open() that failed. */
	void (*close)(void *log);
};

/* The error of `assign` and `read` where offsets are gone: which, and from where on there are
 * some. Filled by the log before EX_DATAERR. */
struct input_lost {
	bool is;
	struct partition part;
	int64_t from, to;
};

struct input {
	const struct input_ops *ops;
	void *self;
	struct input_lost lost;
};

static inline const char *input_place(const struct input *in, const char *topic)
{
	return in->ops->place ? in->ops->place(in->self, topic) : NULL;
}

#endif
