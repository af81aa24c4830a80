/* A chain of four places. The environment and the file are read once; containers and machines are
 * asked over HTTP by a client of their own with short times, for an address without anybody behind
 * it does not even refuse. */
#include "net/aws_credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/tm.h"
#include "json/json.h"
#include "net/http_client.h"

enum {
	FILE_MAX_BYTES = 1 << 20,
	CONNECT_US = 1000000,
	ANSWER_US = 3000000,
	EARLY_US = 300000000, /* asked for again that long before they expire */
	URL_BYTES = 1024,
};

#define MACHINE "http://169.254.169.254"
#define CONTAINER "http://169.254.170.2"

void aws_credentials_fini(struct aws_credentials *c)
{
	free(c->id);
	free(c->secret);
	free(c->token);
	*c = (struct aws_credentials){ 0 };
}

bool aws_credentials_drop(struct aws_credentials *c)
{
	bool by_http = c->by_http;

	if (c->expires_us == INT64_MAX)
		return false;
	aws_credentials_fini(c);
	c->by_http = by_http;
	return true;
}

static const char *env_text(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

static char *dup_slice(struct slice s)
{
	return s.n ? mem_dup(s.p, s.n) : NULL;
}

/* ---- environment */

static int of_environment(struct aws_credentials *c, struct err *err)
{
	const char *id = env_text("AWS_ACCESS_KEY_ID"), *secret = env_text("AWS_SECRET_ACCESS_KEY");
	const char *token = env_text("AWS_SESSION_TOKEN");

	if (!id && !secret)
		return 1;
	if (!id || !secret)
		return err_set(err, EX_CONFIG, "%s is not set, and its other half is",
			       id ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
	*c = (struct aws_credentials){ mem_strdup(id), mem_strdup(secret),
				       token ? mem_strdup(token) : NULL, INT64_MAX, false };
	return 0;
}

/* ---- a file */

static struct slice trimmed(struct slice s)
{
	while (s.n && strchr(" \t\r", *s.p))
		s = slice(s.p + 1, s.n - 1);
	while (s.n && strchr(" \t\r", s.p[s.n - 1]))
		s.n--;
	return s;
}

static void take_member(struct aws_credentials *c, struct slice name, struct slice value)
{
	char **to = slice_is(name, "aws_access_key_id")       ? &c->id
		    : slice_is(name, "aws_secret_access_key") ? &c->secret
		    : slice_is(name, "aws_session_token")     ? &c->token
							      : NULL;

	if (!to)
		return;
	free(*to);
	*to = dup_slice(value);
}

static void take_file_line(struct aws_credentials *c, struct slice line, const char *profile,
			   bool *in_profile)
{
	const char *eq;

	line = trimmed(line);
	if (line.n == 0 || *line.p == '#' || *line.p == ';')
		return;
	if (*line.p == '[') {
		*in_profile = line.n > 2 && line.p[line.n - 1] == ']' &&
			      slice_is(trimmed(slice(line.p + 1, line.n - 2)), profile);
		return;
	}
	eq = memchr(line.p, '=', line.n);
	if (*in_profile && eq)
		take_member(c, trimmed(slice(line.p, (size_t)(eq - line.p))),
			    trimmed(slice(eq + 1, line.n - (size_t)(eq + 1 - line.p))));
}

int aws_credentials_read(struct slice text, const char *profile, struct aws_credentials *c)
{
	bool in_profile = false;

	*c = (struct aws_credentials){ .expires_us = INT64_MAX };
	while (text.n) {
		const char *nl = memchr(text.p, '\n', text.n);
		size_t n = nl ? (size_t)(nl - text.p) : text.n;

		take_file_line(c, slice(text.p, n), profile, &in_profile);
		n += nl ? 1 : 0;
		text = slice(text.p + n, text.n - n);
	}
	if (c->id && c->secret)
		return 0;
	aws_credentials_fini(c);
	return 1;
}

/* 1: there is no such file. */
static int read_file(const char *path, struct buf *out, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 1;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 1
							   : err_errno(err, EX_CONFIG, "%s", path);
	while (n > 0 && out->n < FILE_MAX_BYTES) {
		n = read(fd, buf_room(out, 4096), 4096);
		if (n > 0)
			out->n += (size_t)n;
	}
	if (n < 0)
		err_errno(err, EX_CONFIG, "%s", path);
	close(fd);
	return n < 0 ? -1 : 0;
}

static int of_file(struct aws_credentials *c, struct err *err)
{
	const char *given = env_text("AWS_SHARED_CREDENTIALS_FILE"), *home = env_text("HOME");
	const char *profile = env_text("AWS_PROFILE");
	char *path = given  ? mem_strdup(given)
		     : home ? mem_printf("%s/.aws/credentials", home)
			    : NULL;
	struct buf text = { 0 };
	int rc = path ? read_file(path, &text, err) : 1;

	if (rc == 0)
		rc = aws_credentials_read(buf_slice(&text), profile ? profile : "default", c);
	if (rc == 1 && profile)
		rc = err_set(err, EX_CONFIG, "%s has no keys for AWS_PROFILE %s",
			     path ? path : "no file", profile);
	buf_fini(&text);
	free(path);
	return rc;
}

/* ---- over HTTP */

static int json_member(const struct json *j, const char *name, char **out)
{
	struct slice text;

	if (!json_get_text(j, 0, name, &text) || text.n == 0)
		return -1;
	*out = mem_dup(text.p, text.n);
	return 0;
}

int aws_credentials_of_json(struct slice text, struct aws_credentials *c, struct err *err)
{
	struct json j = { 0 };
	struct slice until;
	int rc = json_parse(&j, text, err);

	*c = (struct aws_credentials){ .expires_us = INT64_MAX };
	if (rc == 0 && (json_member(&j, "AccessKeyId", &c->id) ||
			json_member(&j, "SecretAccessKey", &c->secret)))
		rc = err_set(err, EX_DATAERR, "the answer has no AccessKeyId and SecretAccessKey");
	if (rc == 0) {
		json_member(&j, "Token", &c->token);
		if (json_get_text(&j, 0, "Expiration", &until) && tm_parse(until, &c->expires_us))
			rc = err_set(err, EX_DATAERR, "the answer's Expiration is no time");
	} else {
		aws_credentials_fini(c);
	}
	json_fini(&j);
	return rc;
}

struct asking {
	struct http_client *client;
	bool met;  /* a machine's service has given a token */
	bool left; /* the program has to leave: err is the loop's */
};

/* Status 200 only. EX_TEMPFAIL: no answer, or one that may be another the next time. fields: one,
 * or NULL. */
static int ask_text(struct asking *a, const char *method, const char *url, const char *field,
		    struct buf *out, struct err *err)
{
	struct http_call *call = http_call_begin(a->client,
						 &(struct http_ask){ .method = method,
								     .url = url,
								     .fields = &field,
								     .n_fields = field ? 1 : 0 });
	enum http_outcome o = http_call_wait(call, err);
	int rc = o == HTTP_ANSWERED ? 0 : -1, status = rc == 0 ? http_call_status(call) : 0;

	a->left = o == HTTP_LEAVE;
	if (rc == 0 && status != 200)
		rc = err_set(err, status >= 500 || status == 429 ? EX_TEMPFAIL : EX_CONFIG,
			     "%s: status %d", url, status);
	else if (rc && o != HTTP_LEAVE)
		err_in(err, "%s", url);
	if (rc == 0)
		buf_adds(out, http_call_body(call));
	http_call_end(call);
	return rc;
}

static char *container_url(void)
{
	const char *full = env_text("AWS_CONTAINER_CREDENTIALS_FULL_URI");
	const char *relative = env_text("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");

	return full ? mem_strdup(full) : relative ? mem_printf("%s%s", CONTAINER, relative) : NULL;
}

static int container_token(struct buf *field, struct err *err)
{
	const char *file = env_text("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	const char *token = env_text("AWS_CONTAINER_AUTHORIZATION_TOKEN");
	struct buf text = { 0 };
	struct slice s;
	int rc = 0;

	if (file && read_file(file, &text, err))
		rc = err->code ? -1 : err_set(err, EX_CONFIG, "%s: is not there", file);
	s = file ? trimmed(buf_slice(&text)) : token ? slice_z(token) : slice(NULL, 0);
	while (s.n && s.p[s.n - 1] == '\n')
		s.n--;
	if (rc == 0 && s.n)
		buf_printf(field, "Authorization: %.*s", (int)s.n, s.p);
	buf_fini(&text);
	return rc;
}

static int of_container(struct asking *a, struct aws_credentials *c, struct err *err)
{
	char *url = container_url();
	struct buf field = { 0 }, text = { 0 };
	int rc;

	if (!url)
		return 1;
	rc = container_token(&field, err) ||
			     ask_text(a, "GET", url, field.n ? buf_z(&field) : NULL, &text, err)
		     ? -1
		     : aws_credentials_of_json(buf_slice(&text), c, err);
	buf_fini(&field);
	buf_fini(&text);
	free(url);
	return rc;
}

/* A token, the name of the machine's role, and the role's keys. */
static int of_machine(struct asking *a, struct aws_credentials *c, struct err *err)
{
	static const char path[] = "/latest/meta-data/iam/security-credentials/";
	const char *given = env_text("AWS_EC2_METADATA_SERVICE_ENDPOINT");
	const char *off = env_text("AWS_EC2_METADATA_DISABLED"), *base = given ? given : MACHINE;
	struct buf token = { 0 }, field = { 0 }, role = { 0 }, text = { 0 };
	char url[URL_BYTES];
	int rc;

	if (off && strcmp(off, "true") == 0)
		return 1;
	snprintf(url, sizeof(url), "%s/latest/api/token", base);
	rc = ask_text(a, "PUT", url, "X-aws-ec2-metadata-token-ttl-seconds: 21600", &token, err);
	a->met = rc == 0;
	buf_printf(&field, "X-aws-ec2-metadata-token: %s", buf_z(&token));
	snprintf(url, sizeof(url), "%s%s", base, path);
	if (rc == 0)
		rc = ask_text(a, "GET", url, buf_z(&field), &role, err);
	snprintf(url, sizeof(url), "%s%s%.*s", base, path, (int)strcspn(buf_z(&role), "\r\n"),
		 buf_z(&role));
	if (rc == 0)
		rc = ask_text(a, "GET", url, buf_z(&field), &text, err);
	if (rc == 0)
		rc = aws_credentials_of_json(buf_slice(&text), c, err);
	buf_fini(&token);
	buf_fini(&field);
	buf_fini(&role);
	buf_fini(&text);
	return rc;
}

static int of_http(struct asking *a, struct aws_credentials *c, struct loop *loop, struct err *err)
{
	static const struct http_client_conf conf = { .connect_us = CONNECT_US,
						      .answer_us = ANSWER_US,
						      .most_bytes = FILE_MAX_BYTES };
	int rc;

	a->client = http_client_new(loop, &conf, err);
	rc = a->client ? of_container(a, c, err) : -1;
	if (rc == 1)
		rc = of_machine(a, c, err);
	http_client_free(a->client);
	c->by_http = rc == 0;
	return rc;
}

/* ---- the chain */

/* At an address without a metadata service nobody answers either: that is no reason to wait. */
static bool may_come(bool before, const struct asking *a, const struct err *why)
{
	char *container = container_url();
	bool given = container != NULL;

	free(container);
	return given || before || (a->met && why->code == EX_TEMPFAIL);
}

/* before: there were some over HTTP. */
static int find_credentials(struct aws_credentials *c, bool before, struct loop *loop,
			    struct err *err)
{
	struct asking a = { .client = NULL };
	struct err why = ERR_INIT;
	int rc = of_environment(c, err);

	if (rc == 1)
		rc = of_file(c, err);
	if (rc != 1)
		return rc;
	rc = of_http(&a, c, loop, &why);
	if (rc == 0)
		return 0;
	if (a.left)
		return err_copy(err, &why);
	return err_set(err, may_come(before, &a, &why) ? EX_TEMPFAIL : EX_CONFIG,
		       "no keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write them "
		       "to ~/.aws/credentials%s%s%s",
		       rc < 0 ? " (" : "", rc < 0 ? why.msg : "", rc < 0 ? ")" : "");
}

int aws_credentials_refresh(struct aws_credentials *c, struct loop *loop, struct err *err)
{
	struct aws_credentials fresh = { 0 };
	int64_t now = tm_now_us();
	struct err why = ERR_INIT;

	if (c->id && (c->expires_us == INT64_MAX || now < c->expires_us - EARLY_US))
		return 0;
	if (find_credentials(&fresh, c->by_http, loop, &why)) {
		aws_credentials_fini(&fresh);
		if (c->id && now < c->expires_us)
			return 0;
		return err_copy(err, &why);
	}
	aws_credentials_fini(c);
	*c = fresh;
	return 0;
}
