#include "drv/dynamo/dynamo.h"
#include "sink/sink.h"
#include "stores.h"

int main(int argc, char **argv)
{
	static const struct sink_program program = {
		.name = "hta-sink-dynamo",
		.summary = "store events in DynamoDB, each once",
		.synopsis = "[OPTIONS] dynamodb://REGION/TABLE",
		.driver = &dynamo_driver,
		.positions = stores_keeper,
		.examples = "hta-consume -b kafka:9092 -t events -g hot | hta-sink-dynamo --init "
			    "--positions hta.db --ttl 30d dynamodb://eu-west-1/events | "
			    "hta-commit\n"
			    "hta-query events -d dynamodb://eu-west-1/events --type click",
	};

	return sink_main(&program, argc, argv);
}
