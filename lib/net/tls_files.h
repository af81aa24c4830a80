/* Files of a side of TLS into its context: servers (drv/tls) and clients (tls_client.h). All are
 * PEM, at most 256 KiB. -1: EX_CONFIG for a file that cannot be read, is not what it has to be, or
 * has expired; a key that others can read, or that does not fit. */
#ifndef NET_TLS_FILES_H
#define NET_TLS_FILES_H

#include <openssl/ssl.h>
#include <stdint.h>

#include "base/err.h"

/* Our certificate, then those between it and a root. *not_after_s: seconds since 1970. */
int tls_files_cert(SSL_CTX *context, const char *path, int64_t *not_after_s, struct err *err);
/* Its key; cert is the certificate's file, for messages. */
int tls_files_key(SSL_CTX *context, const char *path, const char *cert, struct err *err);
/* Who signs the other side's certificates, which are verified from now on. */
int tls_files_authorities(SSL_CTX *context, const char *path, struct err *err);

#endif
