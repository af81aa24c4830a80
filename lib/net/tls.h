/* What a program asks of a driver of TLS; the driver is named where the program is put together
 * (bin/), as drivers of stores are. */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <stdint.h>
#include "base/err.h"
#include "net/http_transport.h"

/* PEM. Borrowed: they are read again by reload. */
struct tls_files {
	const char *cert; /* the server's, then those between it and a root */
	const char *key;
	const char *client_ca; /* who signs clients' certificates; NULL: clients are not asked */
	bool http2;            /* offer h2 before http/1.1 */
};

struct tls;

struct tls_driver {
	/* NULL: EX_CONFIG for a file that cannot be read, is not what it has to be, or has
	 * expired; a key that others can read, or that does not fit. */
	struct tls *(*open)(const struct tls_files *files, struct err *err);
	/* Reads the files again; connections that are there go on. -1: as open, nothing changed. */
	int (*reload)(struct tls *t, struct err *err);
	/* Until when the certificate is good: seconds since 1970. */
	int64_t (*not_after_s)(const struct tls *t);
	/* For http_conf; as long as t. A client's peer is the common name of its certificate. */
	const struct http_transport *(*transport)(struct tls *t);
	void (*free)(struct tls *t);
};

#endif
