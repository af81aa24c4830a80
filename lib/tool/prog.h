/* What every program is: name, summary, options, a body. prog_main is what main calls.
 *
 * Shared options, inherited by all: -h --help, -V --version (stdout, 0), -v --verbose (may
 * repeat), -q --quiet, --log text|json, --run DIR (the run folder), --completion bash|zsh|fish.
 *
 * The body returns 0 or -1 with err; prog_main prints the message as `program: message` and
 * leaves with its code. An empty message prints nothing: the body has printed the cause itself. */
#ifndef TOOL_PROG_H
#define TOOL_PROG_H

#include "tool/opt.h"

struct prog {
	const char *name; /* "hta-window" */
	/* one line, lower case, no full stop; the manual's .Nd is the same text */
	const char *summary;
	const char *synopsis; /* "[OPTIONS] [FILE...]" */
	/* options of the program as well, before opts, over first_self (NULL: none) */
	const struct opt *first;
	void *first_self;
	const struct opt *opts; /* of the program itself, over self */
	const struct opt *more; /* shared with other programs, over more_self (NULL: none) */
	void *more_self;
	opt_operand_fn *operand; /* over self; NULL: no operands */
	int (*run)(void *self, struct err *err);
	const char *examples; /* shown by --help, a line each; or NULL */
	/* A stage of pipelines (NULL: it is none): called when it has failed, with its message
	 * out, before it leaves: tells the stages below, where they do not know yet. The command
	 * line may be the failure, and self half filled in. */
	void (*failed)(void *self, const struct err *err);
};

/* Shared settings after parsing. */
struct prog_common {
	const char *name;
	const char *run_dir;
	int verbosity;
	int log_format;
};
const struct prog_common *prog_common(void);

int prog_main(const struct prog *prog, void *self, int argc, char **argv); /* the exit code */

/* ---- for stages */
/* Whether the command line has this option (NULL: an operand), wrong as it may be. For `failed`. */
bool prog_given(const char *option);

/* Standard input, a pipe, ended without a byte. The stage below, which gets none either then,
 * finds at its pipe what we found at ours (fd_mark). */
void prog_nothing_came(void);

/* The run folder: --run, $HTA_RUN, $RUNTIME_DIRECTORY (its first entry), $XDG_RUNTIME_DIR/hta,
 * else /tmp/hta-UID; made 0700 where missing; EX_CONFIG where it is not ours or others can write
 * to it. Points to static storage. */
const char *prog_run_dir(struct err *err);

extern const char prog_version[];

#endif
