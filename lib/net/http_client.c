/* libcurl's multi interface on the loop. libcurl says which sockets it waits for and for how long
 * (its socket and timer functions), each of which is a watch of the loop; what happens there is
 * handed back to it, and calls that are over are taken from its list.
 *
 *   loop watch  --curl_multi_socket_action-->  libcurl  --DONE-->  call->outcome
 *
 * A handle of libcurl is made for each call: connections, sessions of TLS and names belong to the
 * multi handle and stay. Nothing of the environment (proxies apart, which people set on purpose)
 * and no file of the user's home is read. */
#include <curl/curl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/tm.h"
#include "net/http_client.h"

enum {
	DEFAULT_CONNECT_US = 10 * 1000000,
	DEFAULT_ANSWER_US = 60 * 1000000,
	DEFAULT_CONNECTIONS = 16,
	US_A_MS = 1000,
};

static const size_t default_most_bytes = (size_t)64 << 20;

struct http_call {
	struct http_client *client;
	CURL *curl;
	struct curl_slist *fields;
	struct buf head, body; /* the answer's */
	size_t sent;           /* bytes of the body */
	struct slice what;
	bool too_long;
	bool head_whole; /* the empty line behind the fields has come */
	enum http_outcome outcome;
	struct err err;
	char words[CURL_ERROR_SIZE];
	struct http_call *next, *prev;
};

struct http_client {
	struct http_client_conf conf;
	struct loop *loop;
	CURLM *multi;
	int timer;              /* a watch, or -1 */
	struct http_call calls; /* a ring */
};

/* ---- calls that are over */

static bool is_ours_to_mend(CURLcode code)
{
	switch (code) {
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_URL_MALFORMAT:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
		return true;
	default:
		return false;
	}
}

static void call_over(struct http_call *call, CURLcode code)
{
	const char *words = *call->words ? call->words : curl_easy_strerror(code);
	size_t n;

	curl_multi_remove_handle(call->client->multi, call->curl);
	/* libcurl is content with a head that ends in the middle, where no body is to follow */
	if (code == CURLE_OK && !call->head_whole) {
		code = CURLE_PARTIAL_FILE;
		words = "the answer ends within its head";
	}
	if (code == CURLE_OK) {
		call->outcome = HTTP_ANSWERED;
		return;
	}
	n = strcspn(words, "\r\n");
	call->outcome = is_ours_to_mend(code) ? HTTP_REFUSED : HTTP_LOST;
	if (call->too_long)
		err_set(&call->err, EX_TEMPFAIL, "the answer has more than %zu bytes",
			call->client->conf.most_bytes);
	else
		err_set(&call->err, call->outcome == HTTP_LOST ? EX_TEMPFAIL : EX_CONFIG, "%.*s",
			(int)n, words);
}

static void take_what_is_over(struct http_client *c)
{
	const CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(c->multi, &left))) {
		char *call = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &call);
		call_over((struct http_call *)(void *)call, m->data.result);
	}
}

/* ---- what libcurl waits for */

static void socket_ready(void *arg, int fd, short revents)
{
	struct http_client *c = arg;
	int running, what = 0;

	what |= revents & (POLLIN | POLLHUP | POLLERR) ? CURL_CSELECT_IN : 0;
	what |= revents & POLLOUT ? CURL_CSELECT_OUT : 0;
	what |= revents & POLLERR ? CURL_CSELECT_ERR : 0;
	curl_multi_socket_action(c->multi, fd, what, &running);
	take_what_is_over(c);
}

static void time_is_up(void *arg, int fd, short revents)
{
	struct http_client *c = arg;
	int running;

	(void)fd, (void)revents;
	loop_unwatch(c->loop, c->timer);
	c->timer = -1;
	curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	take_what_is_over(c);
}

/* A socket's watch is kept with it as id + 1. */
static int socket_fn(CURL *curl, curl_socket_t fd, int what, void *arg, void *kept)
{
	struct http_client *c = arg;
	intptr_t id = (intptr_t)kept - 1;
	short events = 0;

	(void)curl;
	if (kept)
		loop_unwatch(c->loop, (int)id);
	events |= what == CURL_POLL_IN || what == CURL_POLL_INOUT ? POLLIN : 0;
	events |= what == CURL_POLL_OUT || what == CURL_POLL_INOUT ? POLLOUT : 0;
	id = what == CURL_POLL_REMOVE ? -1 : loop_watch(c->loop, fd, events, socket_ready, c);
	curl_multi_assign(c->multi, fd, (void *)(id + 1));
	return 0;
}

static int timer_fn(CURLM *multi, long ms, void *arg)
{
	struct http_client *c = arg;

	(void)multi;
	if (c->timer >= 0)
		loop_unwatch(c->loop, c->timer);
	c->timer = ms < 0 ? -1 : loop_at(c->loop, tm_mono_us() + ms * US_A_MS, time_is_up, c);
	return 0;
}

/* ---- the client */

struct http_client *http_client_new(struct loop *loop, const struct http_client_conf *conf,
				    struct err *err)
{
	struct http_client *c = mem_zalloc(sizeof(*c));

	c->conf = *conf;
	c->conf.connect_us = conf->connect_us ? conf->connect_us : DEFAULT_CONNECT_US;
	c->conf.answer_us = conf->answer_us ? conf->answer_us : DEFAULT_ANSWER_US;
	c->conf.most_bytes = conf->most_bytes ? conf->most_bytes : default_most_bytes;
	c->conf.connections = conf->connections ? conf->connections : DEFAULT_CONNECTIONS;
	c->loop = loop;
	c->timer = -1;
	c->calls.next = c->calls.prev = &c->calls;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) || !(c->multi = curl_multi_init())) {
		free(c);
		err_set(err, EX_SOFTWARE, "libcurl does not start");
		return NULL;
	}
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, socket_fn);
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, timer_fn);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
	curl_multi_setopt(c->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)c->conf.connections);
	curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long)c->conf.connections);
	curl_multi_setopt(c->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
	return c;
}

void http_client_free(struct http_client *c)
{
	if (!c)
		return;
	while (c->calls.next != &c->calls)
		http_call_end(c->calls.next);
	curl_multi_cleanup(c->multi);
	if (c->timer >= 0)
		loop_unwatch(c->loop, c->timer);
	free(c);
}

/* ---- a call */

static size_t body_came(char *p, size_t size, size_t n, void *arg)
{
	struct http_call *call = arg;

	if (call->body.n + size * n > call->client->conf.most_bytes) {
		call->too_long = true;
		return 0;
	}
	buf_add(&call->body, p, size * n);
	return size * n;
}

/* The fields of the last head: those of an interim answer (100) are gone when another begins. */
static size_t field_came(char *p, size_t size, size_t n, void *arg)
{
	struct http_call *call = arg;

	if (size * n > 5 && memcmp(p, "HTTP/", 5) == 0) {
		call->head.n = 0;
		call->head_whole = false;
	}
	call->head_whole = call->head_whole || (size * n > 0 && (*p == '\r' || *p == '\n'));
	buf_add(&call->head, p, size * n);
	return size * n;
}

static size_t body_wanted(char *p, size_t size, size_t n, void *arg)
{
	struct http_call *call = arg;
	size_t some = call->what.n - call->sent;

	if (some > size * n)
		some = size * n;
	if (some)
		memcpy(p, call->what.p + call->sent, some);
	call->sent += some;
	return some;
}

/* libcurl sends the body again from its beginning where a kept connection turned out closed. */
static int body_again(void *arg, curl_off_t at, int origin)
{
	struct http_call *call = arg;

	if (origin != SEEK_SET || at < 0 || (size_t)at > call->what.n)
		return CURL_SEEKFUNC_FAIL;
	call->sent = (size_t)at;
	return CURL_SEEKFUNC_OK;
}

static void set_fields(struct http_call *call, const struct http_ask *ask)
{
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");

	for (size_t i = 0; i < ask->n_fields; i++)
		list = curl_slist_append(list, ask->fields[i]);
	call->fields = list;
	curl_easy_setopt(call->curl, CURLOPT_HTTPHEADER, list);
}

static void set_body(struct http_call *call, const struct http_ask *ask)
{
	call->what = ask->body;
	if (strcmp(ask->method, "HEAD") == 0)
		curl_easy_setopt(call->curl, CURLOPT_NOBODY, 1L);
	if (!ask->body.p)
		return;
	curl_easy_setopt(call->curl, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(call->curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)ask->body.n);
	curl_easy_setopt(call->curl, CURLOPT_READFUNCTION, body_wanted);
	curl_easy_setopt(call->curl, CURLOPT_READDATA, call);
	curl_easy_setopt(call->curl, CURLOPT_SEEKFUNCTION, body_again);
	curl_easy_setopt(call->curl, CURLOPT_SEEKDATA, call);
}

static void set_trust(CURL *curl, const struct http_client_conf *conf)
{
	if (conf->ca)
		curl_easy_setopt(curl, CURLOPT_CAINFO, conf->ca);
	if (conf->cert)
		curl_easy_setopt(curl, CURLOPT_SSLCERT, conf->cert);
	if (conf->key)
		curl_easy_setopt(curl, CURLOPT_SSLKEY, conf->key);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
}

static void set_answer(struct http_call *call)
{
	CURL *curl = call->curl;

	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, body_came);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, call);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, field_came);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, call);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, call->words);
	curl_easy_setopt(curl, CURLOPT_PRIVATE, call);
}

struct http_call *http_call_begin(struct http_client *c, const struct http_ask *ask)
{
	struct http_call *call = mem_zalloc(sizeof(*call));

	call->client = c;
	call->prev = c->calls.prev;
	call->next = &c->calls;
	call->prev->next = call->next->prev = call;
	call->curl = curl_easy_init();
	if (!call->curl)
		BUG("libcurl gives no handle");
	curl_easy_setopt(call->curl, CURLOPT_URL, ask->url);
	curl_easy_setopt(call->curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(call->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(call->curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(call->curl, CURLOPT_CONNECTTIMEOUT_MS,
			 (long)(c->conf.connect_us / US_A_MS));
	curl_easy_setopt(call->curl, CURLOPT_TIMEOUT_MS, (long)(c->conf.answer_us / US_A_MS));
	if (ask->user_password)
		curl_easy_setopt(call->curl, CURLOPT_USERPWD, ask->user_password);
	set_trust(call->curl, &c->conf);
	set_answer(call);
	set_fields(call, ask);
	set_body(call, ask);
	curl_easy_setopt(call->curl, CURLOPT_CUSTOMREQUEST, ask->method);
	curl_multi_add_handle(c->multi, call->curl);
	return call;
}

enum http_outcome http_call_outcome(struct http_call *call, struct err *err)
{
	if (call->outcome == HTTP_LOST || call->outcome == HTTP_REFUSED)
		err_copy(err, &call->err);
	return call->outcome;
}

enum http_outcome http_call_wait(struct http_call *call, struct err *err)
{
	while (call->outcome == HTTP_UNDER_WAY)
		if (loop_turn(call->client->loop, INT64_MAX, err) < 0)
			return HTTP_LEAVE;
	return http_call_outcome(call, err);
}

int http_call_status(const struct http_call *call)
{
	long status = 0;

	curl_easy_getinfo(call->curl, CURLINFO_RESPONSE_CODE, &status);
	return (int)status;
}

struct slice http_call_body(const struct http_call *call)
{
	return buf_slice(&call->body);
}

static struct slice without_blanks(struct slice s)
{
	while (s.n && (*s.p == ' ' || *s.p == '\t'))
		s = slice(s.p + 1, s.n - 1);
	while (s.n && strchr(" \t\r", s.p[s.n - 1]))
		s.n--;
	return s;
}

struct slice http_call_field(const struct http_call *call, const char *name)
{
	const char *p = call->head.p, *end = p ? p + call->head.n : p;
	struct slice found = slice(NULL, 0);
	size_t n = strlen(name);

	while (p < end) {
		const char *line_end = memchr(p, '\n', (size_t)(end - p));
		size_t line = (size_t)((line_end ? line_end : end) - p);

		if (line > n && p[n] == ':' && str_same(p, name, n))
			found = without_blanks(slice(p + n + 1, line - n - 1));
		p = line_end ? line_end + 1 : end;
	}
	return found;
}

void http_call_end(struct http_call *call)
{
	if (!call)
		return;
	if (call->outcome == HTTP_UNDER_WAY)
		curl_multi_remove_handle(call->client->multi, call->curl);
	curl_easy_cleanup(call->curl);
	curl_slist_free_all(call->fields);
	call->prev->next = call->next;
	call->next->prev = call->prev;
	buf_fini(&call->head);
	buf_fini(&call->body);
	free(call);
}
