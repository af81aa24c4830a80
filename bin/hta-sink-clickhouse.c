#include "drv/clickhouse/clickhouse.h"
#include "sink/sink.h"
#include "stores.h"

int main(int argc, char **argv)
{
	static const struct sink_program program = {
		.name = "hta-sink-clickhouse",
		.summary = "store rollups or events in ClickHouse, exactly once",
		.synopsis = "[OPTIONS] [URL]",
		.driver = &clickhouse_driver,
		.positions = stores_keeper,
		.examples = "hta-consume -b kafka:9092 -t events -g hta | hta-window --by "
			    "endpoint | hta-sink-clickhouse --init --positions hta.db "
			    "clickhouse://ch:8123/web | hta-commit\n"
			    "hta-consume --job log events.ndjson | hta-sink-clickhouse --events "
			    "--init --positions hta.db clickhouse://ch:8123/web | hta-commit",
	};

	return sink_main(&program, argc, argv);
}
