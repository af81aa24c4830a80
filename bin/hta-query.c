/* The readers that this build has. */
#include "app/query.h"

#ifdef WITH_KAFKA
#include "drv/kafka/kafka_query.h"
#endif
#ifdef WITH_PG
#include "drv/pg/pg.h"
#endif
#ifdef WITH_REDIS
#include "drv/redis/redis.h"
#endif
#ifdef WITH_SQLITE
#include "drv/sqlite/sqlite.h"
#endif

static const struct query_program program = {
#ifdef WITH_KAFKA
	.ends = kafka_query_ends,
#endif
#ifdef WITH_PG
	.pg = &pg_reader,
#endif
#ifdef WITH_REDIS
	.redis = &redis_reader,
#endif
#ifdef WITH_SQLITE
	.sqlite = &sqlite_reader,
#endif
};

int main(int argc, char **argv)
{
	return query_main(&program, argc, argv);
}
