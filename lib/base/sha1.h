/* SHA-1 (FIPS 180-4), for the handshake of WebSocket, which asks for it. Nothing that has to be
 * safe may rest on it. */
#ifndef BASE_SHA1_H
#define BASE_SHA1_H

#include <stddef.h>
#include <stdint.h>

enum { SHA1_BYTES = 20 };

void sha1(const void *p, size_t n, uint8_t out[SHA1_BYTES]);

#endif
