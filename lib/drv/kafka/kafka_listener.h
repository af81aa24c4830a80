/* What does a listener speak? Asked only where connections fail as if the ends spoke different
 * protocols, which looks the same as a broker, or a proxy before it, that is about to start: the
 * first never ends, the second is waited for. So nothing but an answer counts. */
#ifndef DRV_KAFKA_KAFKA_LISTENER_H
#define DRV_KAFKA_KAFKA_LISTENER_H

#include "drv/kafka/kafka_trouble.h"

/* at: HOST:PORT. Blocks for as long as it says nothing, 8 s at most, and for the resolver. */
enum kafka_listener kafka_listener_ask(struct slice at);

#endif
