/* The end of a client. librdkafka's own may hang for ever: its threads are joined once nothing
 * refers to them, and calls into its main thread wait without a limit; after a rebalance in the
 * middle of a close one of them now and then waits for another. Inside of the Kafka driver. */
#ifndef DRV_KAFKA_KAFKA_END_H
#define DRV_KAFKA_KAFKA_END_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

/* Runs end(arg) in a thread, and waits for that for 10 s, once a process. */
void kafka_end_by(void (*end)(void *arg), void *arg);
/* rd_kafka_destroy(rk) so; NULL is fine. */
void kafka_end(rd_kafka_t *rk);
/* One hangs: what clients of this process use (opaques among them) must not be freed any more. */
bool kafka_left_behind(void);

#endif
