/* Where dead letters are kept, for hta-dlq: a table of a store, a file of --dead, a topic. A
 * contract beside the reader's (driver.h), because it marks letters as retried.
 *
 * How a letter is sent once. A call of `retry` has a name, and its batches are numbered from 1. A
 * letter is taken (for this call and batch) before it is sent, and settled after it was: then it is
 * retried. A call that died leaves letters that are taken; whether their batch was sent, the place
 * that they were sent to knows (letters_cluster, whose transactions carry the batch's number), and
 * settle is told so by the next call. Two calls at a time never take the same letter.
 *
 * A store whose marks can be written by the transaction that sends (a topic of the same cluster)
 * has `marks`, and letters are not taken there.
 *
 * All return 0, or -1 with err (EX_UNAVAILABLE not reached, EX_CONFIG login, a missing table,
 * EX_DATAERR what is stored is damaged, EX_TEMPFAIL another call is at work). Nothing is tried
 * again. */
#ifndef READ_LETTERS_H
#define READ_LETTERS_H

#include "base/arena.h"
#include "sink/driver.h"
#include "tool/cluster_options.h"

enum { LETTERS_PAGE = 200, LETTERS_PAGE_BYTES = 4 << 20, LETTERS_CALL_BYTES = 400 };

struct letter {
	int64_t id;       /* the store's */
	uint64_t check;   /* the same, what tells it from another of that id */
	struct slice key; /* the same, of a store that knows letters by a text */
	bool late;        /* a late record, else a dead one */
	struct slice job;
	struct slice topic; /* p NULL: not known; of a file as the job names it */
	int32_t partition;
	int64_t offset;
	bool inexact; /* the offset is that of a record near it; -1: not even that is known */
	struct slice file;
	uint64_t line; /* of a plain file, p NULL: of none */
	struct slice stage, reason;
	struct slice record; /* the bytes as they were, or the first of them */
	uint64_t size;       /* of the whole, in bytes; record.n < size: it was cut */
	int64_t at_us;
	int64_t retried_us; /* POS_NONE: not yet */
	uint64_t retries;
	struct slice taken; /* by that CALL, or CALL/BATCH; n 0: by none */
};

struct letters_page {
	struct letter *v;
	size_t n, cap;
	struct arena arena; /* what v points to */
	bool end;           /* nothing behind it; it may have letters itself */
};
struct letter *letters_page_add(struct letters_page *p); /* zeroed, times POS_NONE */
void letters_page_reset(struct letters_page *p);
void letters_page_fini(struct letters_page *p);

/* What a pass is about; whatever else is asked for the caller looks at himself. */
struct letters_want {
	int64_t since_us, until_us; /* since <= at < until; POS_NONE: no bound */
	bool again;                 /* retried ones too */
};

struct letters_conf {
	struct sink_conf store; /* where, place, create, loop */
	const struct cluster_options *cluster;
	const char *topic; /* or NULL */
	const char *file;  /* or NULL */
	bool marks;        /* letters are going to be taken and settled; else nothing is changed */
};

/* An offset of the group "hta-dlq", to be committed with what is sent. */
struct letters_mark {
	const char *topic;
	int32_t partition;
	int64_t offset;
	const char *metadata;
};

/* 0 to go on, -1 with err to end it. */
typedef int letters_call_fn(void *arg, const char *call, struct err *err);

struct letters_driver {
	bool ordered; /* letters come in the order in which they were stored */
	/* conf is borrowed for ever. NULL: err. */
	void *(*open)(const struct letters_conf *conf, struct err *err);
	void (*close)(void *d); /* NULL is fine */
	/* A pass over all letters that are there now begins. want is borrowed. */
	int (*rewind)(void *d, const struct letters_want *want, struct err *err);
	/* The next ones, at most LETTERS_PAGE and, but for the last of them,
	 * LETTERS_PAGE_BYTES; none where none of those that were looked at is wanted. */
	int (*page)(void *d, struct letters_page *page, struct err *err);

	/* got[i]: letter v[i] was taken, by nobody else. */
	int (*take)(void *d, const struct letter *const *v, size_t n, const char *call,
		    uint64_t batch, bool *got, struct err *err);
	/* Of the letters that the call has taken those of batches 1 .. `sent` are retried now, the
	 * others are free again. */
	int (*settle)(void *d, const char *call, uint64_t sent, struct err *err);
	/* The calls that have letters taken. NULL: with `marks` there are none. */
	int (*calls)(void *d, letters_call_fn *fn, void *arg, struct err *err);
	/* NULL, or in place of take: what is to be committed once all of v was sent. The marks
	 * are valid until the next call. n 0: those that there are. EX_CONFIG: they do not
	 * fit. */
	int (*marks)(void *d, const struct letter *const *v, size_t n,
		     const struct letters_mark **mark, size_t *marks, struct err *err);
};

/* The file of --dead FILE (tool/dead_letters.h). Marks are lines of FILE.retried. */
extern const struct letters_driver letters_file;

/* ---- for drivers */

/* record: bytes from the text in which stores keep it. EX_DATAERR. */
int letters_decode(struct letters_page *p, struct letter *l, bool base64, struct slice text,
		   struct err *err);
/* EX_CONFIG: there is no place for marks in the table. */
int letters_no_marks(const char *where, struct err *err);

/* ---- the cluster that letters are sent to */

/* A record as the log has it; valid until the next call of `original`. */
struct letters_original {
	bool found;
	struct slice value, key; /* p NULL: none */
	int64_t time_us;
	struct slice from; /* header hta.from; p NULL: none */
	uint64_t retries;  /* header hta.retries */
	void *headers;     /* the driver's */
};

struct letters_record {
	const char *topic;
	int32_t partition; /* -1: by the key */
	struct slice value, key;
	struct slice from; /* header hta.from; n 0: none */
	uint64_t retries;
	void *headers; /* of letters_original, the driver's; those of ours are replaced */
	bool mended;   /* for messages */
};

struct letters_cluster {
	/* Connected. conf is borrowed for ever. */
	void *(*open)(const struct letters_conf *conf, struct err *err);
	void (*close)(void *d); /* NULL is fine */
	/* EX_CONFIG: there is no such topic. *partitions: how many it has. */
	int (*topic)(void *d, const char *topic, int32_t *partitions, struct err *err);
	/* The record that stands at that offset. Headers of the last LETTERS_PAGE of them stay
	 * valid until forget. */
	int (*original)(void *d, const char *topic, int32_t partition, int64_t offset,
			struct letters_original *out, struct err *err);
	void (*forget)(void *d);
	/* The name of a call that sends to the topic; out has LETTERS_CALL_BYTES. */
	void (*name)(void *d, const char *topic, char *out);
	/* What an earlier call has come to: it cannot send any more, and its batches up to *sent
	 * are there for good. *known false: another cluster's, or too long ago to be known. */
	int (*ask)(void *d, const char *call, bool *known, uint64_t *sent, struct err *err);
	/* The call begins; it ends any other of its name. */
	int (*begin)(void *d, const char *call, struct err *err);
	/* All of v and the batch's number, or the marks, or nothing of it. */
	int (*send)(void *d, const struct letters_record *v, size_t n, uint64_t batch,
		    const struct letters_mark *mark, size_t marks, struct err *err);
	/* All was settled: nothing needs to be known of the call any more. */
	void (*end)(void *d);
};

#endif
