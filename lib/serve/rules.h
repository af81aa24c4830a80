/* Rules over HTTP: the files of a folder that hta-window --rules follows, one a rule, RULE_ID.json,
 * written by rename, file and folder synchronised before the answer. Rules are judged as hta-check
 * judges them: alone, and with all others that are active.
 *
 *	POST    a new one 201; the same, or changed in what does not count, 200; one that
 *	        counts something else, or goes on after a pause, gets the next version, or has
 *	        a higher one; under the same or a lower one that is given it is 409
 *	DELETE  "retired": true in its place; its name needs a higher version from then on
 *
 * Who writes holds a lock on the folder. A file in place of the folder is read only. */
#ifndef SERVE_RULES_H
#define SERVE_RULES_H

#include "agg/rules_plan.h"
#include "serve/serve.h"

enum { RULE_ID_BYTES = 64 };

/* A rule as it stands in its file. */
struct served_rule {
	struct slice id, source; /* in the texts */
	const char *path;
	uint64_t version;
	bool active, retired;
};

/* All rules of the folder. {0} at first */
struct served_rules {
	struct rules rules; /* as agg/rule.h has them, in the same order */
	struct served_rule *v;
	struct buf *text; /* of the files */
	char **path;
	size_t texts;
};

/* EX_CONFIG: a file is no good. */
int served_rules_read(struct served_rules *s, const char *path, struct err *err);
void served_rules_fini(struct served_rules *s);
/* NULL: there is none of that name. */
struct served_rule *served_rules_find(struct served_rules *s, struct slice id);

/* Appends the rule anew: its members as they stand, but for version (0: none) and retired. */
void served_rule_text(struct slice source, uint64_t version, bool retired, struct buf *out);
/* "..." of a rule's text. */
void served_rule_etag(struct slice text, char out[SERVE_ETAG_BYTES]);

#endif
