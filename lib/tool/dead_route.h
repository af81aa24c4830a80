/* Who takes the dead records of a program, settled before the first one: what --dead says, else a
 * stage below that claims them, else nobody. Shared by filters (stage_dead.c) and by sources. */
#ifndef TOOL_DEAD_ROUTE_H
#define TOOL_DEAD_ROUTE_H

#include "tool/dead_letters.h"

/* --dead and --dead-limit, as members of an option table over `owner`, in which `member` is a
 * struct dead_options. */
struct dead_options {
	const char *to; /* FILE, "drop" or NULL */
	double limit;
};
/* clang-format off */
#define DEAD_LIMIT_OPT(owner, member)                                                            \
	{ .name = "dead-limit", .type = OPT_PROBABILITY, .at = offsetof(owner, member.limit),    \
	  .arg = "PCT", .def = "50%",                                                           \
	  .help = "give up when more of an epoch of 1,000 records is bad" }
#define DEAD_OPTS(owner, member)                                                                 \
	{ .name = "dead", .type = OPT_TEXT, .at = offsetof(owner, member.to),                    \
	  .arg = "FILE|drop", .help = "append bad records to FILE, or drop them" },             \
	DEAD_LIMIT_OPT(owner, member)
/* clang-format on */

enum dead_to {
	DEAD_TOLD, /* nobody: a plain stream tells the first few, and EX_DATAERR at its end */
	DEAD_IN_BAND,
	DEAD_FILE,
	DEAD_DROP,
};

struct dead_route {
	const struct dead_options *o;
	enum dead_to to;
	struct dead_file *file; /* DEAD_FILE */
	uint64_t total;         /* records so far */
	bool unsynced;          /* the file has records that may not be on the disk */
	struct buf line;        /* scratch */
};

/* What --dead says, DEAD_TOLD without it. o is borrowed. Errors of dead_file_open. */
int dead_route_open(struct dead_route *r, const struct dead_options *o, struct err *err);
/* Syncs and closes --dead FILE. EX_IOERR. */
int dead_route_close(struct dead_route *r, struct err *err);

/* nth, at: as of stage_dead. */
struct dead_record {
	const struct origin *origin;
	uint64_t nth;
	size_t at;
	struct slice record; /* what is kept of it */
	uint64_t size;       /* of the whole, in bytes */
	const char *reason;
};
/* Counts it, and sends it where it goes. inc, out: of the stream, for DEAD_IN_BAND. */
int dead_route_put(struct dead_route *r, const struct dead_record *d, const struct ctl_inc *inc,
		   struct out *out, struct err *err);

/* Before a barrier: --dead FILE is on the disk. EX_DATAERR where more than --dead-limit of an
 * epoch's records are dead, from 1,000 records on: `what` they are, and a hint ("" none). */
int dead_route_barrier(struct dead_route *r, const struct account *a, const char *what,
		       const char *hint, struct err *err);

#endif
