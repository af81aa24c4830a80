/* A jq program over one JSON text after another, by libjq 1.6: for conditions that are not of the
 * scanner's subset (scan/predicate.h), and for filters.
 *
 * Programs are data: what they give is a function of the record alone. There is no environment
 * (env and $ENV are {}), no ~/.jq, no modules; what reads a clock, a time zone, the input, or
 * ends or writes by itself (now, localtime, strflocaltime, input, inputs, input_filename,
 * input_line_number, debug, stderr, halt, halt_error, modulemeta) is an error when it is met.
 *
 * As in jq 1.6: numbers are doubles, texts nested deeper than 256 (an object counts twice) and
 * halves of surrogate pairs are errors. A program that never ends, or that takes all memory, does
 * so here too.
 *
 * No type of libjq is shown; no other file includes its headers. A program belongs to one thread
 * at a time. */
#ifndef XFORM_JQ_PROGRAM_H
#define XFORM_JQ_PROGRAM_H

#include "base/err.h"
#include "base/str.h"

struct jq_program;

/* NULL: EX_USAGE with jq's message. The text is not needed afterwards. Slow: libjq compiles its
 * own library each time, some 10 to 40 ms. Not from two threads at once, nor while another one
 * changes the environment: HOME is another for that long. */
struct jq_program *jq_program_new(struct slice text, struct err *err);
void jq_program_free(struct jq_program *p);

enum jq_verdict {
	JQ_HOLDS,
	JQ_HOLDS_NOT, /* no output, or only null and false */
	JQ_WRONG,     /* an error before any output held */
};

/* The program as a condition. What comes behind the first output that holds is not run. JQ_WRONG:
 * EX_DATAERR with jq's message. */
enum jq_verdict jq_program_judge(struct jq_program *p, struct slice json, struct err *err);

/* One output, as compact JSON; lent until it returns. One that is the record itself, as select
 * gives it, is the text that came in. 0, or -1 with err, which ends the run. */
typedef int jq_output_fn(void *arg, struct slice json, struct err *err);

/* Hands over all outputs. 0; -1: what the callback returned, or EX_DATAERR with jq's message:
 * outputs before it were handed over. */
int jq_program_run(struct jq_program *p, struct slice json, jq_output_fn *output, void *arg,
		   struct err *err);

#endif
