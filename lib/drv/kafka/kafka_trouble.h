/* What librdkafka says of a connection that failed, for people. A part of the driver without a
 * cluster, so that a table can test it. */
#ifndef DRV_KAFKA_KAFKA_TROUBLE_H
#define DRV_KAFKA_KAFKA_TROUBLE_H

#include <stdbool.h>
#include "base/str.h"

/* Appends "HOST:PORT: reason" out of a line of librdkafka's log, such as
 * "[thrd:ssl://h:1/bootstrap]: ssl://h:1/bootstrap: reason (after 1ms in state CONNECT)". */
void kafka_trouble_text(const char *said, struct buf *out);

/* Does the text say that the two ends cannot come together as they are set up? That is so where the
 * handshake of TLS failed by a certificate or a version. Told by OpenSSL's number, not by words. */
bool kafka_trouble_lasts(const char *text);

#endif
