/* The S3 driver: records of an acknowledged stream as objects of a bucket, an object a partition
 * and epoch, and those objects as an input again. Positions stand in another store
 * (--positions): epochs are claimed, and the claim's words are keys and uploads. */
#ifndef DRV_S3_S3_H
#define DRV_S3_S3_H

#include "sink/driver.h"
#include "source/consume.h"

extern const struct sink_driver s3_driver;
/* Of conf->bucket: "s3://BUCKET/PREFIX". */
extern const struct consume_driver s3_input_driver;

#endif
