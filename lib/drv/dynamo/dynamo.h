/* The DynamoDB driver: records as events (items of one table, found by id, type, user and day), and
 * a reader of them. Positions stand in another store (--positions): an item is known by what it
 * is, so an epoch that is written twice is the same. */
#ifndef DRV_DYNAMO_DYNAMO_H
#define DRV_DYNAMO_DYNAMO_H

#include "read/driver.h"
#include "sink/driver.h"

#define DYNAMO_SCHEME "dynamodb://"

extern const struct sink_driver dynamo_driver;
extern const struct read_driver dynamo_reader;

#endif
