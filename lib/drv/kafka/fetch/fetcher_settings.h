/* What librdkafka's settings say to the fetcher, and whether they leave it anything to do. */
#ifndef DRV_KAFKA_FETCH_FETCHER_SETTINGS_H
#define DRV_KAFKA_FETCH_FETCHER_SETTINGS_H

#include <librdkafka/rdkafka.h>

#include "base/str.h"
#include "drv/kafka/fetch/fetcher.h"

/* Fills *out. 0; -1: a setting has only librdkafka read, and "NAME=VALUE" of the first such is
 * appended to *why. None of those that are looked at is a secret. */
int fetcher_settings_read(const rd_kafka_conf_t *conf, struct fetcher_settings *out,
			  struct buf *why);

#endif
