/* Where a cluster is (-b, bootstrap.servers): [PROTOCOL://]HOST[:PORT],... as librdkafka takes it.
 * A part of the driver without a cluster, so that a table can test it.
 *
 * librdkafka takes whatever stands there for a host, "a:1:2" and "kafka://a" too, and looks for it
 * for ever. So the list is read here first. */
#ifndef DRV_KAFKA_KAFKA_BROKERS_H
#define DRV_KAFKA_KAFKA_BROKERS_H

#include "base/err.h"
#include "base/str.h"

/* Appends the list, without blanks around its elements and without empty ones. protocol:
 * security.protocol, which an element's own has to be. EX_USAGE, naming the element. */
int kafka_brokers_read(const char *text, const char *protocol, struct buf *out, struct err *err);

#endif
