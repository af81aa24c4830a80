/* What hta-check --connect asks a cluster. */
#ifndef DRV_KAFKA_KAFKA_PROBE_H
#define DRV_KAFKA_KAFKA_PROBE_H

#include "source/consume.h"

/* Opens the input, asks, and closes it. As consume_driver's probe. */
int kafka_probe_input(const struct consume_conf *c, struct input *log, struct loop *loop,
		      const struct probe *probe, struct err *err);

#endif
