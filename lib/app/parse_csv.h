/* CSV and TSV as they come to a filter: records that are several lines, files that each begin with
 * a header.
 *
 * On a plain stream a record goes on in the next line where a quote is open at the end of one. A
 * file ends its last record, as does a line that is longer than --max-line, and a record that would
 * be longer than that ends where it would be: what is not closed then is a dead letter. On an
 * acknowledged stream a line is a record, since offsets are those of lines.
 *
 * In the counters the lines of a record but its last one are filtered. */
#ifndef APP_PARSE_CSV_H
#define APP_PARSE_CSV_H

#include "text/csv.h"
#include "tool/record_filter.h"

struct parse_csv {
	struct csv *csv;
	bool has_names; /* of the command line: the first line of a file is a record */
	/* Running. The file at work, NULL in front of the first, and its line that is next. */
	struct stage *st;
	const char *file;
	uint64_t next_line;
	struct origin first; /* of the open record's first line */
	struct buf open;     /* its lines, each with its \n; empty: none is open */
	struct buf record;   /* the whole of one that was, with the bytes that a reader wants */
};

void parse_csv_fini(struct parse_csv *p);

/* For struct record_filter. RECORD_FAILED: EX_DATAERR where a header is none. */
enum record_verdict parse_csv_record(struct parse_csv *p, const struct record *r,
				     struct buf *replace, struct err *why);

/* The input has ended: a record that is open becomes a dead letter. */
int parse_csv_finish(struct parse_csv *p, struct err *err);

#endif
