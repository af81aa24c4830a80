/* The first line down the pipe, and its way back:
 *
 * 	hello ---> stage ---> stage ---> hta-commit      each adds its element
 * 	  ^                                   |
 * 	  +---------- ack channel <-----------+
 *
 * The channel stands before the hello is written. While it is under way the program may be waiting
 * for something else entirely, a cluster for one: so the two deadlines are timers of the loop, and
 * look for themselves whether it has come. */
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
#include "job/stream_internal.h"
#include "tool/prog.h"

enum { NOTICE_S = 3, HELLO_S = 30 };

/* ---- the channel */

/* "PROGRAM.PID.ack": its pid; 0: not of that form. */
static long pid_of_socket(const char *file)
{
	size_t n = strlen(prog_common()->name);
	long pid = 0;
	int end = 0;

	if (strncmp(file, prog_common()->name, n) != 0 ||
	    sscanf(file + n, ".%ld.ack%n", &pid, &end) != 1 || !end || file[n + (size_t)end])
		return 0;
	return pid;
}

/* Sockets of sources that were killed. */
static void remove_dead_sockets(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		long pid = pid_of_socket(e->d_name);

		if (pid > 0 && kill((pid_t)pid, 0) < 0 && errno == ESRCH)
			unlinkat(dirfd(d), e->d_name, 0);
	}
	if (d)
		closedir(d);
}

static char *ack_path(const struct job_stream *s, struct err *err)
{
	const char *dir;

	if (s->conf.ack)
		return mem_strdup(s->conf.ack);
	dir = prog_run_dir(err);
	if (!dir)
		return NULL;
	remove_dead_sockets(dir);
	return mem_printf("%s%s%s.%ld.ack", dir, dir[strlen(dir) - 1] == '/' ? "" : "/",
			  prog_common()->name, (long)getpid());
}

/* ---- writing */

static void format_hello(const struct job_stream_conf *c, const struct ctl_inc *inc,
			 const char *path, const char *members, struct buf *b)
{
	buf_printf(b, CTL_HELLO_START "\"v\":%d,\"inc\":\"%s\",\"job\":", CTL_VERSION, inc->id);
	json_quote_z(b, c->job);
	buf_addz(b, ",\"group\":");
	if (c->group)
		json_quote_z(b, c->group);
	else
		buf_addz(b, "null");
	buf_printf(b, ",\"unit\":\"%s\",\"ack\":", c->bytes ? "byte" : "record");
	json_quote_z(b, path);
	buf_printf(b,
		   ",\"drain_us\":%" PRId64
		   ",\"stages\":[{\"s\":\"%s\",\"version\":\"%s\",\"pid\":%ld%s}]}",
		   c->drain_us, prog_common()->name, prog_version, (long)getpid(),
		   *path ? members : ",\"failed\":true");
}

int job_stream_write_hello(struct job_stream *s, const char *path, const char *members,
			   struct err *err)
{
	format_hello(&s->conf, &s->inc, path, members, &s->line);
	s->hello_sent = true;
	return job_stream_say(s, err);
}

void job_stream_refuse(const char *job, int64_t drain_us, const struct err *why)
{
	struct job_stream_conf said = { .job = job && str_utf8(job, strlen(job)) ? job : "",
					.drain_us = drain_us };
	enum fd_kind kind = fd_kind(STDOUT_FILENO);
	struct ctl_inc inc;
	struct buf text = { 0 };
	struct err ignored;
	struct out *out;

	if (kind != FD_PIPE && kind != FD_SOCKET)
		return;
	signal(SIGPIPE, SIG_IGN);
	ctl_inc_random(&inc);
	format_hello(&said, &inc, "", "", &text);
	buf_addc(&text, '\n');
	ctl_fail_write(&inc, prog_common()->name, why, &text);
	buf_addc(&text, '\n');
	out = out_new(NULL, STDOUT_FILENO, 0);
	if (out_write(out, text.p, text.n, &ignored) == 0)
		out_flush(out, &ignored);
	out_free(out);
	buf_fini(&text);
}

/* ---- waiting for it */

/* Did it come back meanwhile (or is all over)? */
static bool has_returned(struct job_stream *s)
{
	struct err err = ERR_INIT;

	if (s->hello_returned || job_stream_serve(s, &err) == 0)
		return s->hello_returned;
	loop_stop(emitter_loop(s->conf.emitter), &err);
	return true;
}

static void on_notice(void *arg, int fd, short revents)
{
	(void)fd, (void)revents;
	if (!has_returned(arg))
		log_note("waiting for the hello to come back: is `| hta-commit` at the end, and "
			 "does no filter hold back control lines?");
}

static void on_too_late(void *arg, int fd, short revents)
{
	struct job_stream *s = arg;
	struct err err = ERR_INIT;

	(void)fd, (void)revents;
	if (has_returned(s))
		return;
	err_set(&err, EX_CONFIG,
		"the hello has not come back in %d s: either `| hta-commit` is missing at the end, "
		"or a filter between drops or buffers control lines; say "
		"grep -a --line-buffered -e '^{\"$hta\"' -e PATTERN, or jq --unbuffered -c "
		"'select(has(\"$hta\") or (PROGRAM))', and --foreign at the stage behind it",
		HELLO_S);
	loop_stop(emitter_loop(s->conf.emitter), &err);
}

int job_stream_hello(struct job_stream *s, const char *members, struct err *err)
{
	struct loop *loop = emitter_loop(s->conf.emitter);
	char *path = ack_path(s, err);
	int rc = -1;

	if (!path)
		return -1;
	if (strpbrk(path, "\"\\"))
		err_set(err, EX_CONFIG,
			"%s: quotes and backslashes are not for the ack channel's path, choose "
			"another with --ack",
			path);
	else if ((s->ack = ack_new(loop, path, &s->inc, err)))
		rc = job_stream_write_hello(s, path, members, err);
	free(path);
	if (rc)
		return -1;
	loop_at(loop, tm_mono_us() + NOTICE_S * TM_S, on_notice, s);
	loop_at(loop, tm_mono_us() + HELLO_S * TM_S, on_too_late, s);
	return 0;
}

/* A commit has one text a partition, and one writer. */
static int take_committer(struct job_stream *s, struct err *err)
{
	if (s->commits)
		return err_set(err, EX_USAGE,
			       "two sinks of this pipeline commit the group's offsets: one may, "
			       "the other goes into a pipeline and a group of its own");
	s->commits = true;
	return 0;
}

/* hta-commit, which finds no dead letters. */
static bool is_last(const struct json *j, uint32_t stage)
{
	struct slice name;

	return json_get_text(j, stage, "s", &name) && slice_is(name, "hta-commit");
}

/* Notes the stages that claim dead letters or want times, the last one at or below a stage that
 * knows records by their place, and the sinks' names, none of which may come twice. */
static int read_stages(struct job_stream *s, struct err *err)
{
	const struct json *j = &s->ctl.json;
	uint32_t stages = ctl_stages(&s->ctl);
	unsigned index = 0;
	bool said;

	for (uint32_t i = json_first(j, stages); i < j->node[stages].next;
	     i = j->node[i].next, index++) {
		struct slice name, other;

		if (json_get_bool(j, i, "claims", &said) && said)
			buf_printf(&s->claims, "%s%u", s->claims.n > 1 ? "," : "", index);
		if (json_get_bool(j, i, "commits", &said) && said && take_committer(s, err))
			return -1;
		s->times |= json_get_bool(j, i, "times", &said) && said;
		/* dead letters that are found below it are to come back to its places */
		if ((json_get_bool(j, i, "places", &said) && said) || (s->placed && !is_last(j, i)))
			s->placed = index;
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

int job_stream_await_hello(struct job_stream *s, struct err *err)
{
	struct ctl_hello hello;

	while (!s->hello_returned)
		if (job_stream_turn(s, INT64_MAX, err))
			return -1;
	if (ctl_parse(&s->ctl, buf_slice(&s->hello), err) || ctl_hello_read(&s->ctl, &hello, err))
		return err_in(err, "finished hello");
	while (hello.failed) /* its `fail` is on the way, and ends the wait */
		if (job_stream_turn(s, INT64_MAX, err))
			return -1;
	buf_addc(&s->claims, '[');
	if (read_stages(s, err))
		return -1;
	buf_addc(&s->claims, ']');
	return 0;
}

bool job_stream_commits(const struct job_stream *s)
{
	return s->commits;
}

bool job_stream_stores_dead(const struct job_stream *s)
{
	return s->claims.n > 2;
}

bool job_stream_wants_times(const struct job_stream *s)
{
	return s->times;
}
