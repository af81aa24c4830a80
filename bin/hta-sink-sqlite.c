#include "drv/sqlite/sqlite.h"
#include "sink/sink.h"

int main(int argc, char **argv)
{
	static const struct sink_program program = {
		.name = "hta-sink-sqlite",
		.summary = "store rollups or events in a SQLite file, exactly once",
		.synopsis = "[OPTIONS] FILE",
		.driver = &sqlite_driver,
		.needs_where = true,
		.examples = "hta-consume --job web events.ndjson | hta-window --by endpoint | "
			    "hta-sink-sqlite --init rollups.db | hta-commit\n"
			    "hta-window --by endpoint events.ndjson | hta-sink-sqlite --init "
			    "plain.db",
	};

	return sink_main(&program, argc, argv);
}
