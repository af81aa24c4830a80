/* Error codes of librdkafka as exit codes. Inside of the Kafka driver. */
#ifndef DRV_KAFKA_KAFKA_ERROR_H
#define DRV_KAFKA_KAFKA_ERROR_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

#include "base/err.h"

/* EX_CONFIG for refused logins and rights, unknown topics; EX_UNAVAILABLE; else EX_TEMPFAIL. */
int kafka_failed(struct err *err, rd_kafka_resp_err_t code, const char *say);
/* "WHAT NAME may not be MAY: reason", such as "topic t may not be read: Broker: Topic authorization
 * failed". EX_CONFIG */
int kafka_no_right(struct err *err, rd_kafka_resp_err_t code, const char *what, const char *name,
		   const char *may);
bool kafka_temporary(rd_kafka_resp_err_t code);
bool kafka_unknown(rd_kafka_resp_err_t code); /* a topic or a partition */

#endif
