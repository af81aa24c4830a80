/* SHA-256 (FIPS 180-4), for the hashes of keys in a file of keys and for signatures. */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256_BYTES = 32 };

void sha256(const void *p, size_t n, uint8_t out[SHA256_BYTES]);

/* HMAC (RFC 2104) with SHA-256, of a text that is short: it is copied. A key of any length. */
void sha256_hmac(const void *key, size_t key_n, const void *p, size_t n, uint8_t out[SHA256_BYTES]);

#endif
