/* The records of the epoch that is open, by partition, compressed as they come. Of a partition that
 * has more than a part (s3_uploads.h) the first one is kept, and those that follow go into the
 * bucket at once, as objects of their own beside the folder, of which the object is put together
 * when its name and its marks are known. Memory: two parts and a frame a partition, and
 * S3_PARTS_ASIDE parts on their way. */
#ifndef DRV_S3_S3_COLLECT_H
#define DRV_S3_S3_COLLECT_H

#include "drv/s3/s3_calls.h"
#include "drv/s3/s3_key.h"
#include "drv/s3/s3_uploads.h"
#include "tool/stage.h"

/* What a partition has. */
struct s3_share {
	struct buf topic;
	int32_t partition;
	int64_t first, next; /* offsets: of its first record, behind its last one */
	int64_t records;
	bool unordered;          /* one did not stand behind the one before */
	struct buf day;          /* PREFIX/FOLDER/DAY/, by its first record */
	struct buf text;         /* of the frame that is open */
	struct s3_offsets pairs; /* of the offsets, as if the object began at `first` */
	struct buf note;         /* those of the open frame, behind the first pair */
	bool gaps;               /* there is more than the first pair.. */
	uint64_t head;           /* ..which has so many records */
	struct buf first_part;   /* its frames */
	struct buf part;         /* those of the part that is open, behind the first */
	size_t sent;             /* parts between the two */
	struct buf *etag;        /* of each of them, once it has arrived */
	size_t etag_cap;
};

struct s3_collect;

/* folder: of the parts, "PREFIX/FOLDER.parts/". Borrowed. */
struct s3_collect *s3_collect_new(struct s3_conn *c, struct slice folder, struct pack *pack);
void s3_collect_free(struct s3_collect *c); /* NULL is fine */

/* Where records of the run belong; *fresh: it has none yet. Valid until the next call. */
struct s3_share *s3_collect_share(struct s3_collect *c, const struct origin *origin, bool *fresh);
/* Adds the run's lines. True: a part is full (s3_collect_send). */
bool s3_collect_run(struct s3_collect *c, struct s3_share *s, const struct run *run,
		    uint64_t *lines);
/* Sends the parts that are full, and may be called again after SINK_RETRY. */
enum sink_result s3_collect_send(struct s3_collect *c, struct err *err);
/* What was sent has arrived. The same. */
enum sink_result s3_collect_wait(struct s3_collect *c, struct err *err);

/* NULL: nothing of it came. */
struct s3_share *s3_collect_find(struct s3_collect *c, const char *topic, int32_t partition);
size_t s3_collect_shares(const struct s3_collect *c);
bool s3_share_dense(const struct s3_share *s, int64_t from, int64_t to);
/* Writes the share as the object that begins at `from`; changes nothing in it. */
enum sink_result s3_collect_write(struct s3_collect *c, const struct s3_share *s,
				  const struct s3_marks *marks, struct s3_uploads *u, size_t object,
				  struct err *err);
/* The epoch is over: nothing is collected. Parts that were sent are deleted; where one cannot
 * be, or it takes more than 5 s, the rest stays (--clean). */
void s3_collect_drop(struct s3_collect *c);

#endif
