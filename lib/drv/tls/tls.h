/* TLS 1.2 and 1.3 by OpenSSL 3, server side (net/tls.h).
 *
 * ALPN: h2 where it is asked for, http/1.1, http/1.0; a client that offers others only is refused.
 * No renegotiation, no early data, no compression, no sessions that are resumed: each connection
 * has its own handshake, which an ECDSA key makes cheap. Clients that are asked for a certificate
 * may go without.
 * Bounds: an idle connection holds 15 KiB, one with bytes under way a record each way besides (2 x
 * 17 KiB); 128 KiB of unsent handshake and alerts end it. Files: 256 KiB.
 * A key's file may be read by its owner only; one of root's by its group as well. */
#ifndef DRV_TLS_TLS_H
#define DRV_TLS_TLS_H

#include "net/tls.h"

extern const struct tls_driver tls_openssl;

#endif
