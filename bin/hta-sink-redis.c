#include "drv/redis/redis.h"
#include "sink/sink.h"

int main(int argc, char **argv)
{
	static const struct sink_program program = {
		.name = "hta-sink-redis",
		.summary = "store rollups in Redis, exactly once",
		.synopsis = "[OPTIONS] [URL]",
		.driver = &redis_driver,
		.examples = "hta-consume -b kafka:9092 -t events -g hta --dead bad.ndjson | "
			    "hta-window --by endpoint --dead bad.ndjson | hta-sink-redis --init "
			    "redis://cache:6379/0 | hta-commit\n"
			    "hta-window --by endpoint events.ndjson | hta-sink-redis --ttl never "
			    "--dry-run redis://cache:6379/0",
	};

	return sink_main(&program, argc, argv);
}
