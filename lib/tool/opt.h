/* Option tables: one a program drives parsing, --help and the completions.
 *
 * GNU conventions: --name VALUE, --name=VALUE, -n VALUE, -nVALUE, bundled flags, options and
 * operands in any order, `--`, `-`. An unknown option is EX_USAGE with the nearest name.
 * Unambiguous abbreviations are not accepted (scripts outlive them). Options are handed over in
 * the order of the command line (several metrics, names before files). */
#ifndef TOOL_OPT_H
#define TOOL_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "base/str.h"

enum opt_type {
	OPT_FLAG,        /* bool *: true */
	OPT_TEXT,        /* const char **: borrowed from argv */
	OPT_COUNT,       /* uint64_t *, num_count */
	OPT_BYTES,       /* uint64_t *, num_bytes */
	OPT_DURATION,    /* int64_t * in us, num_duration */
	OPT_PROBABILITY, /* double *, num_probability */
	OPT_REAL,        /* double *, num_real */
	OPT_CHOICE,      /* int *: index in choices */
	/* call(what stands at `at`, value or NULL, err); arg NULL: takes no value */
	OPT_CALL,
};

struct opt {
	char letter;      /* 0: none */
	const char *name; /* long name without dashes; NULL ends a table */
	enum opt_type type;
	/* offset of the variable in the program's struct (self); OPT_CALL: 0 is self itself */
	size_t at;
	/* what --help shows: "DUR"; NULL for flags. In a|b|FILE, completions offer the words,
	 * files for FILE, PATH, DIR */
	const char *arg;
	/* default as --help shows it and as it is parsed into the variable before argv (not of
	 * OPT_CALL); NULL: none */
	const char *def;
	const char *help;           /* one line, lower case */
	double min, max;            /* numeric bounds where max > min */
	const char *const *choices; /* OPT_CHOICE, NULL-terminated */
	/* its message comes behind the option's name and a colon */
	int (*call)(void *self, const char *value, struct err *err);
	/* in place of call: one function for several options, told by their names */
	int (*named)(void *self, const char *name, const char *value, struct err *err);
	/* an empty value means something; of all others it is EX_USAGE: most often a variable
	 * that is not set */
	bool empty;
	/* a later table has an option of this name too, which goes on: the words of its `choices`
	 * are for it, and all other values for this one */
	bool beside;
};
#define OPT_END              \
	{                    \
		.name = NULL \
	}

/* An operand in order of the command line. */
typedef int opt_operand_fn(void *self, const char *operand, struct err *err);

/* Tables are read in order; each has its own struct. A name or letter that an earlier table has
 * is the earlier one's. */
struct opt_group {
	const struct opt *table;
	void *self;
	bool joined; /* --help shows it as one with the group before it */
};

/* Parses argv[1..]. operand NULL: none are taken (EX_USAGE); an empty one never is. An
 * OPT_CALL that returns -1 without a code in err ends the parse quietly. */
int opt_parse(const struct opt_group *groups, size_t n, opt_operand_fn *operand, void *operand_self,
	      int argc, char **argv, struct err *err);

/* Whether argv[1..] has this option; NULL: an operand other than "-". For a command line that
 * may be wrong: what is wrong in it is passed over. */
bool opt_given(const struct opt_group *groups, size_t n, int argc, char **argv, const char *name);

/* Sets all defaults. opt_parse does so first. */
int opt_defaults(const struct opt_group *groups, size_t n, struct err *err);

/* the OPTIONS part of --help */
void opt_help(const struct opt_group *groups, size_t n, struct buf *out);

enum opt_shell { OPT_BASH, OPT_ZSH, OPT_FISH };
void opt_completion(const char *program, const char *summary, const struct opt_group *groups,
		    size_t n, enum opt_shell shell, struct buf *out);

#endif
