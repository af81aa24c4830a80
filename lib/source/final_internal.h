/* Inside of final rows as an input: final_pass.c (the store: metrics, marks, what became final),
 * final_input.c (what a log is asked). */
#ifndef SOURCE_FINAL_INTERNAL_H
#define SOURCE_FINAL_INTERNAL_H

#include "read/metric_lookup.h"
#include "sink/retry.h"
#include "source/final_input.h"

/* One metric. */
struct final_part {
	const char *asked;     /* its name on the command line */
	struct partition part; /* the topic is its name in the store: of rules that of a version */
	char *cfg, *def;       /* as the hello has it */
	bool assigned;
	int64_t position_us;    /* what was read, and is handed out or among the pieces */
	bool gap_told;          /* that rows were gone before they were read */
	int64_t known_us;       /* all until then was final once */
	uint64_t still;         /* metric_found.moved as it was last, */
	int64_t still_since_us; /* and since when it is that (tm_mono_us) */
};

/* What a pass has found of a metric. */
struct final_piece {
	struct final_part *part;
	size_t first, n; /* records */
	int64_t position_us;
	uint64_t moved; /* metric_found.moved before it was read */
};

struct final_input {
	struct input log;
	const struct consume_conf *conf;
	struct sink_conf store_conf;
	const struct read_driver *driver;
	struct loop *loop;
	struct retry retry;
	struct final_part *part;
	size_t parts, next_part;
	int timer_fd;
	int64_t due_us; /* of the next pass, tm_mono_us */
	/* the pass: rows one behind the other, each with its newline */
	struct buf text;
	struct input_record *record; /* value.n alone, before the pass ends */
	size_t records, records_cap;
	struct final_piece *piece;
	size_t pieces, piece_at;
	bool moved;
};

/* ---- final_pass.c; all of these wait, and try a store again that is not reached */

/* Notes name, cfg and definition of each metric. EX_CONFIG: one is not there, has no job, or the
 * one that the positions belong to; EX_USAGE: two are the same one. */
int final_definitions(struct final_input *f, struct err *err);
/* Raises each metric's known_us to its mark. */
int final_marks(struct final_input *f, struct err *err);
/* Reads what became final into pieces, and sets when the next pass is due. */
int final_pass(struct final_input *f, struct err *err);

#endif
