/* TLS 1.2 and 1.3 for a connection that a driver has made by itself; HTTP's has libcurl's
 * (http_client.h). The server's certificate is always verified: its signer, its times, and that it
 * is for the name that was asked for.
 *
 * The socket does not block and stays the caller's, who waits for it: nothing here waits. No
 * compression, no renegotiation that a server could begin, no session that is resumed. */
#ifndef NET_TLS_CLIENT_H
#define NET_TLS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/* PEM. Borrowed until tls_client_new returns. */
struct tls_client_conf {
	const char *ca;         /* who signs the server's certificate; NULL: the system's */
	const char *cert, *key; /* our own; NULL: none */
};

struct tls_client;
/* Reads the files. NULL: EX_CONFIG for a file that is no good (tls_files.h). */
struct tls_client *tls_client_new(const struct tls_client_conf *conf, struct err *err);
void tls_client_free(struct tls_client *c); /* NULL is fine; its connections may go on */

struct tls_conn;
/* name: a host's name or address, which the certificate has to hold; a name is sent as well (SNI).
 * NULL: no memory. */
struct tls_conn *tls_conn_new(const struct tls_client *c, int fd, const char *name);
/* Says the end to the server, if the socket takes it at once. NULL is fine. */
void tls_conn_free(struct tls_conn *c);

/* One step of the handshake, of reading, of writing. 0: nothing goes before the socket has one of
 * *events (POLLIN, POLLOUT), which a write may want to be readable, and a read writable. -1:
 * EX_CONFIG where trying again does not help (a certificate that is not accepted, on either side;
 * no TLS there), EX_TEMPFAIL for a connection that is lost, which one that ended without a word of
 * its end is too. Handshake: 1 when it is done. */
int tls_conn_handshake(struct tls_conn *c, short *events, struct err *err);
ssize_t tls_conn_read(struct tls_conn *c, void *p, size_t n, short *events, struct err *err);
/* What was begun may be gone on with from other memory, with the same bytes at least. */
ssize_t tls_conn_write(struct tls_conn *c, const void *p, size_t n, short *events, struct err *err);

#endif
