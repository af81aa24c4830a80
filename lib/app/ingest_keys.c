/* Who may do what, and how much. A key comes as Authorization: Bearer or X-API-Key and is known by
 * its SHA-256 alone (intake/keys.h). What a route asks for is judged at the head; how many events
 * there are, and of which topics, is known once they are parsed. The key is looked up again then:
 * the file may have been read anew meanwhile. */
#include "app/ingest_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/tm.h"
#include "io/fd.h"

enum { KEYS_MOST = 1 << 20, KEY_RANDOM = 24 };

/* ---- the file */
static int read_keys_file(int fd, const char *path, struct buf *text, struct err *err)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return err_errno(err, EX_CONFIG, "%s", path);
	if (st.st_mode & 077)
		return err_set(err, EX_CONFIG, "%s: others can read or write it: chmod 600 %s",
			       path, path);
	do {
		n = read(fd, buf_room(text, 4096), 4096);
		text->n += n > 0 ? (size_t)n : 0;
	} while ((n > 0 && text->n <= KEYS_MOST) || (n < 0 && errno == EINTR));
	if (n < 0)
		return err_errno(err, EX_IOERR, "%s", path);
	return n ? err_set(err, EX_CONFIG, "%s: more than 1 MiB is no file of keys", path) : 0;
}

int ingest_keys_read(struct ingest *g, struct err *err)
{
	const char *path = g->conf.keys;
	struct buf text = { 0 };
	struct keys *keys = NULL;
	int fd;

	if (!path)
		return 0;
	fd = fd_open(path, err);
	if (fd < 0)
		return -1;
	if (read_keys_file(fd, path, &text, err) == 0)
		keys = keys_new(path, buf_slice(&text), err);
	close(fd);
	buf_fini(&text);
	if (!keys)
		return -1;
	if (g->keys)
		keys_inherit(keys, g->keys);
	keys_free(g->keys);
	g->keys = keys;
	return 0;
}

static bool is_key_id(const char *id)
{
	size_t n = strlen(id);

	return n && n <= KEY_ID_BYTES &&
	       strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == n;
}

int ingest_keys_new(const char *id, struct err *err)
{
	uint8_t random[KEY_RANDOM], hash[SHA256_BYTES];
	struct buf key = { 0 }, line = { 0 };

	if (!is_key_id(id))
		return err_set(err, EX_USAGE, "--new-key: a name is 1 to %d letters, digits, _ . -",
			       KEY_ID_BYTES);
	hash_random(random, sizeof(random));
	buf_addz(&key, "hta_");
	buf_hex(&key, random, sizeof(random));
	sha256(key.p, key.n, hash);
	buf_printf(&line, "%s  sha256:", id);
	buf_hex(&line, hash, sizeof(hash));
	printf("%s\n%s  write\n", buf_z(&key), buf_z(&line));
	buf_fini(&key);
	buf_fini(&line);
	return fflush(stdout) ? err_errno(err, EX_IOERR, "standard output") : 0;
}

/* ---- requests */
static struct slice key_text(const struct http_request *req)
{
	static const char bearer[] = "Bearer ";
	struct slice v = http_field(req, "Authorization");
	size_t n = sizeof(bearer) - 1;

	if (v.n <= n || !str_same(v.p, bearer, n))
		return http_field(req, "X-API-Key");
	for (; n < v.n && v.p[n] == ' '; n++)
		;
	return slice(v.p + n, v.n - n);
}

static struct key *key_of(struct ingest *g, const struct http_request *req)
{
	uint8_t hash[SHA256_BYTES];
	struct slice text;

	if (!g->keys)
		return NULL;
	text = key_text(req);
	if (!text.n)
		return NULL;
	sha256(text.p, text.n, hash);
	return keys_find(g->keys, hash);
}

struct slice ingest_keys_id(struct ingest *g, const struct http_request *req)
{
	const struct key *k = key_of(g, req);

	return k ? k->id : slice(NULL, 0);
}

bool ingest_keys_allow(void *arg, struct http_request *req, const struct route *route)
{
	static const struct http_field challenge = { { "WWW-Authenticate", 16 }, { "Bearer", 6 } };
	struct ingest *g = arg;
	const struct key *k;
	char detail[80];

	if (!g->keys || !route->scope)
		return true;
	k = key_of(g, req);
	if (!k) {
		problem_answer(req, &(struct problem){ .status = 401,
						       .code = "no-key",
						       .detail = slice_z("a key is asked for, as "
									 "Authorization: Bearer or "
									 "X-API-Key"),
						       .fields = &challenge,
						       .n_fields = 1 });
		return false;
	}
	if (k->scopes & route->scope)
		return true;
	snprintf(detail, sizeof(detail), "this key has no scope \"%s\"",
		 key_scope_name((enum key_scope)route->scope));
	problem_say(req, 403, "scope", detail);
	return false;
}

/* ---- events */
static bool may_write_topics(const struct key *k, struct http_request *req,
			     const struct intake_result *r)
{
	struct buf detail = { 0 };

	for (unsigned i = 0; i < r->n_topics; i++) {
		if (key_may_write(k, r->topics[i].topic))
			continue;
		buf_addz(&detail, "this key may not write to the topic ");
		problem_echo(&detail, r->topics[i].topic);
		problem_answer(req, &(struct problem){ .status = 403,
						       .code = "topic",
						       .detail = buf_slice(&detail) });
		buf_fini(&detail);
		return false;
	}
	return true;
}

static bool within_rate(struct key *k, struct http_request *req, uint64_t events, uint64_t bytes)
{
	int64_t now_us = tm_mono_us(), wait_us, more_us;

	wait_us = rate_wait_us(&k->events_limit, &k->events, events, now_us);
	more_us = rate_wait_us(&k->bytes_limit, &k->bytes, bytes, now_us);
	wait_us = more_us > wait_us ? more_us : wait_us;
	if (wait_us > 0) {
		problem_answer(
			req, &(struct problem){ .status = 429,
						.code = "rate",
						.detail = slice_z("this key sends more than "
								  "its rate"),
						.retry_after_s = (unsigned)(wait_us / TM_S) + 1 });
		return false;
	}
	rate_take(&k->events_limit, &k->events, events, now_us);
	rate_take(&k->bytes_limit, &k->bytes, bytes, now_us);
	return true;
}

bool ingest_keys_take(struct ingest *g, struct http_request *req, const struct intake_result *r)
{
	struct key *k = key_of(g, req);

	return !k || (may_write_topics(k, req, r) && within_rate(k, req, r->events, req->body.n));
}
