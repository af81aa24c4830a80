/* Inside of rules: rules.c (files and texts), rules_write.c (judging and writing), rules_http.c
 * (handlers). */
#ifndef SERVE_RULES_INTERNAL_H
#define SERVE_RULES_INTERNAL_H

#include "serve/rules.h"

enum rules_act { RULES_LIST, RULES_GET, RULES_PUT, RULES_RETIRE };

struct rules_query {
	struct serve_query q;
	enum rules_act act;
	const char *path; /* of --rules */
	const struct serve_source *source;
	struct buf id, body, if_match;
	bool if_none; /* If-None-Match: * */
};

/* What a write is about. */
struct rules_work {
	struct rules_query *q;
	struct serve_result *out;
	struct served_rules all;
	struct served_rule *was; /* NULL: none of that name */
	struct rules fresh;      /* of the body: one */
	int dir;                 /* locked */
};

/* ---- rules_write.c. All return 0, the answer or a problem in w->out; or -1 with err. */
int rules_put(struct rules_work *w, struct err *err);
int rules_retire(struct rules_work *w, struct err *err);
/* Takes the body's only rule. False: a problem. */
bool rules_body(struct rules_work *w);

/* ---- rules_http.c */
int rules_say_none(struct rules_work *w); /* 404 */

#endif
