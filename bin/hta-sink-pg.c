#include "drv/pg/pg.h"
#include "sink/sink.h"

int main(int argc, char **argv)
{
	static const struct sink_program program = {
		.name = "hta-sink-pg",
		.summary = "store rollups or events in Postgres, exactly once",
		.synopsis = "[OPTIONS] [CONNINFO]",
		.driver = &pg_driver,
		.examples = "hta-consume -b kafka:9092 -t events -g hta | hta-window --by "
			    "endpoint | hta-sink-pg --init service=rollups | hta-commit\n"
			    "hta-window --by endpoint events.ndjson | hta-sink-pg --dry-run "
			    "service=rollups",
	};

	return sink_main(&program, argc, argv);
}
