#include "intake/keys.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/num.h"

enum { BURST_S = 4 };

struct keys {
	char *text;
	struct key *key;
	size_t n, cap;
};

static const struct {
	const char *name;
	enum key_scope scope;
} scopes[] = {
	{ "write", KEY_WRITE }, { "read", KEY_READ },       { "rules", KEY_RULES },
	{ "reset", KEY_RESET }, { "metrics", KEY_METRICS },
};

const char *key_scope_name(enum key_scope scope)
{
	for (size_t i = 0; i < sizeof(scopes) / sizeof(*scopes); i++)
		if (scopes[i].scope == scope)
			return scopes[i].name;
	return NULL;
}

/* ---- words */

/* The next piece up to a byte of `ends`, without it; false: there is none. */
static bool next_piece(struct slice *left, const char *ends, struct slice *piece)
{
	size_t n = 0;

	while (left->n > 0 && strchr(ends, left->p[0]))
		*left = slice(left->p + 1, left->n - 1);
	while (n < left->n && !strchr(ends, left->p[n]))
		n++;
	*piece = slice(left->p, n);
	*left = slice(left->p + n, left->n - n);
	return n > 0;
}

static bool is_id(struct slice s)
{
	if (s.n == 0 || s.n > KEY_ID_BYTES)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)((s.p[i] | 0x20) - 'a') >= 26 &&
		    (unsigned char)(s.p[i] - '0') >= 10 && !strchr("_.-", s.p[i]))
			return false;
	return true;
}

static bool take_prefix(struct slice *s, const char *prefix)
{
	size_t n = strlen(prefix);

	if (s->n < n || memcmp(s->p, prefix, n) != 0)
		return false;
	*s = slice(s->p + n, s->n - n);
	return true;
}

static int take_scopes(struct key *k, struct slice word, struct err *err)
{
	struct slice name;

	while (next_piece(&word, ",", &name)) {
		size_t i = 0;

		while (i < sizeof(scopes) / sizeof(*scopes) && !slice_is(name, scopes[i].name))
			i++;
		if (i == sizeof(scopes) / sizeof(*scopes))
			return err_set(
				err, EX_CONFIG,
				"unknown scope \"%.*s\" (write, read, rules, reset, metrics)",
				(int)(name.n < 64 ? name.n : 64), name.p);
		k->scopes |= scopes[i].scope;
	}
	return k->scopes ? 0 : err_set(err, EX_CONFIG, "the key has no scope");
}

/* N or N/s. */
static int take_number(struct slice word, bool rate,
		       int (*read)(const char *, uint64_t *, struct err *), uint64_t *out,
		       struct err *err)
{
	char text[32];
	bool whole = word.n < sizeof(text);

	if (rate && word.n > 2 && memcmp(word.p + word.n - 2, "/s", 2) == 0)
		word.n -= 2;
	else if (rate)
		whole = false;
	if (!whole)
		return err_set(err, EX_CONFIG, "\"%.*s\" is not %s",
			       (int)(word.n < 64 ? word.n : 64), word.p,
			       rate ? "a rate (5000/s)" : "a number");
	memcpy(text, word.p, word.n);
	text[word.n] = '\0';
	if (read(text, out, err) == 0 && *out > 0 && *out <= RATE_MOST)
		return 0;
	return err_set(err, EX_CONFIG, "\"%s\" is not a number from 1 to %llu", text,
		       (unsigned long long)RATE_MOST);
}

static int take_setting(struct key *k, struct slice word, struct err *err)
{
	struct slice all = word;

	if (take_prefix(&word, "rate="))
		return take_number(word, true, num_count, &k->events_limit.per_s, err);
	if (take_prefix(&word, "burst="))
		return take_number(word, false, num_count, &k->events_limit.burst, err);
	if (take_prefix(&word, "bytes="))
		return take_number(word, true, num_bytes, &k->bytes_limit.per_s, err);
	if (take_prefix(&word, "topics=") && word.n > 0) {
		k->topics = word;
		return 0;
	}
	return err_set(err, EX_CONFIG,
		       "\"%.*s\" is none of rate=N/s, burst=N, bytes=N/s, topics=T,T",
		       (int)(all.n < 64 ? all.n : 64), all.p);
}

/* ---- lines */

static uint64_t four_seconds(uint64_t per_s)
{
	return per_s * BURST_S < RATE_MOST ? per_s * BURST_S : RATE_MOST;
}

static int read_key(struct slice line, struct key *k, struct err *err)
{
	struct slice word;

	next_piece(&line, " \t", &k->id);
	if (!is_id(k->id))
		return err_set(err, EX_CONFIG, "an id is 1 to %d letters, digits, _ . -",
			       KEY_ID_BYTES);
	next_piece(&line, " \t", &word);
	k->cert = slice_is(word, "cert");
	if (!k->cert &&
	    (!take_prefix(&word, "sha256:") || str_unhex(word, k->hash, sizeof(k->hash))))
		return err_set(err, EX_CONFIG,
			       "sha256: and 64 hex digits are expected behind the id");
	if (!next_piece(&line, " \t", &word))
		return err_set(err, EX_CONFIG, "the key has no scope");
	if (take_scopes(k, word, err))
		return -1;
	while (next_piece(&line, " \t", &word))
		if (take_setting(k, word, err))
			return -1;
	if (k->events_limit.burst && !k->events_limit.per_s)
		return err_set(err, EX_CONFIG, "a burst without a rate");
	if (!k->events_limit.burst)
		k->events_limit.burst = four_seconds(k->events_limit.per_s);
	k->bytes_limit.burst = four_seconds(k->bytes_limit.per_s);
	return 0;
}

static int add_key(struct keys *k, const struct key *one, struct err *err)
{
	for (size_t i = 0; i < k->n; i++) {
		if (slice_eq(k->key[i].id, one->id))
			return err_set(err, EX_CONFIG, "the id %.*s stands twice", (int)one->id.n,
				       one->id.p);
		if (!one->cert && memcmp(k->key[i].hash, one->hash, sizeof(one->hash)) == 0)
			return err_set(err, EX_CONFIG, "%.*s has the key of %.*s", (int)one->id.n,
				       one->id.p, (int)k->key[i].id.n, k->key[i].id.p);
	}
	mem_reserve(&k->key, &k->cap, k->n + 1, sizeof(*k->key));
	k->key[k->n++] = *one;
	return 0;
}

static int read_keys(struct keys *k, const char *name, struct slice left, struct err *err)
{
	for (unsigned number = 1; left.n > 0; number++) {
		const char *stop = memchr(left.p, '\n', left.n);
		struct slice line = slice(left.p, stop ? (size_t)(stop - left.p) : left.n);
		const char *note = memchr(line.p, '#', line.n);
		struct key one = { 0 };

		left = slice(line.p + line.n + !!stop, left.n - line.n - !!stop);
		line.n = note ? (size_t)(note - line.p) : line.n;
		while (line.n > 0 && strchr(" \t\r", line.p[line.n - 1]))
			line.n--;
		if (line.n > 0 && (read_key(line, &one, err) || add_key(k, &one, err)))
			return err_in(err, "%s:%u", name, number);
	}
	return k->n ? 0 : err_set(err, EX_CONFIG, "%s: there is no key in it", name);
}

struct keys *keys_new(const char *name, struct slice text, struct err *err)
{
	struct keys *k = mem_zalloc(sizeof(*k));

	k->text = mem_dup(text.p, text.n);
	if (!memchr(text.p, '\0', text.n) && read_keys(k, name, slice(k->text, text.n), err) == 0)
		return k;
	if (memchr(text.p, '\0', text.n))
		err_set(err, EX_CONFIG, "%s: it holds a NUL", name);
	keys_free(k);
	return NULL;
}

void keys_free(struct keys *k)
{
	if (!k)
		return;
	free(k->key);
	free(k->text);
	free(k);
}

/* ---- keys */

void keys_inherit(struct keys *k, const struct keys *before)
{
	for (size_t i = 0; i < k->n; i++)
		for (size_t b = 0; b < before->n; b++)
			if (slice_eq(k->key[i].id, before->key[b].id)) {
				k->key[i].events = before->key[b].events;
				k->key[i].bytes = before->key[b].bytes;
				k->key[i].limited = before->key[b].limited;
			}
}

struct key *keys_find(struct keys *k, const uint8_t hash[KEY_HASH_BYTES])
{
	size_t found = 0; /* number + 1 */

	for (size_t i = 0; i < k->n; i++) {
		uint32_t differ = k->key[i].cert;

		for (size_t b = 0; b < KEY_HASH_BYTES; b++)
			differ |= (uint32_t)(k->key[i].hash[b] ^ hash[b]);
		/* all ones where nothing differs */
		found |= (i + 1) & (0 - (size_t)((differ - 1) >> 31));
	}
	return found ? &k->key[found - 1] : NULL;
}

struct key *keys_named(struct keys *k, struct slice id)
{
	for (size_t i = 0; i < k->n; i++)
		if (slice_eq(k->key[i].id, id))
			return &k->key[i];
	return NULL;
}

struct key *keys_at(struct keys *k, size_t i)
{
	return i < k->n ? &k->key[i] : NULL;
}

bool key_may_write(const struct key *k, struct slice topic)
{
	struct slice left = k->topics, one;

	if (!(k->scopes & KEY_WRITE))
		return false;
	if (left.n == 0)
		return true;
	while (next_piece(&left, ",", &one))
		if (slice_eq(one, topic))
			return true;
	return false;
}
