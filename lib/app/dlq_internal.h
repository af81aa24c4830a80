/* Inside of hta-dlq: see dlq.c. */
#ifndef APP_DLQ_INTERNAL_H
#define APP_DLQ_INTERNAL_H

#include <regex.h>

#include "app/dlq.h"
#include "io/out.h"

enum dlq_kind { DLQ_DEAD, DLQ_LATE, DLQ_ALL };
enum dlq_format { DLQ_AUTO, DLQ_TEXT, DLQ_JSON };
enum dlq_changed { DLQ_CHANGED_AUTO, DLQ_CHANGED_SKIP, DLQ_CHANGED_KEPT, DLQ_CHANGED_LOG };

/* --reason, --stage: a part of the text, or between slashes a regular expression. */
struct dlq_match {
	const char *text; /* NULL: any */
	bool regular;
	regex_t regex;
};

struct dlq {
	/* options */
	const char *command, *file, *where, *topic, *since, *until, *job, *place, *to, *through;
	struct dlq_match reason, stage;
	int kind, format, changed;
	bool again, init;
	struct cluster_options cluster; /* -b, -X, -F */

	const struct dlq_program *program;
	struct letters_conf conf;
	const struct letters_driver *driver;
	void *d;
	void *c; /* of program->cluster; NULL: not needed yet */
	struct letters_want want;
	struct letters_page page;
	struct loop *loop;
	struct out *out;
};

/* Connects to the cluster that was given, if it was and is not connected yet. */
int dlq_open_cluster(struct dlq *q, struct err *err);

/* ---- dlq_select.c */

int dlq_match_set(struct dlq_match *m, const char *text, struct err *err);
void dlq_match_fini(struct dlq_match *m);
/* What was asked for by flags. */
bool dlq_selects(const struct dlq *q, const struct letter *l);

/* 0 to go on, -1 with err to end it. The letters are those of a page that are selected. */
typedef int dlq_page_fn(struct dlq *q, const struct letter *const *v, size_t n, void *arg,
			struct err *err);
int dlq_each_page(struct dlq *q, dlq_page_fn *fn, void *arg, struct err *err);

/* The record came from a topic of a cluster, and this is its offset. */
bool dlq_of_topic(const struct letter *l);
/* Appends "events/0/12", "access.log:3", "-". */
void dlq_place(const struct letter *l, struct buf *out);

/* ---- dlq_show.c: the commands. EX_NO: there is no such letter. */
int dlq_ls(struct dlq *q, struct err *err);
int dlq_show(struct dlq *q, struct err *err);
int dlq_count(struct dlq *q, struct err *err);

/* ---- dlq_whole.c */

enum dlq_whole {
	DLQ_KEPT,    /* the letter's bytes; the log does not have it, or was not asked */
	DLQ_SAME,    /* the log's bytes, which are the letter's */
	DLQ_CHANGED, /* the log's bytes, of which a filter made what the letter has */
	DLQ_GONE,    /* the letter was cut, and the log does not have it any more */
};
/* Looks the record up in the log, if there is a cluster; out->found is false else. Slices of out
 * are of the page's arena. */
int dlq_look_up(struct dlq *q, const struct letter *l, struct letters_original *out,
		enum dlq_whole *what, struct err *err);

/* ---- dlq_through.c: runs the command with the record as its input. *none: no line came.
 *  EX_DATAERR: it failed, or wrote more than one line. */
int dlq_through(const char *command, struct slice record, struct buf *out, bool *none,
		struct err *err);

/* ---- dlq_retry.c. EX_NO: some were not sent. */
int dlq_retry(struct dlq *q, struct err *err);

#endif
