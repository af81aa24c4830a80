/* The writer of an intake's local log (wal_format.h has its bytes, wal_dir.h its folder): lines are
 * appended by the loop's thread, a thread writes them in groups and tells the loop what is durable.
 *
 *	wal_append -> group being filled -> sync thread: one write, one sync -> page -> durable()
 * While a group is written the next one is filled, so a lone client pays one sync and a thousand
 * share one; there is no timer. A group has 1 MiB or 4,096 appends at most, one append is never
 * split. When nothing is being written, a group starts at the end of the loop's turn, or at
 * wal_flush.
 *
 * An append that was answered WAL_OK has an offset, and may be promised to nobody before durable()
 * has told an end behind it. All functions are the loop thread's. The hooks are called inside the
 * loop's waits and inside wal_close; they may append, and must not close.
 *
 * A second thread makes segments one ahead, filled with zeros (a sync then waits for no journal),
 * and removes those that every reader has passed: older than keep_us, or where their room is wanted
 * (the quota, a full disk). Without any reader nothing is removed. A disk that is full is noticed
 * there, before anything was promised. */
#ifndef SOURCE_WAL_WRITE_H
#define SOURCE_WAL_WRITE_H

#include "base/err.h"
#include "base/str.h"
#include "io/loop.h"
#include "source/wal_page.h"

enum {
	WAL_GROUP_BYTES = 1 << 20,
	WAL_GROUP_APPENDS = 4096,
	/* Of a log with segments of their ordinary size; else half a segment. */
	WAL_APPEND_BYTES = 32 << 20,
};

struct wal;

/* A group that is durable. */
struct wal_done {
	int64_t end; /* all below is durable */
	uint32_t lines, appends;
	int64_t sync_us;
};

struct wal_hooks {
	void (*durable)(void *self, const struct wal_done *done);
	/* A write has failed: nothing behind the last end is durable, and nothing will be. Once. */
	void (*failed)(void *self, const struct err *why);
	/* WAL_BUSY or WAL_FULL was answered since the last call, and may not be now. NULL is
	 * fine. */
	void (*room)(void *self);
};

struct wal_conf {
	const char *topic; /* of the log; borrowed for the call */
	struct loop *loop;
	const struct wal_hooks *hooks;
	void *self;
	int64_t keep_us;      /* segments live so long, though all readers have passed them */
	int64_t most_bytes;   /* quota of the log; 0: none */
	int64_t cut_at;       /* consent to cut there, -1: none */
	size_t segment_bytes; /* 0: WAL_SEGMENT_BYTES; tests have smaller ones, 4 KiB at least */
	size_t pending_bytes; /* appended and not durable, at most; 0: 64 MiB */
};

/* Opens the log, makes it where there is none, recovers its end, and starts the threads. A tail
 * that was torn while it was written is cut, with one warning. EX_CONFIG: as wal_dir_own; a cut_at
 * that is not the damaged group's offset. EX_DATAERR: what was durable does not hold; err names the
 * offset, and cut_at, which keeps what is cut off in DIR/cut-OFFSET.log. EX_IOERR. */
struct wal *wal_open(const char *dir, const struct wal_conf *conf, struct err *err);

enum wal_answer {
	WAL_OK,
	WAL_BUSY,   /* more is pending than may be, or the next segment is being made: soon */
	WAL_FULL,   /* "log-full": the quota or the disk, wal_why() */
	WAL_LONG,   /* longer than an append may be */
	WAL_FAILED, /* "log-failed": wal_why(); the program ends with EX_IOERR */
};
/* Appends n lines, each with its newline; none is fine: the sums become durable. *offset: of the
 * first line. Copied. */
enum wal_answer wal_append(struct wal *w, struct slice lines, uint32_t n, int64_t *offset);
/* Two sums that every group carries from here on: they survive us. */
void wal_sums(struct wal *w, uint64_t in, uint64_t dup);
/* What was appended in this turn starts now. */
void wal_flush(struct wal *w);
/* Nothing from that offset on is removed, whoever has passed it; INT64_MAX: no such wish. */
void wal_keep_from(struct wal *w, int64_t offset);

struct wal_state {
	int64_t first, durable, end; /* kept from, durable to, appended to */
	int64_t acked;               /* by all readers; -1: there is no reader */
	int64_t held;                /* what lies before may be removed, a segment at a time */
	int64_t oldest_us; /* when the first group that is kept was closed, about; 0: none */
	uint64_t in, dup;  /* the sums, at first as the last group has them */
	bool full;
};
void wal_state(struct wal *w, struct wal_state *out);
/* Reader i of the log: its job, cut to its room, and what it has stored; false: there is none. */
bool wal_reader(const struct wal *w, unsigned i, char name[WAL_READER_NAME_BYTES], int64_t *acked);
/* The reason of WAL_FULL or WAL_FAILED. */
void wal_why(struct wal *w, struct err *out);

/* Writes what is pending, tells it, cuts the active segment to its data, frees. NULL is fine.
 * EX_IOERR: something was not written; failed() has told. */
int wal_close(struct wal *w, struct err *err);

#endif
