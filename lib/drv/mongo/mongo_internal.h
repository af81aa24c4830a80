/* Inside of the MongoDB driver: mongo.c (the driver's table, connections), mongo_stream.c (sockets
 * that wait in our loop), mongo_error.c (what errors mean), mongo_event.c (events as documents),
 * mongo_value.c (JSON as BSON), mongo_write.c (batches), mongo_keeper.c (positions),
 * mongo_reader.c, mongo_letters*.c. */
#ifndef DRV_MONGO_MONGO_INTERNAL_H
#define DRV_MONGO_MONGO_INTERNAL_H

#include <mongoc/mongoc.h>

#include "drv/mongo/mongo.h"
#include "json/json.h"

struct mongo {
	const struct sink_conf *conf;
	mongoc_uri_t *uri;
	char *host; /* for messages: without a login */
	const char *database;
	mongoc_client_t *client;
	mongoc_collection_t *events, *dead, *taken, *jobs;
	/* what ended a wait in the loop: the program has to leave; code 0: nothing */
	struct err stopped;
	bool leaving; /* nothing is waited for any more: the loop may be gone */
	bool reads;   /* a reader opened it: nothing is made */
	bool keyed;   /* the events that are there are known by members of theirs */
	bool ferret; /* the server is FerretDB, which has no Decimal128, and takes small requests */
	/* of mongo_value.c: a parsed record, texts, what becomes of it */
	struct json json;
	struct buf text, keys;
	struct mongo_member *member;
	size_t members, member_cap;
	bson_t value;
};

/* ---- mongo_begin.c */

/* Begins libmongoc, once a process. */
void mongo_begin(void);

/* ---- mongo.c */

/* As the driver's open and connect; for readers. */
struct mongo *mongo_open(const struct sink_conf *conf, bool reads, struct err *err);
enum sink_result mongo_connect(void *d, struct err *err);
/* Connects, and looks for none of the events. */
enum sink_result mongo_connect_bare(struct mongo *m, struct err *err);
void mongo_close(void *d);
/* Whether what is there are events (EX_CONFIG), and what they are known by. */
enum sink_result mongo_look_at_events(struct mongo *m, struct err *err);

/* ---- mongo_stream.c */

/* The client's connections are opened, and waited for, by us: in conf->loop where there is one. */
void mongo_stream_take(struct mongo *m);

/* ---- mongo_error.c */

/* A call failed: what it comes to. */
enum sink_result mongo_failed(const struct mongo *m, const bson_error_t *why, struct err *err);
/* The same of a write that was answered with `reply`: its first error decides. */
enum sink_result mongo_write_failed(const struct mongo *m, const bson_t *reply,
				    const bson_error_t *why, struct err *err);
/* Nothing else was wrong with a request of inserts than keys that were there before. */
bool mongo_keys_were_there(const bson_t *reply);
/* The document has a form that this server does not take. */
bool mongo_error_is_form(int64_t code);

/* ---- mongo_keeper.c */

/* A member of a document, valid as long as that; p NULL, 0: it has none. */
struct slice mongo_text(const bson_t *doc, const char *name);
int64_t mongo_number(const bson_t *doc, const char *name);

/* ---- mongo_value.c */

/* Appends the record's members under `name`. False, and nothing is appended: BSON cannot hold it
 * (a name with a NUL, half a surrogate pair, too deep). The line is valid JSON, an object. */
bool mongo_value_append(struct mongo *m, bson_t *to, const char *name, struct slice line);

/* ---- mongo_event.c */

/* Of a record, of a record and its members: a document has at most 16 MiB. */
enum { MONGO_LINE_MAX = 15 << 20, MONGO_VALUE_MAX = (16 << 20) - (64 << 10) };

/* Its _id, and itself: all but the _id. */
void mongo_event_key(bson_t *to, const struct sink_record *r, bool keyed);
void mongo_event_append(struct mongo *m, bson_t *to, const struct sink_record *r, bool members,
			int64_t now_us);
void mongo_dead_key(bson_t *to, const struct sink_dead *d, const char *job, const char *sink);
void mongo_dead_append(bson_t *to, const struct sink_dead *d, const char *job, const char *sink,
		       int64_t now_us);
/* Times of a store have milliseconds; those of events are cut to them. */
int64_t mongo_ms(int64_t us);
/* The order of read/events.h, as a sort or an index: behind what the index begins with. */
void mongo_order_append(bson_t *to, bool keyed);

/* ---- mongo_write.c, mongo_keeper.c */

enum sink_result mongo_write(void *d, const struct sink_batch *batch, struct sink_counts *counts,
			     struct err *err);
enum sink_result mongo_put(void *d, const struct sink_batch *batch, bool replace, bool dry_run,
			   struct sink_counts *counts, struct err *err);
extern const struct position_keeper mongo_keeper;

/* ---- mongo_letters.c */

struct letters_driver;
extern const struct letters_driver mongo_letters;

#endif
