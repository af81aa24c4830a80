/* What the files of the driver share: tls.c (from open to free), tls_link.c (connections).
 * Nobody else includes it. */
#ifndef DRV_TLS_TLS_INTERNAL_H
#define DRV_TLS_TLS_INTERNAL_H

#include <openssl/ssl.h>

#include "drv/tls/tls.h"

struct tls {
	struct tls_files files;
	struct http_transport transport;
	SSL_CTX *context; /* of new connections; each holds on to its own */
	BIO_METHOD *socket;
	int64_t not_after_s;
};

/* ---- tls_link.c */
/* The functions of a transport, whose arg is the struct tls. */
extern const struct http_transport tls_links;
/* For SSL_CTX_set_info_callback: cuts a client that asks for another handshake, which could keep
 * us busy for nothing. */
void tls_link_told(const SSL *ssl, int where, int what);
/* Bytes to and from a connection's socket. NULL: no memory. */
BIO_METHOD *tls_link_socket(void);

#endif
