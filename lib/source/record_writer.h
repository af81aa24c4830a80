/* Records of a log become lines of the stream. One copy, into the writer's buffer, or none where
 * a batch of a file is a block of lines already.
 *   - a newline inside a record becomes a space; a tombstone is counted as filtered and left out
 *   - a record longer than --max-line is a dead letter: in band, to --dead FILE, dropped, or
 *   (plain) told
 *   - acknowledged: an `at` line where the next line's source and offset do not follow from the
 *   line before,
 *     or its timestamp is in another minute (ctl_at_time), with exact_times another one; one for
 *     itself where a header says where it stood before it was sent again (ctl_at_from)
 *   - an envelope, or a key put into the record, where that is asked for (envelope.h); a record
 *   that has no such line is a dead letter
 *   - a value that is framed for a registry of schemas is decoded first, where that is asked for
 *   (decode.h); the owner has seen to it that it can be (decode_ready)
 *   - plain: a first record that begins like a hello gets a space in front */
#ifndef SOURCE_RECORD_WRITER_H
#define SOURCE_RECORD_WRITER_H

#include "io/out.h"
#include "proto/ctl.h"
#include "source/decode.h"
#include "source/envelope.h"
#include "tool/counters.h"
#include "tool/dead_route.h"

struct record_writer {
	/* set by the owner */
	struct out *out;
	struct counters *counters;
	const struct ctl_inc *inc; /* NULL: plain */
	const struct input *log;   /* whose records it writes; NULL: they have no headers */
	bool bytes;                /* offsets count bytes: records are lines of a file */
	bool times;                /* offsets are times: the next record may have the same */
	bool exact_times;          /* an `at` has its record's timestamp, not the minute */
	uint64_t max_line_bytes;
	struct envelope envelope;
	struct decode *decoder; /* NULL: values are lines; owned */
	struct dead_route dead; /* opened and closed by the owner */

	/* since the owner cleared it: in, out, bytes, filtered, dead */
	struct account account;
	uint64_t read_total;
	const struct partition *part; /* what the next line is taken for */
	int64_t next;
	int64_t time_us; /* of the records behind the last `at`, as it has it */
	bool sent_again; /* that `at` is of one record */
	bool begun;
	struct buf line, made, decoded; /* scratch */
};

/* Also closes --dead FILE. */
int record_writer_fini(struct record_writer *f, struct err *err);

int record_writer_records(struct record_writer *f, const struct partition *part,
			  const struct input_record *v, size_t n, struct err *err);
/* the next line gets an `at` */
void record_writer_again(struct record_writer *f);

/* A record that is too long, or whatever is bad at the source. file, line: of a plain file (part
 * NULL). */
int record_writer_dead(struct record_writer *f, const struct origin *origin, struct slice record,
		       uint64_t size, const char *why, struct err *err);
/* What is wrong with the dead ones: "were .." */
const char *record_writer_dead_are(const struct record_writer *f);
/* The end of a plain stream: EX_DATAERR where dead records were only told. */
int record_writer_end(struct record_writer *f, struct err *err);

#endif
