/* The file of keys: who may do what, and how much. A line is
 *
 *	ID  PROOF  SCOPE[,SCOPE..]  [rate=5000/s] [burst=20000] [bytes=10m/s] [topics=T[,T..]]
 *
 * with # and what follows it a note. PROOF is sha256:HEX, the SHA-256 of the key's text: keys are
 * long and random, so a slow hash would protect nothing; or cert, where there is no text and
 * clients prove themselves by a certificate. ID is 1 to 64 letters, digits, _ . -; it may be told,
 * the key may not.
 * rate is in events (k, M are thousands), bytes in bytes (k, m are 1024's); burst is four seconds
 * of the rate unless it is said, and that of bytes always.
 *
 * Pure: who reads the file checks its mode; who hashes has the library for it. */
#ifndef INTAKE_KEYS_H
#define INTAKE_KEYS_H

#include "base/err.h"
#include "base/str.h"
#include "intake/rate.h"

enum key_scope {
	KEY_WRITE = 1,
	KEY_READ = 2,
	KEY_RULES = 4,
	KEY_RESET = 8,
	KEY_METRICS = 16,
};

enum { KEY_HASH_BYTES = 32, KEY_ID_BYTES = 64 };

struct key {
	struct slice id;
	bool cert; /* it has no text, hash is zeros */
	uint8_t hash[KEY_HASH_BYTES];
	unsigned scopes;
	struct slice topics; /* T,T as in the file; n 0: all */
	struct rate_limit events_limit, bytes_limit;
	struct rate events, bytes;
	uint64_t limited; /* requests beyond its rate; the caller counts */
};

struct keys;

/* name: of the file, for messages. EX_CONFIG with NAME:LINE: no key at all, a word that is not
 * known, an id or a hash twice. The text is copied. */
struct keys *keys_new(const char *name, struct slice text, struct err *err);
void keys_free(struct keys *k);

/* Takes over counts and the levels of the buckets of keys that have the same id: at a reload. */
void keys_inherit(struct keys *k, const struct keys *before);

/* The key with that hash, NULL: none. The time does not tell which keys there are. */
struct key *keys_find(struct keys *k, const uint8_t hash[KEY_HASH_BYTES]);

/* The key with that id, NULL: none. For clients that have proved to be it. */
struct key *keys_named(struct keys *k, struct slice id);

/* Keys by number, NULL behind the last. */
struct key *keys_at(struct keys *k, size_t i);

bool key_may_write(const struct key *k, struct slice topic);

/* "write"; NULL: it is none of them. */
const char *key_scope_name(enum key_scope scope);

#endif
