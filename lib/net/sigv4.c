/* The request is written in a canonical form, whose hash is signed with a key that is derived from
 * the secret for a day, a region and a service:
 *
 *	method \n path \n query \n name:value \n .. \n names \n payload      canonical request
 *	AWS4-HMAC-SHA256 \n time \n day/region/service/aws4_request \n hash  text that is signed
 *	HMAC(HMAC(HMAC(HMAC("AWS4" secret, day), region), service), "aws4_request")        key
 *
 * The key could be kept for a day; deriving it costs ten blocks of SHA-256 beside a body's
 * thousands. */
#include "net/sigv4.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/tm.h"

enum { DAY_CHARS = 8 };

#define ALGORITHM "AWS4-HMAC-SHA256"

/* ---- encodings */

static bool is_unreserved(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

void sigv4_encode(struct slice text, bool keep_slash, struct buf *out)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (is_unreserved(c) || (c == '/' && keep_slash))
			buf_addc(out, c);
		else
			buf_printf(out, "%%%02X", (unsigned char)c);
	}
}

/* Sorts indexes, of few things, by names that are told by `before`; equal ones stay in order. */
static void sort_few(size_t *order, size_t n, bool (*before)(const void *v, size_t a, size_t b),
		     const void *v)
{
	for (size_t i = 0; i < n; i++) {
		size_t k = i;

		for (; k > 0 && before(v, i, order[k - 1]); k--)
			order[k] = order[k - 1];
		order[k] = i;
	}
}

static bool text_before(const void *v, size_t a, size_t b)
{
	const struct slice *text = v;

	return slice_cmp(text[a], text[b]) < 0;
}

/* '=' is more than '-', '.' and digits, so names are compared before values: between the two
 * stands a zero byte until it is written out. */
void sigv4_query(const struct sigv4_pair *query, size_t n, struct buf *out)
{
	struct buf all = { 0 };
	size_t end[SIGV4_QUERY_MAX], order[SIGV4_QUERY_MAX];
	struct slice text[SIGV4_QUERY_MAX];

	if (n > SIGV4_QUERY_MAX)
		BUG("%zu parameters of a query", n);
	for (size_t i = 0; i < n; i++) {
		sigv4_encode(query[i].name, false, &all);
		buf_addc(&all, '\0');
		sigv4_encode(query[i].value, false, &all);
		end[i] = all.n;
	}
	for (size_t i = 0; i < n; i++) {
		size_t from = i ? end[i - 1] : 0;

		text[i] = slice(all.p + from, end[i] - from);
	}
	sort_few(order, n, text_before, text);
	for (size_t i = 0; i < n; i++) {
		struct slice t = text[order[i]];
		size_t name = strlen(t.p);

		buf_printf(out, "%s%.*s=%.*s", i ? "&" : "", (int)name, t.p, (int)(t.n - name - 1),
			   t.p + name + 1);
	}
	buf_fini(&all);
}

void sigv4_host(struct slice endpoint, struct buf *out)
{
	bool tls = endpoint.n > 8 && memcmp(endpoint.p, "https://", 8) == 0;
	struct slice port = slice_z(tls ? ":443" : ":80"), host = endpoint;
	const char *scheme = memmem(endpoint.p, endpoint.n, "://", 3);

	if (scheme)
		host = slice(scheme + 3, (size_t)(endpoint.p + endpoint.n - scheme - 3));
	if (host.n > port.n && memcmp(host.p + host.n - port.n, port.p, port.n) == 0)
		host.n -= port.n;
	buf_adds(out, host);
}

void sigv4_time(int64_t us, char out[SIGV4_TIME_CHARS + 1])
{
	time_t s = us / TM_S;
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(out, SIGV4_TIME_CHARS + 1, "%Y%m%dT%H%M%SZ", &tm);
}

static void write_hex(const uint8_t hash[SHA256_BYTES], char out[SIGV4_PAYLOAD_CHARS + 1])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < SHA256_BYTES; i++) {
		out[2 * i] = digits[hash[i] >> 4];
		out[2 * i + 1] = digits[hash[i] & 15];
	}
	out[SIGV4_PAYLOAD_CHARS] = '\0';
}

void sigv4_payload(struct slice body, char out[SIGV4_PAYLOAD_CHARS + 1])
{
	uint8_t hash[SHA256_BYTES];

	sha256(body.p, body.n, hash);
	write_hex(hash, out);
}

/* ---- the canonical request */

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static int name_cmp(struct slice a, struct slice b)
{
	for (size_t i = 0; i < a.n && i < b.n; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return (unsigned char)lower(a.p[i]) < (unsigned char)lower(b.p[i]) ? -1 : 1;
	return (a.n > b.n) - (a.n < b.n);
}

static bool field_before(const void *v, size_t a, size_t b)
{
	const struct sigv4_pair *field = v;

	return name_cmp(field[a].name, field[b].name) < 0;
}

static void add_lower(struct slice name, struct buf *out)
{
	for (size_t i = 0; i < name.n; i++)
		buf_addc(out, lower(name.p[i]));
}

/* Without blanks around it, and one blank for each run of them. */
static void add_value(struct slice value, struct buf *out)
{
	bool owed = false, any = false;

	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];

		if (c == ' ' || c == '\t') {
			owed = any;
			continue;
		}
		if (owed)
			buf_addc(out, ' ');
		owed = false;
		any = true;
		buf_addc(out, c);
	}
}

/* Fields of one name are one line. names: "host;x-amz-date". */
static void add_fields(const struct sigv4_ask *ask, struct buf *out, struct buf *names)
{
	size_t order[SIGV4_FIELDS_MAX];

	if (ask->n_fields > SIGV4_FIELDS_MAX)
		BUG("%zu fields to sign", ask->n_fields);
	sort_few(order, ask->n_fields, field_before, ask->field);
	for (size_t i = 0; i < ask->n_fields; i++) {
		const struct sigv4_pair *f = &ask->field[order[i]];
		const struct sigv4_pair *last = i ? &ask->field[order[i - 1]] : NULL;

		if (last && name_cmp(last->name, f->name) == 0) {
			out->p[out->n - 1] = ',';
		} else {
			if (last)
				buf_addc(names, ';');
			add_lower(f->name, names);
			add_lower(f->name, out);
			buf_addc(out, ':');
		}
		add_value(f->value, out);
		buf_addc(out, '\n');
	}
}

static void add_request(const struct sigv4_key *key, const struct sigv4_ask *ask, struct buf *out,
			struct buf *names)
{
	buf_printf(out, "%s\n", ask->method);
	if (key->path_as_sent)
		buf_adds(out, ask->path);
	else
		sigv4_encode(ask->path, true, out);
	buf_addc(out, '\n');
	sigv4_query(ask->query, ask->n_query, out);
	buf_addc(out, '\n');
	add_fields(ask, out, names);
	buf_addc(out, '\n');
	buf_adds(out, buf_slice(names));
	buf_printf(out, "\n%s", ask->payload);
}

void sigv4_fields(const struct sigv4_pair *field, size_t n, struct buf *texts, const char **text)
{
	size_t at[SIGV4_FIELDS_MAX];

	if (n > SIGV4_FIELDS_MAX)
		BUG("%zu fields to send", n);
	texts->n = 0;
	for (size_t i = 0; i < n; i++) {
		at[i] = texts->n;
		buf_adds(texts, field[i].name);
		buf_addz(texts, ": ");
		buf_adds(texts, field[i].value);
		buf_addc(texts, '\0');
	}
	for (size_t i = 0; i < n; i++)
		text[i] = texts->p + at[i];
}

/* ---- the signature */

static void hash_on(uint8_t key[SHA256_BYTES], struct slice text)
{
	uint8_t next[SHA256_BYTES];

	sha256_hmac(key, SHA256_BYTES, text.p, text.n, next);
	memcpy(key, next, SHA256_BYTES);
}

static void derive_key(const struct sigv4_key *key, const char *day, uint8_t out[SHA256_BYTES])
{
	struct buf secret = { 0 };

	buf_printf(&secret, "AWS4%s", key->secret);
	sha256_hmac(secret.p, secret.n, day, DAY_CHARS, out);
	hash_on(out, slice_z(key->region));
	hash_on(out, slice_z(key->service));
	hash_on(out, slice_z("aws4_request"));
	explicit_bzero(secret.p, secret.n);
	buf_fini(&secret);
}

void sigv4_sign(const struct sigv4_key *key, const struct sigv4_ask *ask, struct buf *out)
{
	struct buf request = { 0 }, names = { 0 }, scope = { 0 }, text = { 0 };
	char hash[SIGV4_PAYLOAD_CHARS + 1];
	uint8_t secret[SHA256_BYTES];

	add_request(key, ask, &request, &names);
	sigv4_payload(buf_slice(&request), hash);
	buf_printf(&scope, "%.*s/%s/%s/aws4_request", DAY_CHARS, ask->time, key->region,
		   key->service);
	buf_printf(&text, "%s\n%s\n%s\n%s", ALGORITHM, ask->time, buf_z(&scope), hash);
	derive_key(key, ask->time, secret);
	hash_on(secret, buf_slice(&text));
	write_hex(secret, hash);
	buf_printf(out, "%s Credential=%s/%s, SignedHeaders=%s, Signature=%s", ALGORITHM, key->id,
		   buf_z(&scope), buf_z(&names), hash);
	buf_fini(&request);
	buf_fini(&names);
	buf_fini(&scope);
	buf_fini(&text);
}
