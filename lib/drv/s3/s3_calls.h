/* The upper layer: what is done with objects. Each waits for its outcome (s3_queue.h). Keys are
 * whole ones, with the prefix. */
#ifndef DRV_S3_S3_CALLS_H
#define DRV_S3_S3_CALLS_H

#include "drv/s3/s3_queue.h"

enum { S3_PARTS_MAX = 10000 };

/* What stands beside an object, as x-amz-meta-hta-*. Texts of ours, plain ASCII. */
struct s3_marks {
	char claim[33]; /* the claim that it was written under; "" none */
	char job[768];  /* the job's name, percent-encoded */
	int64_t from, to, records;
	bool dense; /* the nth record has offset from + n */
	bool known; /* all of these were there */
};

/* A whole object at once, in place of any that is there; waited for as any call. */
struct s3_put {
	struct s3_ask ask;
	struct sigv4_pair field;
	struct s3_call *call;
};
void s3_put_begin(struct s3_put *p, struct s3_conn *c, struct slice key, const char *type,
		  struct slice body);

/* Waited for as any call; S3_NONE: there was none. */
struct s3_deletion {
	struct s3_ask ask;
	struct s3_call *call; /* NULL: none */
};
void s3_delete_begin(struct s3_deletion *p, struct s3_conn *c, struct slice key);

/* S3_DONE where there is none, too. */
enum s3_outcome s3_delete(struct s3_conn *c, struct slice key, struct err *err);

/* S3_NONE: there is no such object. bytes: its length. */
enum s3_outcome s3_head(struct s3_conn *c, struct slice key, struct s3_marks *marks, int64_t *bytes,
			struct err *err);

/* Bytes [from, from + n) of an object, or fewer at its end; more than one may be under way. */
struct s3_get {
	struct s3_ask ask;
	struct sigv4_pair field;
	char range[64];
	struct s3_call *call; /* NULL: none */
};
void s3_get_begin(struct s3_get *g, struct s3_conn *c, struct slice key, int64_t from, size_t n);
/* The end of the range's object, as Content-Range says it; -1: it does not. */
int64_t s3_get_bytes(const struct s3_get *g);
void s3_get_marks(const struct s3_get *g, struct s3_marks *marks);
void s3_get_end(struct s3_get *g);

/* Objects, or open uploads, whose keys begin so, in the order of the keys' bytes. */
struct s3_listed {
	struct slice key;
	struct slice time;   /* RFC 3339: last changed, or begun */
	struct slice upload; /* its id; p NULL: an object */
	int64_t bytes;
};
/* Returns 0 to go on; else it has set err. Slices are valid during the call. */
typedef int s3_listed_fn(void *arg, const struct s3_listed *o, struct err *err);
enum s3_outcome s3_list(struct s3_conn *c, struct slice prefix, s3_listed_fn *fn, void *arg,
			struct err *err);
enum s3_outcome s3_list_uploads(struct s3_conn *c, struct slice prefix, s3_listed_fn *fn, void *arg,
				struct err *err);

/* An upload in parts: nobody sees it before it is completed. What is begun, many side by side, is
 * waited for; both only once. */
struct s3_create {
	struct s3_ask ask;
	struct sigv4_pair query, field[7];
	char number[3][24];
	struct s3_call *call;
};
void s3_create_begin(struct s3_create *p, struct s3_conn *c, struct slice key, const char *type,
		     const struct s3_marks *marks);
/* id: replaced by the upload's. */
enum s3_outcome s3_create_wait(struct s3_create *p, struct buf *id, struct err *err);

struct s3_part {
	struct s3_ask ask;
	struct sigv4_pair query[2], field[2];
	char number[16];
	struct buf from;      /* of a copy: the other object */
	struct s3_call *call; /* NULL: none */
};
void s3_part_begin(struct s3_part *p, struct s3_conn *c, struct slice key, struct slice id,
		   unsigned number, struct slice body);
/* The part is what the object `from` holds. S3_NONE, of either: there is no such upload, or object.
 * S3_EXISTS: that object's ETag is another one (n 0: any will do). */
void s3_part_copy(struct s3_part *p, struct s3_conn *c, struct slice key, struct slice id,
		  unsigned number, struct slice from, struct slice etag);
/* etag: replaced by the part's. */
enum s3_outcome s3_part_wait(struct s3_part *p, struct buf *etag, struct err *err);

struct s3_complete {
	struct s3_ask ask;
	struct sigv4_pair query, field[2];
	struct buf body;
	struct s3_call *call;
	bool repeated; /* the answer is not that to the first request */
};
/* etags: as the parts' answers have them, by number from 1. */
void s3_complete_begin(struct s3_complete *p, struct s3_conn *c, struct slice key, struct slice id,
		       const struct buf *etag, size_t n, bool only_new);
/* S3_NONE: there is no such upload (any more); S3_EXISTS: only_new, and an object is there. */
enum s3_outcome s3_complete_wait(struct s3_complete *p, struct err *err);

/* S3_DONE, S3_NONE: from here on it cannot be completed, if it was not before. */
enum s3_outcome s3_upload_abort(struct s3_conn *c, struct slice key, struct slice id,
				struct err *err);

#endif
