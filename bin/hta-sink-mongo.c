#include "drv/mongo/mongo.h"
#include "sink/sink.h"

int main(int argc, char **argv)
{
	static const struct sink_program program = {
		.name = "hta-sink-mongo",
		.summary = "store events in MongoDB, each once",
		.synopsis = "[OPTIONS] [URL]",
		.driver = &mongo_driver,
		.examples = "hta-consume -b kafka:9092 -t events -g events | hta-sink-mongo "
			    "--init mongodb://mongo/web | hta-commit\n"
			    "hta-sink-mongo --key event_id --collection once --init "
			    "mongodb://mongo/web "
			    "<events.ndjson",
	};

	return sink_main(&program, argc, argv);
}
