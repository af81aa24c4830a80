/* Inside of hta-consume's command line: consume_options.c (the options, one by one),
 * consume_options_check.c (all together). */
#ifndef SOURCE_CONSUME_OPTIONS_H
#define SOURCE_CONSUME_OPTIONS_H

#include "source/consume.h"

struct consume_options {
	struct consume_conf c;
	const struct consume_build *build;
	const char *until_text, *name; /* name: -t that no file has had yet */
	/* -t as given, once c.topic has the names in it; NULL: it has what was given */
	const char **said;
	bool begun; /* the stream: it tells of its failures itself */
};

/* Settles what the options say together: files or topics, the job's name, topics between commas.
 * EX_USAGE; EX_CONFIG where this build has no such input. */
int consume_options_check(struct consume_options *o, struct err *err);

/* EX_USAGE: a name that cannot go into control lines and metadata as it is; `what`: its option. */
int consume_check_name(const char *what, const char *name, struct err *err);

#endif
