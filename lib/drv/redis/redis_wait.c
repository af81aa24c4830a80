/* Requests and answers in the loop, and what Redis' errors mean for a sink.
 *
 * Requests are written by ourselves: hiredis' writer moves what is left of a large request at
 * every partial write, and raises SIGPIPE. Its reader parses the answers. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crash.h"
#include "base/mem.h"
#include "drv/redis/redis_error.h"
#include "drv/redis/redis_internal.h"

const char *redis_where(struct redis *p)
{
	p->key.n = 0;
	if (p->url.path && !p->moved)
		buf_addz(&p->key, p->url.path);
	else
		buf_printf(&p->key, "%s:%d", p->moved ? p->moved : p->url.host,
			   p->moved ? p->moved_port : p->url.port);
	return buf_z(&p->key);
}

/* Without the full stop that most of Redis' messages have. */
static int without_stop(const char *text)
{
	size_t n = strlen(text);

	return (int)(n && text[n - 1] == '.' ? n - 1 : n);
}

enum sink_result redis_broken(struct redis *p, const char *what, struct err *err)
{
	err_set(err, EX_TEMPFAIL, "%s: %.*s", redis_where(p), without_stop(what), what);
	return SINK_RETRY;
}

/* ---- requests */

void redis_begin(struct redis *p, size_t n)
{
	p->out.n = p->sent = 0;
	p->script = -1;
	buf_printf(&p->out, "*%zu\r\n", n);
}

void redis_arg(struct redis *p, struct slice arg)
{
	buf_addc(&p->out, '$');
	buf_addu(&p->out, arg.n);
	buf_add(&p->out, "\r\n", 2);
	buf_adds(&p->out, arg);
	buf_add(&p->out, "\r\n", 2);
}

void redis_argz(struct redis *p, const char *arg)
{
	redis_arg(p, slice_z(arg));
}

void redis_argi(struct redis *p, int64_t arg)
{
	char text[24];

	redis_arg(p, slice(text, (size_t)snprintf(text, sizeof(text), "%lld", (long long)arg)));
}

/* ---- errors */

/* "MOVED 3999 127.0.0.1:6381", "ASK ..": the node into *host and *port. Without a host it is the
 * one that we asked. */
static void follow(struct redis *p, enum redis_redirect redirect, const char *text, char **host,
		   int *port)
{
	const char *at = strrchr(text, ' '), *colon = strrchr(text, ':');
	char *name;

	if (!at || !colon || colon < at)
		return;
	name = mem_dup(at + 1, (size_t)(colon - at - 1));
	if (!*name) {
		free(name);
		name = mem_strdup(p->moved ? p->moved : p->url.host ? p->url.host : "127.0.0.1");
	}
	free(*host);
	*host = name;
	*port = atoi(colon + 1);
	p->redirect = redirect;
}

void redis_lacks(struct redis *p, struct slice command, struct err *err)
{
	const char *user = p->url.user ? p->url.user : "default";

	if (command.n)
		err_set(err, EX_CONFIG, "%s: user %s may not call %.*s: ACL SETUSER %s +%.*s",
			redis_where(p), user, (int)command.n, command.p, user, (int)command.n,
			command.p);
	else
		err_set(err, EX_CONFIG, "%s: user %s may not use these keys: ACL SETUSER %s ~%s*",
			redis_where(p), user, user, p->tag);
}

static enum sink_result redis_failed(struct redis *p, const char *text, struct err *err)
{
	struct slice command;
	int code;

	if (strncmp(text, "MOVED ", 6) == 0) {
		follow(p, REDIS_MOVED, text, &p->moved, &p->moved_port);
		err_set(err, EX_TEMPFAIL, "the cluster has these keys at %s", redis_where(p));
		return SINK_RETRY;
	}
	if (strncmp(text, "ASK ", 4) == 0)
		follow(p, REDIS_ASK, text, &p->ask, &p->ask_port);
	if (redis_error_means(text, &code) == SINK_RETRY)
		return redis_broken(p, text, err);
	err_set(err, code, "%s: %.*s", redis_where(p), without_stop(text), text);
	if (redis_error_right(text, &command))
		redis_lacks(p, command, err);
	if (redis_error_is(text, "WRONGTYPE"))
		err_set(err, code,
			"%s: a key that begins with %s is somebody else's: use another --prefix "
			"(%.*s)",
			redis_where(p), p->tag, without_stop(text), text);
	return SINK_FATAL;
}

/* ---- waiting */

/* An alert of TLS is no answer, and tells what speaks there. */
static enum sink_result unreadable(struct redis *p, struct err *err)
{
	if (p->link.tls || !strstr(p->link.c->errstr, "\"\\x15\""))
		return redis_broken(p, p->link.c->errstr, err);
	err_set(err, EX_CONFIG, "%s: this port speaks TLS: rediss://", redis_where(p));
	return SINK_FATAL;
}

/* The next answer, errors included. Reads while it writes: an error may come before all is
 * written. */
static enum sink_result redis_wait_answer(struct redis *p, redisReply **reply, struct err *err)
{
	for (;;) {
		void *raw = NULL;
		enum sink_result r = redis_link_send(p, err);

		if (r != SINK_OK)
			return r;
		if (redisGetReplyFromReader(p->link.c, &raw) != REDIS_OK)
			return unreadable(p, err);
		*reply = raw;
		if (raw)
			return SINK_OK;
		r = redis_link_read(p, err);
		if (r != SINK_OK)
			return r;
		if (p->link.wants &&
		    loop_wait(p->conf->loop, p->link.c->fd, p->link.wants, INT64_MAX, err) < 0)
			return SINK_FATAL;
	}
}

_Noreturn static void redis_crash_sent(struct redis *p)
{
	struct err ignored;

	while (redis_link_send(p, &ignored) == SINK_OK && p->sent < p->out.n)
		poll(&(struct pollfd){ .fd = p->link.c->fd, .events = POLLOUT }, 1, -1);
	crash_die();
}

enum sink_result redis_run(struct redis *p, redisReply **reply, struct err *err)
{
	enum sink_result r;

	if (p->script == REDIS_APPLY && crash_now(CRASH_SINK_SENT))
		redis_crash_sent(p);
	*reply = NULL;
	p->redirect = REDIS_HERE;
	r = redis_wait_answer(p, reply, err);
	if (r == SINK_OK && p->script >= 0 && (*reply)->type == REDIS_REPLY_ERROR &&
	    redis_error_is((*reply)->str, "NOSCRIPT")) {
		freeReplyObject(*reply);
		*reply = NULL;
		r = redis_script_again(p, err);
		if (r == SINK_OK)
			r = redis_wait_answer(p, reply, err);
	}
	if (r == SINK_OK && (*reply)->type == REDIS_REPLY_ERROR) {
		r = redis_failed(p, (*reply)->str, err);
		freeReplyObject(*reply);
		*reply = NULL;
	}
	return r;
}
