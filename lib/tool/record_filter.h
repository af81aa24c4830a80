/* A filter of records, on top of the filter skeleton (stage.h): one call a line, which answers
 * what becomes of it. Lines, batches of the scanner, accounts, dead letters with their source,
 * over-long lines and the order of what is written are done here, so that a filter is its
 * decision and nothing else:
 *
 *   what record() says   output                              booked as
 *   RECORD_PASS          the line, byte for byte             out
 *   RECORD_REPLACE       the lines in `replace`, 0 or more   out; filtered (none), added (beyond
 *                                                            one)
 *   RECORD_DROP          nothing                             filtered
 *   RECORD_DUPLICATE     nothing                             duplicate
 *   RECORD_DEAD          a dead letter, why->msg its reason  dead
 *   RECORD_FAILED        the stage ends with `why`           -
 *   RECORD_ASKED         what settle() says of it            as that
 *
 * RECORD_ASKED is for a filter that asks somebody else, many records in one call: such lines wait,
 * at most RECORD_ASKED_MOST of them, until the run ends or a line has a verdict at once; then
 * settle() has the answers, so the order of lines stays.
 *
 * With paths, or `objects`, each line must be a JSON object: one that is none is a dead letter, a
 * blank one is filtered, and record() sees neither. Else record() gets every line as it is.
 * A line longer than --max-line is a dead letter; where the filter finds none (finds_dead), the
 * stage ends with EX_DATAERR. */
#ifndef TOOL_RECORD_FILTER_H
#define TOOL_RECORD_FILTER_H

#include "scan/scan.h"
#include "tool/stage.h"

enum record_verdict {
	RECORD_PASS,
	RECORD_REPLACE,
	RECORD_DROP,
	RECORD_DUPLICATE,
	RECORD_DEAD,
	RECORD_FAILED,
	RECORD_ASKED,
};
enum { RECORD_ASKED_MOST = 4096 };

/* One line; valid during the call. */
struct record {
	struct slice line;         /* without its \n; padded as run.block is */
	const struct field *field; /* as many as there are paths, in their order; NULL: no paths */
	const struct run *run;     /* where it stands: the run, */
	uint64_t nth;              /* its line in it, 0 first, */
	size_t at;                 /* and its byte in the run's block */
	unsigned line_of_batch;    /* as `judge` counts; 0 where nothing is scanned */
};

struct record_filter {
	/* Fields that record() wants, NULL behind the last: ".user.id". NULL: none, and lines may
	 * be of any form. Read at the start. */
	const char *const *paths;
	bool objects;    /* lines are scanned and must be JSON objects, even without paths */
	bool finds_dead; /* record() says RECORD_DEAD; where lines are scanned it is so anyway */
	bool rows;       /* lines are rollup rows: books are rows_in, rows_out */
	bool multiplies; /* record() may replace a line by several: said in the hello */

	/* Where lines are scanned: judges all good lines of a batch at once, before record() sees
	 * the first. Those of the sets *pass and *drop, empty at the call, are not shown to
	 * record(). width: fields a line. NULL: record() sees all. */
	void (*judge)(void *self, const struct scan_batch *batch, size_t width, uint64_t *pass,
		      uint64_t *drop);

	/* replace: empty at the call; whole lines are appended, each with its \n. Looked at for
	 * RECORD_REPLACE only. It writes nothing to stage_out itself: lines that passed may still
	 * be owed. */
	enum record_verdict (*record)(void *self, const struct record *r, struct buf *replace,
				      struct err *why);

	/* The n lines that wait, in their order: PASS, DROP or DUPLICATE each. NULL: nothing is
	 * asked. 0, or -1: the stage ends with err. */
	int (*settle)(void *self, enum record_verdict *verdict, size_t n, struct err *err);

	/* As struct filter has them; NULL where nothing is to be done. What was passed stands in
	 * stage_out before each of these calls. */
	int (*open)(void *self, struct stage *st, struct err *err);
	int (*plain)(void *self, struct stage *st, struct err *err);
	int (*hello)(void *self, struct stage *st, const struct ctl *hello, struct buf *members,
		     struct err *err);
	int (*barrier)(void *self, struct stage *st, const struct ctl *bar, struct err *err);
	int (*control)(void *self, struct stage *st, const struct ctl *ctl, struct buf *instead,
		       struct err *err);
	int (*finish)(void *self, struct stage *st, bool eof, struct err *err);
	void (*close)(void *self, struct stage *st);
};

/* Runs the filter over operands (files; none: standard input). For struct prog's run. Options of
 * the stage are stage_opts_dead, or stage_opts where no dead letter is found. EX_USAGE: a path is
 * none. */
int record_filter_run(const struct record_filter *f, void *self, const char *const *files,
		      size_t n_files, struct err *err);

#endif
