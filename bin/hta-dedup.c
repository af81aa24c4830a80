#include "app/dedup.h"

#ifdef WITH_LMDB
#include "drv/lmdb/lmdb_dedup.h"
#endif
#ifdef WITH_REDIS
#include "drv/redis/redis_dedup.h"
#endif
#ifdef WITH_SQLITE
#include "drv/sqlite/sqlite.h"
#endif

static const struct dedup_state *const states[] = {
#ifdef WITH_LMDB
	&lmdb_dedup,
#endif
#ifdef WITH_SQLITE
	&sqlite_dedup,
#endif
#ifdef WITH_REDIS
	&redis_dedup,  &redis_dedup_tls, &redis_dedup_unix,
#endif
	NULL,
};

int main(int argc, char **argv)
{
	return dedup_main(argc, argv, states);
}
