/* Names of topics as -t gives them: one, or several with commas between them. Kafka's rule for
 * a name: 1 to 249 of a-z A-Z 0-9 . _ -, and neither "." nor "..". */
#ifndef SOURCE_TOPICS_H
#define SOURCE_TOPICS_H

#include <stddef.h>
#include "base/err.h"

/* Appends the names in `text` to the array *topic of *n names (topics_free). EX_USAGE where one of
 * them is no name: *topic then has those before it. */
int topics_split(const char *text, const char ***topic, size_t *n, struct err *err);
void topics_free(const char **topic, size_t n);

#endif
