/* Dead letters and Kafka: letters in a topic (kafka_letters.c), and sending what was mended
 * (kafka_resend.c, with the log's own records from kafka_original.c).
 *
 * A letter in a topic is the record's bytes as value, under the headers hta.topic, hta.partition,
 * hta.offset, hta.stage, hta.reason, hta.time (RFC 3339), hta.size and hta.retries; hta.truncated
 * where it was cut. All may lack. */
#ifndef DRV_KAFKA_KAFKA_LETTERS_H
#define DRV_KAFKA_KAFKA_LETTERS_H

#include "read/letters.h"

extern const struct letters_driver kafka_letters;
extern const struct letters_cluster kafka_cluster;

#endif
