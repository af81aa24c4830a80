#include "tool/http_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/sha256.h"
#include "io/fd.h"
#include "net/problem.h"
#include "net/ws_conn.h"

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

int http_keys_read(struct http_keys *k, const char *path, struct err *err)
{
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
	if (k->keys)
		keys_inherit(keys, k->keys);
	keys_free(k->keys);
	k->keys = keys;
	return 0;
}

void http_keys_fini(struct http_keys *k)
{
	keys_free(k->keys);
}

static bool is_key_id(const char *id)
{
	size_t n = strlen(id);

	return n && n <= KEY_ID_BYTES &&
	       strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == n;
}

int http_keys_make(const char *id, const char *scopes, struct err *err)
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
	printf("%s\n%s  %s\n", buf_z(&key), buf_z(&line), scopes);
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

/* Of the subprotocol; out is empty where there is none. */
static void offered_text(const struct http_request *req, struct buf *out)
{
	struct slice offered = req->upgrade ? ws_offered(req, "hta.key.") : slice(NULL, 0);
	struct buf padded = { 0 };

	for (size_t i = 0; i < offered.n; i++)
		buf_addc(&padded, offered.p[i] == '-'   ? '+'
				  : offered.p[i] == '_' ? '/'
							: offered.p[i]);
	while (padded.n % 4)
		buf_addc(&padded, '=');
	str_unbase64(buf_slice(&padded), out);
	buf_fini(&padded);
}

struct key *http_keys_of(struct http_keys *k, const struct http_request *req)
{
	uint8_t hash[SHA256_BYTES];
	struct slice text = key_text(req);
	struct buf offered = { 0 };
	struct key *key = NULL;

	if (!text.n) {
		offered_text(req, &offered);
		text = buf_slice(&offered);
	}
	if (k->keys && text.n) {
		sha256(text.p, text.n, hash);
		key = keys_find(k->keys, hash);
	} else if (k->keys) {
		key = keys_named(k->keys, req->peer);
	}
	buf_fini(&offered);
	return key;
}

static void ask_for_key(struct http_request *req)
{
	static const struct http_field challenge = { { "WWW-Authenticate", 16 }, { "Bearer", 6 } };

	problem_answer(req, &(struct problem){ .status = 401,
					       .code = "no-key",
					       .detail = slice_z("a key is asked for, as "
								 "Authorization: Bearer or "
								 "X-API-Key"),
					       .fields = &challenge,
					       .n_fields = 1 });
}

bool http_keys_allow(struct http_keys *k, struct http_request *req, unsigned scope)
{
	const struct key *key;
	char detail[80];

	if (!k->keys || !scope)
		return true;
	key = http_keys_of(k, req);
	if (!key) {
		ask_for_key(req);
		return false;
	}
	if (key->scopes & scope)
		return true;
	snprintf(detail, sizeof(detail), "this key has no scope \"%s\"",
		 key_scope_name((enum key_scope)scope));
	problem_say(req, 403, "scope", detail);
	return false;
}
