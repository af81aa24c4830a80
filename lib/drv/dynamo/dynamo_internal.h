/* Inside of the DynamoDB driver: dynamo_sink.c (settings, life), dynamo_table.c (tables, indexes),
 * dynamo_write.c (an epoch's items), dynamo_batch.c (25 items a request, side by side),
 * dynamo_reader.c, dynamo_stream.c, dynamo_letters.c. */
#ifndef DRV_DYNAMO_DYNAMO_INTERNAL_H
#define DRV_DYNAMO_DYNAMO_INTERNAL_H

#include "drv/dynamo/dynamo.h"
#include "drv/dynamo/dynamo_call.h"
#include "drv/dynamo/dynamo_item.h"

struct dynamo_conf {
	struct sink_conf sink;
	int64_t ttl_us; /* 0: items stay */
	bool if_absent;
};

/* Days since 1970, sorted. */
struct dynamo_days {
	int64_t *v;
	size_t n, cap;
};

struct dynamo {
	const struct dynamo_conf *conf;
	struct dynamo_conn conn;
	char *table, *dead;           /* TABLE, TABLE_dead */
	struct dynamo_days days;      /* that have their item */
	uint64_t duplicates, expired; /* of all epochs */
	/* of the epoch that was written last */
	struct {
		char name[BATCH_NAME_CHARS + 1];
		uint64_t duplicates, expired;
	} last;
};

/* ---- dynamo_table.c */

/* Both tables are there and as they have to be; with conf->create they are made, and waited for
 * until they and their indexes are active. */
enum sink_result dynamo_tables(struct dynamo *d, struct err *err);
/* EX_CONFIG: the table is missing, the command to run being that of the sink. */
int dynamo_table_missing(const struct dynamo_conn *c, const char *table, struct err *err);
/* Of a reader: the table is there with the indexes. */
enum dynamo_outcome dynamo_table_look(struct dynamo_conn *c, const char *table, struct err *err);
enum sink_result dynamo_probe(void *d, const struct probe *probe, struct err *err);

/* ---- dynamo_write.c */

enum sink_result dynamo_write(void *d, const struct sink_batch *batch, struct sink_counts *counts,
			      struct err *err);
enum sink_result dynamo_put(void *d, const struct sink_batch *batch, bool replace, bool dry_run,
			    struct sink_counts *counts, struct err *err);

/* ---- dynamo_letters.c */

struct letters_driver;
extern const struct letters_driver dynamo_letters;

#endif
