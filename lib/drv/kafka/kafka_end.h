/* The end of a client. librdkafka's own may hang for ever: a group that ends throws away requests
 * to the main thread (rd_kafka_cgrp_terminated of 2.0.2 empties the queue that they come by), and
 * who makes one at that moment, as the answer to a late rebalance, waits without a limit; threads
 * are joined without one. Inside of the Kafka driver. */
#ifndef DRV_KAFKA_KAFKA_END_H
#define DRV_KAFKA_KAFKA_END_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

/* Runs end(arg) in a thread, and waits for that: 10 s, and 1 s where another hangs already. */
void kafka_end_by(void (*end)(void *arg), void *arg);
/* rd_kafka_destroy(rk) so; NULL is fine. */
void kafka_end(rd_kafka_t *rk);
/* One hangs: what clients of this process use (opaques among them) must not be freed any more. */
bool kafka_left_behind(void);

#endif
