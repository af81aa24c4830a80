/* Hashes. All are stable for ever: they are stored. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* XXH3 (xxHash 0.8 specification), seed 0. hash_128 writes the canonical (big-endian) 16 bytes;
 * their hex is dims_hash. */
uint64_t hash_64(const void *p, size_t n);
/* hash_64 of many short texts, without a call for each. */
void hash_64_each(const char *const *p, const uint32_t *bytes, size_t n, uint64_t *out);
void hash_128(const void *p, size_t n, uint8_t out[16]);

/* MurmurHash64A, seed 0xadc83b19: what Redis feeds its HyperLogLog with (hyperloglog.c), so that
 * our registers equal PFADD's. */
uint64_t hash_murmur64a(const void *p, size_t n);

/* n random bytes from the kernel (incarnations, generations). Never fails. */
void hash_random(void *out, size_t n);

#endif
