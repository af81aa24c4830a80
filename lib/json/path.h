/* Field paths, as in jq: user_id, .payload.price, ."http.status", .a["b.c"]. Object members
 * only; no arrays, no wildcards. */
#ifndef JSON_PATH_H
#define JSON_PATH_H

#include "base/err.h"
#include "base/str.h"

enum { PATH_STEPS = 16 };

struct path {
	char *name; /* steps joined by '.': the dimension's name; owned */
	unsigned n;
	struct slice step[PATH_STEPS]; /* decoded member names; point into `text` */
	char *text;                    /* owned */
};

/* EX_USAGE with position and example */
int path_parse(struct path *p, struct slice text, struct err *err);
void path_fini(struct path *p);
/* .a."b.c": equal for equal paths; part of cfg */
void path_canonical(const struct path *p, struct buf *out);

#endif
