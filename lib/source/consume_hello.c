/* The first line down the pipe, and its way back: the ack channel stands before it is written,
 * and it comes back on it with every stage's element. */
#include "source/consume_internal.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"
#include "io/fd.h"

enum { NOTICE_S = 3, HELLO_S = 30 };
#define ACK_NAME "hta-consume.%ld.ack"

/* Sockets of sources that were killed. */
static void remove_dead_sockets(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	long pid;
	int end;

	while (d && (e = readdir(d))) {
		end = 0;
		if (sscanf(e->d_name, ACK_NAME "%n", &pid, &end) == 1 && end && !e->d_name[end] &&
		    pid > 0 && kill((pid_t)pid, 0) < 0 && errno == ESRCH)
			unlinkat(dirfd(d), e->d_name, 0);
	}
	if (d)
		closedir(d);
}

static char *ack_path(const struct consume *s, struct err *err)
{
	const char *dir;

	if (s->c->ack)
		return mem_strdup(s->c->ack);
	dir = prog_run_dir(err);
	if (!dir)
		return NULL;
	remove_dead_sockets(dir);
	return mem_printf("%s%s" ACK_NAME, dir, dir[strlen(dir) - 1] == '/' ? "" : "/",
			  (long)getpid());
}

static void say_hello(const struct consume_conf *c, const struct ctl_inc *inc, bool bytes,
		      const char *path, struct buf *b)
{
	buf_printf(b, CTL_HELLO_START "\"v\":%d,\"inc\":\"%s\",\"job\":", CTL_VERSION, inc->id);
	json_quote_z(b, c->job);
	buf_addz(b, ",\"group\":");
	if (c->group)
		json_quote_z(b, c->group);
	else
		buf_addz(b, "null");
	buf_printf(b, ",\"unit\":\"%s\",\"ack\":", bytes ? "byte" : "record");
	json_quote_z(b, path);
	buf_printf(b,
		   ",\"drain_us\":%" PRId64
		   ",\"stages\":[{\"s\":\"%s\",\"version\":\"%s\",\"pid\":%ld%s}]}",
		   c->drain_us, prog_common()->name, prog_version, (long)getpid(),
		   *path ? "" : ",\"failed\":true");
}

int consume_write_hello(struct consume *s, const char *path, struct err *err)
{
	say_hello(s->c, &s->inc, s->log->ops->bytes, path, &s->line);
	s->hello = true;
	return consume_control(s, err) || consume_flush(s, err) ? -1 : 0;
}

/* Did it come back meanwhile (or is all over)? While a cluster is waited for nobody else looks. */
static bool is_greeted(struct consume *s)
{
	struct err err = ERR_INIT;

	if (s->hello_returned || consume_serve(s, &err) == 0)
		return s->hello_returned;
	loop_stop(s->loop, &err);
	return true;
}

static void on_notice(void *arg, int fd, short revents)
{
	(void)fd, (void)revents;
	if (!is_greeted(arg))
		log_note("waiting for the hello to come back: is `| hta-commit` at the end, and "
			 "does no filter hold back control lines?");
}

static void on_too_late(void *arg, int fd, short revents)
{
	struct consume *s = arg;
	struct err err = ERR_INIT;

	(void)fd, (void)revents;
	if (is_greeted(s))
		return;
	err_set(&err, EX_CONFIG,
		"the hello has not come back in %d s: either `| hta-commit` is missing at the end, "
		"or a filter between drops or buffers control lines; say "
		"grep -a --line-buffered -e '^{\"$hta\"' -e PATTERN, or jq --unbuffered -c "
		"'select(has(\"$hta\") or (PROGRAM))', and --foreign at the stage behind it",
		HELLO_S);
	loop_stop(s->loop, &err);
}

int consume_hello(struct consume *s, struct err *err)
{
	char *path = ack_path(s, err);
	int rc = -1;

	if (!path)
		return -1;
	if (strpbrk(path, "\"\\"))
		err_set(err, EX_CONFIG,
			"%s: quotes and backslashes are not for the ack channel's path, choose "
			"another with --ack",
			path);
	else if ((s->ack = ack_new(s->loop, path, &s->inc, err)))
		rc = consume_write_hello(s, path, err);
	free(path);
	loop_at(s->loop, tm_mono_us() + NOTICE_S * TM_S, on_notice, s);
	loop_at(s->loop, tm_mono_us() + HELLO_S * TM_S, on_too_late, s);
	return rc;
}

/* The stages of the finished hello (in s->element): who claims dead letters, no name twice. */
static int read_stages(struct consume *s, struct err *err)
{
	const struct json *j = &s->ctl.json;
	uint32_t stages = ctl_stages(&s->ctl);
	unsigned index = 0;
	bool claims;

	for (uint32_t i = json_first(j, stages); i < j->node[stages].next;
	     i = j->node[i].next, index++) {
		struct slice name, other;

		if (json_get_bool(j, i, "claims", &claims) && claims)
			buf_printf(&s->claims, "%s%u", s->claims.n > 1 ? "," : "", index);
		if (!json_get_text(j, i, "sink", &name))
			continue;
		for (uint32_t k = json_first(j, stages); k < i; k = j->node[k].next)
			if (json_get_text(j, k, "sink", &other) && slice_eq(name, other))
				return err_set(
					err, EX_USAGE,
					"two sinks are named %.*s: give one of them another --name",
					(int)name.n, name.p);
	}
	return 0;
}

int consume_hello_returned(struct consume *s, struct err *err)
{
	struct ctl_hello hello;

	while (!s->hello_returned)
		if (consume_turn(s, INT64_MAX, err))
			return -1;
	if (ctl_parse(&s->ctl, buf_slice(&s->element), err) || ctl_hello_read(&s->ctl, &hello, err))
		return err_in(err, "finished hello");
	while (hello.failed) /* its `fail` is on the way, and ends the wait */
		if (consume_turn(s, INT64_MAX, err))
			return -1;
	buf_addc(&s->claims, '[');
	if (read_stages(s, err))
		return -1;
	buf_addc(&s->claims, ']');
	if (s->writer.dead == DEAD_TO_TELL && s->claims.n > 2)
		s->writer.dead = DEAD_TO_IN_BAND;
	if (s->writer.dead == DEAD_TO_TELL)
		return err_set(
			err, EX_USAGE,
			"records longer than --max-line would have nowhere to go: no sink of this "
			"pipeline stores them; say hta-consume --dead FILE (or --dead drop), "
			"or put hta-sink-pg or hta-sink-sqlite into it");
	return 0;
}

void consume_refused(const struct consume_conf *c, const struct err *why)
{
	const char *job = c->job && str_utf8(c->job, strlen(c->job)) ? c->job : "";
	struct consume_conf said = { .job = job, .drain_us = c->drain_us };
	enum fd_kind kind = fd_kind(STDOUT_FILENO);
	struct ctl_inc inc;
	struct buf text = { 0 };
	struct err ignored;
	struct out *out;

	if (kind != FD_PIPE && kind != FD_SOCKET)
		return;
	signal(SIGPIPE, SIG_IGN);
	ctl_inc_random(&inc);
	say_hello(&said, &inc, false, "", &text);
	buf_addc(&text, '\n');
	ctl_fail_write(&inc, prog_common()->name, why, &text);
	buf_addc(&text, '\n');
	out = out_new(NULL, STDOUT_FILENO, 0);
	if (out_write(out, text.p, text.n, &ignored) == 0)
		out_flush(out, &ignored);
	out_free(out);
	buf_fini(&text);
}
