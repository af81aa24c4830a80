/* What the clients of a cluster say of connections that failed: kept in whatever thread it is said,
 * judged in the program's. Inside of the Kafka driver.
 *
 * librdkafka says why a connection failed in its log, and for some reasons in some versions in an
 * event too. So the last such line of the log is kept. The same reason comes once in 30 s there. */
#ifndef DRV_KAFKA_KAFKA_HEARD_H
#define DRV_KAFKA_KAFKA_HEARD_H

#include <librdkafka/rdkafka.h>
#include <pthread.h>

#include "drv/kafka/kafka_trouble.h"

enum kafka_verdict {
	KAFKA_MAY_END, /* a broker that is away, as far as can be seen */
	KAFKA_SUSPECT, /* it seems to want a login: if it is said again and again, it does */
	KAFKA_LASTS,   /* settings do not fit */
};

enum { KAFKA_SUSPECT_US = 1000000 }; /* seems to want a login for so long: it does */

struct kafka_heard {
	struct kafka_login login;
	pthread_mutex_t lock;
	char text[512]; /* of the log, last */
	int64_t at_us;  /* 0: nothing yet */
	int x509;       /* why a broker's certificate was refused last; 0: none was */
	/* what a listener that failed has shown of itself, and when; 0: never asked */
	enum kafka_listener listener;
	int64_t asked_us;
};

void kafka_heard_init(struct kafka_heard *h);
void kafka_heard_fini(struct kafka_heard *h);
/* Once all is set: what conf says of the login. */
void kafka_heard_settings(struct kafka_heard *h, const rd_kafka_conf_t *conf);

/* Makes h the opaque of conf's clients, whose callbacks may cast it to the struct that h stands
 * first in, and keeps OpenSSL's judgements of their brokers' certificates. */
void kafka_heard_conf(struct kafka_heard *h, rd_kafka_conf_t *conf);
/* Any thread. A line of librdkafka's log. */
void kafka_heard_say(struct kafka_heard *h, const char *text);

/* "HOST:PORT: reason" out of what was said lately; false: nothing was. *verdict NULL: nobody wants
 * it; else the listener may be asked, every few seconds: that takes two at most. */
bool kafka_heard_why(struct kafka_heard *h, enum kafka_verdict *verdict, struct buf *out);

#endif
