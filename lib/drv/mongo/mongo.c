/* The driver's table, its settings, and a connection. "Connected" says that the server was reached,
 * took the login, and has the indexes; --init makes them. Writes are acknowledged by a majority of
 * the servers, from their journals, and what a sink reads it reads from the primary, whatever the
 * URL says: a write that was acknowledged by fewer can be rolled back, and a secondary may not have
 * the positions yet. */
#include <pthread.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"
#include "drv/mongo/mongo_internal.h"
#include "sink/sink_errors.h"

enum { SOCKET_MS = 60000, SELECTION_MS = 10000 };

static const char forms[] =
	"mongodb://[USER:PASSWORD@]HOST[:PORT][,HOST..]/DATABASE[?OPTION=VALUE&..]";

/* ---- libmongoc as a whole */

/* What it says of a URL, such as an option that it does not know. All else comes as an error. */
static _Thread_local bool hears;

static void hear(mongoc_log_level_t level, const char *domain, const char *message, void *arg)
{
	(void)domain, (void)arg;
	if (hears && level <= MONGOC_LOG_LEVEL_WARNING)
		log_warn("%s", message);
}

static void begin_library(void)
{
	mongoc_log_set_handler(hear, NULL);
	mongo_begin();
}

/* ---- opening */

static const char *of_environment(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static void set_default(mongoc_uri_t *uri, const char *option, int32_t ms)
{
	if (!mongoc_uri_has_option(uri, option))
		mongoc_uri_set_option_as_int32(uri, option, ms);
}

static char *hosts_of(const mongoc_uri_t *uri)
{
	struct buf b = { 0 };
	const char *service = mongoc_uri_get_srv_hostname(uri);

	for (const mongoc_host_list_t *h = mongoc_uri_get_hosts(uri); h; h = h->next)
		buf_printf(&b, "%s%s", b.n ? "," : "", h->host_and_port);
	if (service)
		buf_addz(&b, service);
	buf_z(&b);
	return b.p;
}

/* A part that is wrong is never quoted: it may be a password. */
static int parse_url(struct mongo *m, const char *where, struct err *err)
{
	bson_error_t ignored;

	hears = true;
	m->uri = mongoc_uri_new_with_error(where, &ignored);
	hears = false;
	m->database = m->uri ? mongoc_uri_get_database(m->uri) : NULL;
	if (!m->uri)
		return err_set(err, EX_USAGE, "this is no URL of a MongoDB; give %s", forms);
	if (!m->database || !*m->database)
		return err_set(err, EX_USAGE, "which database? give %s", forms);
	m->host = hosts_of(m->uri);
	set_default(m->uri, MONGOC_URI_SOCKETTIMEOUTMS,
		    m->conf->read_for_us ? (int32_t)(m->conf->read_for_us / 1000) + 1000
					 : SOCKET_MS);
	set_default(m->uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS, SELECTION_MS);
	if (!mongoc_uri_get_appname(m->uri))
		mongoc_uri_set_appname(m->uri, "hta");
	if (mongoc_uri_get_password(m->uri) && m->conf->where && !m->conf->where_env)
		log_warn("a password on the command line is seen by everybody on this machine: put "
			 "the URL into MONGODB_URI");
	return 0;
}

static int check_collection(const char *name, struct err *err)
{
	static const char *const taken[] = { "hta_job", "hta_dead", "hta_dead_taken" };

	for (size_t i = 0; i < sizeof(taken) / sizeof(*taken); i++)
		if (strcmp(name, taken[i]) == 0)
			return err_set(err, EX_USAGE,
				       "%s is a collection of hta's own: choose "
				       "another for the events",
				       name);
	if (*name && !strchr(name, '$') && strncmp(name, "system.", 7) != 0 &&
	    str_utf8(name, strlen(name)))
		return 0;
	return err_set(err, EX_USAGE, "\"%s\" is no name of a collection", name);
}

struct mongo *mongo_open(const struct sink_conf *conf, bool reads, struct err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const char *where = conf->where ? conf->where : of_environment("MONGODB_URI");
	struct mongo *m = mem_zalloc(sizeof(*m));

	m->conf = conf;
	m->reads = reads;
	bson_init(&m->value);
	pthread_once(&once, begin_library);
	if (conf->positions_only)
		err_set(err, EX_USAGE,
			"--positions: MongoDB keeps those of its own events only; name a file or "
			"another store");
	else if (!where)
		err_set(err, EX_USAGE, "which database? give %s", forms);
	else if (check_collection(conf->place, err) == 0 && parse_url(m, where, err) == 0)
		return m;
	mongo_close(m);
	return NULL;
}

static void *sink_mongo_open(const struct sink_conf *conf, struct err *err)
{
	return mongo_open(conf, false, err);
}

static void mongo_disconnect(void *d)
{
	struct mongo *m = d;

	m->leaving = true; /* it says goodbye, and would wait for an answer */
	if (m->client) {
		mongoc_collection_destroy(m->events);
		mongoc_collection_destroy(m->dead);
		mongoc_collection_destroy(m->taken);
		mongoc_collection_destroy(m->jobs);
		mongoc_client_destroy(m->client);
	}
	m->client = NULL;
}

void mongo_close(void *d)
{
	struct mongo *m = d;

	if (!m)
		return;
	mongo_disconnect(m);
	mongoc_uri_destroy(m->uri);
	json_fini(&m->json);
	buf_fini(&m->text);
	buf_fini(&m->keys);
	bson_destroy(&m->value);
	free(m->member);
	free(m->host);
	free(m);
}

/* ---- connecting */

static mongoc_collection_t *durable_collection(struct mongo *m, const char *name)
{
	mongoc_collection_t *c = mongoc_client_get_collection(m->client, m->database, name);
	mongoc_write_concern_t *w = mongoc_write_concern_new();
	mongoc_read_concern_t *r = mongoc_read_concern_new();
	mongoc_read_prefs_t *primary = mongoc_read_prefs_new(MONGOC_READ_PRIMARY);

	mongoc_write_concern_set_wmajority(w, SOCKET_MS / 2);
	mongoc_write_concern_set_journal(w, true);
	mongoc_collection_set_write_concern(c, w);
	mongoc_read_concern_set_level(r, MONGOC_READ_CONCERN_LEVEL_MAJORITY);
	if (!m->reads) {
		mongoc_collection_set_read_concern(c, r);
		mongoc_collection_set_read_prefs(c, primary);
	}
	mongoc_read_prefs_destroy(primary);
	mongoc_write_concern_destroy(w);
	mongoc_read_concern_destroy(r);
	return c;
}

static enum sink_result open_client(struct mongo *m, struct err *err)
{
	bson_error_t why;

	m->leaving = false;
	m->client = mongoc_client_new_from_uri_with_error(m->uri, &why);
	if (!m->client) {
		err_set(err, EX_CONFIG, "%s: %s", m->host, why.message);
		return SINK_FATAL;
	}
	mongoc_client_set_error_api(m->client, MONGOC_ERROR_API_VERSION_2);
	mongo_stream_take(m);
	m->events = durable_collection(m, m->conf->place);
	m->dead = durable_collection(m, "hta_dead");
	m->taken = durable_collection(m, "hta_dead_taken");
	m->jobs = durable_collection(m, "hta_job");
	return SINK_OK;
}

static enum sink_result run_command(struct mongo *m, const bson_t *command, bson_t *reply,
				    struct err *err)
{
	bson_error_t why;

	if (mongoc_client_command_simple(m->client, m->database, command, NULL, reply, &why))
		return SINK_OK;
	bson_destroy(reply);
	bson_init(reply);
	return mongo_failed(m, &why, err);
}

/* FerretDB 1 ends the connection when a Decimal128 comes. For each document of an update it holds
 * one of a hundred connections to its own store until all are done. */
static enum sink_result look_at_server(struct mongo *m, struct err *err)
{
	bson_t *command = BCON_NEW("buildInfo", BCON_INT32(1)), reply;
	enum sink_result r = run_command(m, command, &reply, err);

	m->ferret = bson_has_field(&reply, "ferretdbVersion");
	bson_destroy(command);
	bson_destroy(&reply);
	return r;
}

enum sink_result mongo_look_at_events(struct mongo *m, struct err *err)
{
	bson_t all = BSON_INITIALIZER,
	       *one = BCON_NEW("limit", BCON_INT64(1), "singleBatch", BCON_BOOL(true));
	mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(m->events, &all, one, NULL);
	const bson_t *doc = NULL;
	bool found = mongoc_cursor_next(cursor, &doc), want = m->conf->events.key != NULL;
	enum sink_result r = SINK_OK;
	bson_iter_t id;
	bson_error_t why;

	m->keyed = want;
	if (mongoc_cursor_error(cursor, &why)) {
		r = mongo_failed(m, &why, err);
	} else if (found) {
		bool ours = bson_has_field(doc, "record") && bson_has_field(doc, "received_at") &&
			    bson_iter_init_find(&id, doc, "_id") && BSON_ITER_HOLDS_UTF8(&id);

		m->keyed = ours && !strchr(bson_iter_utf8(&id, NULL), '/');
		if (!ours)
			sink_error_no_events(m->conf->place, err);
		else if (!m->reads && m->keyed != want)
			sink_error_events_key(m->conf->place, m->keyed, err);
		r = ours && (m->reads || m->keyed == want) ? SINK_OK : SINK_FATAL;
	}
	mongoc_cursor_destroy(cursor);
	bson_destroy(one);
	bson_destroy(&all);
	return r;
}

/* ---- indexes */

struct index {
	const char *name, *first; /* what it begins with; NULL: the order of events alone */
	bool found;
};

enum { INDEXES = 3 };

static void add_index(bson_t *list, uint32_t nth, const struct index *x, bool keyed)
{
	bson_t index, key;
	char text[16];
	const char *name;

	bson_uint32_to_string(nth, &name, text, sizeof(text));
	bson_append_document_begin(list, name, -1, &index);
	bson_append_document_begin(&index, "key", -1, &key);
	if (x->first)
		bson_append_int32(&key, x->first, -1, 1);
	mongo_order_append(&key, keyed);
	bson_append_document_end(&index, &key);
	bson_append_utf8(&index, "name", -1, x->name, -1);
	bson_append_document_end(list, &index);
}

static enum sink_result make_indexes(struct mongo *m, const struct index *x, struct err *err)
{
	bson_t command = BSON_INITIALIZER, list, reply;
	uint32_t missing = 0;
	enum sink_result r = SINK_OK;

	bson_append_utf8(&command, "createIndexes", -1, m->conf->place, -1);
	bson_append_array_begin(&command, "indexes", -1, &list);
	for (size_t i = 0; i < INDEXES; i++)
		if (!x[i].found)
			add_index(&list, missing++, &x[i], m->keyed);
	bson_append_array_end(&command, &list);
	if (missing) {
		r = run_command(m, &command, &reply, err);
		bson_destroy(&reply);
	}
	bson_destroy(&command);
	return r;
}

static enum sink_result look_at_indexes(struct mongo *m, struct index *x, struct err *err)
{
	mongoc_cursor_t *cursor = mongoc_collection_find_indexes_with_opts(m->events, NULL);
	enum sink_result r = SINK_OK;
	const bson_t *doc;
	bson_error_t why;
	bson_iter_t name;

	while (mongoc_cursor_next(cursor, &doc))
		for (size_t i = 0; i < INDEXES; i++)
			x[i].found |= bson_iter_init_find(&name, doc, "name") &&
				      BSON_ITER_HOLDS_UTF8(&name) &&
				      strcmp(bson_iter_utf8(&name, NULL), x[i].name) == 0;
	if (mongoc_cursor_error(cursor, &why) && why.code != MONGOC_ERROR_COLLECTION_DOES_NOT_EXIST)
		r = mongo_failed(m, &why, err);
	mongoc_cursor_destroy(cursor);
	return r;
}

/* What is there is made once; the first index stands for the collection, which MongoDB would make
 * by itself. */
static enum sink_result check_indexes(struct mongo *m, struct err *err)
{
	struct index x[INDEXES] = { { "hta_time", NULL, false },
				    { "hta_type", "event_type", false },
				    { "hta_user", "user_id", false } };
	enum sink_result r = look_at_indexes(m, x, err);
	char *what;

	if (r != SINK_OK || x[0].found)
		return r;
	if (m->conf->create && !m->reads)
		return make_indexes(m, x, err);
	what = mem_printf("collection %s", m->conf->place);
	sink_error_missing(what, "hta-sink-mongo", NULL, err);
	err_in(err, "%s/%s", m->host, m->database);
	free(what);
	return SINK_FATAL;
}

enum sink_result mongo_connect_bare(struct mongo *m, struct err *err)
{
	enum sink_result r = open_client(m, err);

	if (r == SINK_OK)
		r = look_at_server(m, err);
	if (r != SINK_OK)
		mongo_disconnect(m);
	return r;
}

enum sink_result mongo_connect(void *d, struct err *err)
{
	struct mongo *m = d;
	enum sink_result r = mongo_connect_bare(m, err);

	if (r != SINK_OK)
		return r;
	r = mongo_look_at_events(m, err);
	if (r == SINK_OK)
		r = check_indexes(m, err);
	if (r != SINK_OK)
		mongo_disconnect(m);
	return r;
}

/* ---- looking */

static enum sink_result mongo_probe(void *d, const struct probe *probe, struct err *err)
{
	struct mongo *m = d;
	bson_t *command = BCON_NEW("buildInfo", BCON_INT32(1)), reply;
	enum sink_result r = run_command(m, command, &reply, err);
	bson_iter_t version;

	if (r == SINK_OK && bson_iter_init_find(&version, &reply, "version"))
		probe_say(probe, PROBE_GOOD, "version %s, database %s: collection %s is there",
			  bson_iter_utf8(&version, NULL), m->database, m->conf->place);
	bson_destroy(command);
	bson_destroy(&reply);
	return r;
}

static const struct opt mongo_opts[] = {
	SINK_PLACE_OPT("collection", "hta_events", "collection of the events"),
	SINK_EVENTS_COLUMN_OPTS,
	OPT_END,
};

const struct sink_driver mongo_driver = {
	.kind = "mongo",
	.takes = SINK_DEAD,
	.delivery = SINK_NAMED,
	.events_only = true,
	.events_place = "hta_events",
	.opts = mongo_opts,
	.conf_bytes = sizeof(struct sink_conf),
	.open = sink_mongo_open,
	.close = mongo_close,
	.connect = mongo_connect,
	.disconnect = mongo_disconnect,
	.keeper = &mongo_keeper,
	.write = mongo_write,
	.put = mongo_put,
	.probe = mongo_probe,
};
