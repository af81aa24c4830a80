/* Inside of the sink: s3_sink.c (settings, objects of epochs), s3_each.c (an object an event). */
#ifndef DRV_S3_S3_SINK_INTERNAL_H
#define DRV_S3_S3_SINK_INTERNAL_H

#include "drv/s3/s3_collect.h"
#include "scan/scan.h"

struct s3_conf {
	struct sink_conf sink; /* of its events id, time and time_unit count */
	const char *endpoint;
	bool gzip, each, clean;
	uint64_t level;
};

struct s3_sink {
	const struct s3_conf *conf;
	struct s3_conn conn;
	bool has_conn, cleaned;
	struct events *events;
	struct scan_batch scan;
	struct buf folder;       /* PREFIX/events/ */
	struct buf parts_folder; /* PREFIX/events.parts/ */
	struct buf line;         /* the record that was looked at last */
	enum pack_kind kind;
	struct pack *pack;
	struct s3_collect *collect; /* of the epoch that is open */
	/* of the epoch that is claimed */
	struct s3_uploads *uploads;
	size_t *object;         /* of each range of the batch that has moved */
	struct s3_marks *marks; /* the same */
};

/* The event of a record: what of it is not there, is null. Texts are valid until the next call. */
void s3_sink_event(struct s3_sink *s, const struct sink_record *record, struct sink_event *out);
/* The day of a record, behind the folder: "PREFIX/events/2026/11/27/". */
void s3_sink_day(struct s3_sink *s, const struct sink_record *record, struct buf *out);

/* Puts each record of the batch as an object of its own. */
enum sink_result s3_each_write(struct s3_sink *s, const struct sink_batch *batch, struct err *err);

#endif
