/* A kind of store stands here whether it was built in or not, so that a text which means it gets
 * the name of what is missing. The order decides: SQLite is last, as any text is a file's name. */
#include "stores.h"

#include "read/shards.h"

#ifdef WITH_PG
#include "drv/pg/pg.h"
#define PG_READER &pg_reader
#define PG_SINK &pg_driver
#else
#define PG_READER NULL
#define PG_SINK NULL
#endif
#ifdef WITH_REDIS
#include "drv/redis/redis.h"
#define REDIS_READER &redis_reader
#define REDIS_SINK &redis_driver
#else
#define REDIS_READER NULL
#define REDIS_SINK NULL
#endif
#ifdef WITH_SQLITE
#include "drv/sqlite/sqlite.h"
#define SQLITE_READER &sqlite_reader
#define SQLITE_SINK &sqlite_driver
#else
#define SQLITE_READER NULL
#define SQLITE_SINK NULL
#endif

#ifdef WITH_CURL
#include "drv/clickhouse/clickhouse.h"
#define CLICKHOUSE_READER &clickhouse_reader
#define CLICKHOUSE_SINK &clickhouse_driver
#include "drv/dynamo/dynamo.h"
#define DYNAMO_READER &dynamo_reader
#define DYNAMO_SINK &dynamo_driver
#else
#define DYNAMO_READER NULL
#define DYNAMO_SINK NULL
#define CLICKHOUSE_READER NULL
#define CLICKHOUSE_SINK NULL
#endif

#ifdef WITH_MONGO
#include "drv/mongo/mongo.h"
#define MONGO_READER &mongo_reader
#define MONGO_SINK &mongo_driver
#else
#define MONGO_READER NULL
#define MONGO_SINK NULL
#endif

static bool begins_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

/* libpq's key=value form. */
static bool is_conninfo(const char *text)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz_");
	const char *eq = text + n + strspn(text + n, " ");

	return n && *eq == '=';
}

static bool is_pg(const char *store)
{
	return begins_with(store, "postgres://") || begins_with(store, "postgresql://") ||
	       is_conninfo(store);
}

static bool is_redis(const char *store)
{
	return begins_with(store, "redis://") || begins_with(store, "rediss://") ||
	       begins_with(store, "unix://");
}

static bool is_clickhouse(const char *store)
{
	return begins_with(store, "clickhouse://") || begins_with(store, "clickhouses://") ||
	       begins_with(store, "http://") || begins_with(store, "https://");
}

static bool is_dynamo(const char *store)
{
	return begins_with(store, "dynamodb://");
}

static bool is_mongo(const char *store)
{
	return begins_with(store, "mongodb://") || begins_with(store, "mongodb+srv://");
}

/* Whatever else is said is the name of a file. */
static bool is_sqlite(const char *store)
{
	(void)store;
	return true;
}

static const char *const libpq_environment[] = { "PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE",
						 "PGUSER", "PGSERVICE",  NULL };

static void *open_shards(const struct sink_conf *conf, struct err *err)
{
	return read_shards_open(&read_stores, conf, err);
}

static const struct read_driver shards_reader = {
	.default_table = READ_SHARDS_TABLE,
	.open = open_shards,
	.close = read_shards_close,
	.metrics = read_shards_metrics,
	.sinks = read_shards_sinks,
	.newest = read_shards_newest,
	.rows = read_shards_rows,
};

static const struct read_kind kinds[] = {
	{ .name = "shards",
	  .configure = "shards",
	  .example = "shards:STORE,STORE",
	  .accepts = read_is_shards,
	  .driver = &shards_reader },
	{ .name = "Postgres",
	  .configure = "pg",
	  .example = "postgres://HOST/DATABASE",
	  .accepts = is_pg,
	  .environment = libpq_environment,
	  .driver = PG_READER,
	  .sink = PG_SINK },
	{ .name = "Redis",
	  .configure = "redis",
	  .example = "redis://HOST",
	  .accepts = is_redis,
	  .in_memory = true,
	  .driver = REDIS_READER,
	  .sink = REDIS_SINK },
	{ .name = "ClickHouse",
	  .configure = "curl",
	  .example = "clickhouse://HOST",
	  .accepts = is_clickhouse,
	  .driver = CLICKHOUSE_READER,
	  .sink = CLICKHOUSE_SINK },
	{ .name = "DynamoDB",
	  .configure = "curl",
	  .example = "dynamodb://REGION/TABLE",
	  .accepts = is_dynamo,
	  .driver = DYNAMO_READER,
	  .sink = DYNAMO_SINK },
	{ .name = "MongoDB",
	  .configure = "mongo",
	  .example = "mongodb://HOST/DATABASE",
	  .accepts = is_mongo,
	  .driver = MONGO_READER,
	  .sink = MONGO_SINK },
	{ .name = "SQLite",
	  .configure = "sqlite",
	  .example = "FILE",
	  .accepts = is_sqlite,
	  .driver = SQLITE_READER,
	  .sink = SQLITE_SINK },
};

const struct read_stores read_stores = {
	.kind = kinds,
	.n = sizeof(kinds) / sizeof(*kinds),
	.variables = "PGHOST, PGSERVICE ..",
};

const struct sink_driver *stores_keeper(const char *where, struct err *err)
{
	const struct read_kind *k = read_stores_kind(&read_stores, where);

	if (k && k->sink && k->sink->keeper)
		return k->sink;
	if (k && k->sink) {
		err_set(err, EX_USAGE, "--positions: %s cannot keep them, it has no transactions",
			k->name);
		return NULL;
	}
	err_set(err, EX_CONFIG,
		"--positions: this program was built without %s (configure --with-%s)",
		k ? k->name : "a store", k ? k->configure : "sqlite");
	return NULL;
}
