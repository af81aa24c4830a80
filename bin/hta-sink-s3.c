#include "drv/s3/s3.h"
#include "sink/sink.h"
#include "stores.h"

int main(int argc, char **argv)
{
	static const struct sink_program program = {
		.name = "hta-sink-s3",
		.summary = "archive records in a bucket, exactly once",
		.synopsis = "[OPTIONS] s3://BUCKET/PREFIX",
		.driver = &s3_driver,
		.positions = stores_keeper,
		.examples = "hta-consume -b kafka:9092 -t events -g archive --epoch 5m --dead "
			    "drop | hta-sink-s3 --positions /var/lib/hta/archive.db --init "
			    "s3://archive/web | hta-commit\n"
			    "hta-consume s3://archive/web | hta-window --by endpoint",
	};

	return sink_main(&program, argc, argv);
}
