/* What librdkafka says of a connection that failed, for people. A part of the driver without a
 * cluster, so that a table can test it. */
#ifndef DRV_KAFKA_KAFKA_TROUBLE_H
#define DRV_KAFKA_KAFKA_TROUBLE_H

#include <stdbool.h>
#include "base/str.h"

/* What settings say of the login, "" where they do not. */
struct kafka_login {
	bool tls, sasl; /* security.protocol */
	bool user;      /* sasl.username */
	char ca[256];   /* ssl.ca.location */
	/* of the client: ssl.certificate.location or ssl.keystore.location */
	char certificate[256];
	char mechanism[32]; /* sasl.mechanism */
	const char *old;    /* the library's version where its SCRAM is not good enough, NULL */
};

/* Who is at the other end, as far as it has shown itself (kafka_listener.h). */
enum kafka_listener {
	KAFKA_LISTENER_UNKNOWN,
	KAFKA_LISTENER_TLS,
	KAFKA_LISTENER_PLAIN, /* neither TLS nor a login */
	KAFKA_LISTENER_LOGIN, /* no TLS, and it wants a login */
};

/* Appends "HOST:PORT: reason" out of a line of librdkafka's log, such as
 * "[thrd:ssl://h:1/bootstrap]: ssl://h:1/bootstrap: reason (after 1ms in state CONNECT)". */
void kafka_trouble_text(const char *said, struct buf *out);

/* Does the text say that the two ends cannot come together as they are set up? That is so where the
 * handshake of TLS failed by a certificate or a version. Told by OpenSSL's number, not by words. */
bool kafka_trouble_lasts(const char *text);

/* Appends the same as kafka_trouble_text, or better words where it is known what is wrong. x509:
 * OpenSSL's number of why the broker's certificate was refused, 0: it is not known. true: it lasts,
 * as above. */
bool kafka_trouble_judge(const char *said, const struct kafka_login *login, int x509,
			 struct buf *out);
/* The same of a login that the broker refuses. */
void kafka_trouble_refused(const char *said, const struct kafka_login *login, struct buf *out);

/* librdkafka has the same code for a broker that went away during the login: that is so here, and
 * nothing is refused. */
bool kafka_trouble_broke_off(const char *said);

/* The ends may speak different protocols, whatever the words are. Whom to ask: "HOST:PORT" is put
 * into *at, borrowed from said; false: it does not say. */
bool kafka_trouble_listener_of(const char *said, struct slice *at);
/* .. Appends what does not fit. false: as far as can be seen, all does. */
bool kafka_trouble_listener(const char *said, const struct kafka_login *login,
			    enum kafka_listener listener, struct buf *out);
/* .. A connection ended as if the listener wanted a login below TLS: appends that. One without TLS
 * says so itself, above. */
bool kafka_trouble_wants_login(const char *said, const struct kafka_login *login,
			       enum kafka_listener listener, struct buf *out);

#endif
