/* The other end of an acknowledged stream in one object: sinks in memory, and the hta-commit behind
 * them. The program at test runs in a child with its standard output in a pipe to us; we answer
 * what comes down it on its ack channel: hello, probes, init lines, barriers. A sink here is its
 * positions and nothing else, and keeps to hta-protocol(7): a barrier's range is applied where the
 * sink stands at its start, passed over where it is behind it, and must not straddle it. */
#ifndef TESTS_UNIT_FAKE_BELOW_H
#define TESTS_UNIT_FAKE_BELOW_H

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/packet.h"
#include "proto/ctl.h"
#include "tap.h"

enum { BELOW_SINKS = 2, BELOW_DATA = -1, BELOW_EOF = -2 };

struct below {
	pid_t pid;
	FILE *in;
	int ack; /* -1: the hello has not come */
	struct ctl_inc inc;
	struct ctl ctl; /* the line at work */
	char *line;
	size_t cap;
	struct ctl_sink_state sink[BELOW_SINKS];
	size_t sinks;
	bool holds; /* barriers are not acknowledged */
	uint64_t bars, acked;
	uint64_t records;    /* data lines */
	uint64_t read, lost; /* as the accounts say */
	bool straddled;
};

static struct err below_err;

/* A sink that stands at `next` of each of n partitions of `topic`; gen "": one that has nothing. */
static void below_sink(struct below *b, const char *name, const char *gen, const char *topic,
		       size_t n, const int64_t *next)
{
	struct ctl_sink_state *s = &b->sink[b->sinks++];

	*s = (struct ctl_sink_state){ .name = mem_strdup(name) };
	strcpy(s->gen, gen);
	for (size_t i = 0; i < n && gen[0]; i++) {
		struct position *p = positions_add(&s->pos, slice_z(topic), (int32_t)i);

		p->next = next[i];
		p->last.offset = -1;
	}
}

static int64_t below_at(const struct below *b, size_t sink, const char *topic, int32_t partition)
{
	const struct position *p = positions_find(&b->sink[sink].pos, slice_z(topic), partition);

	return p ? p->next : -1;
}

/* Runs child(arg), which returns an exit code, above us. */
static void below_start(struct below *b, int (*child)(void *arg), void *arg)
{
	int fd[2];

	fflush(stdout);
	if (pipe(fd))
		abort();
	b->ack = -1;
	b->pid = fork();
	if (b->pid == 0) {
		dup2(fd[1], STDOUT_FILENO);
		close(fd[0]);
		close(fd[1]);
		_exit(child(arg));
	}
	close(fd[1]);
	b->in = fdopen(fd[0], "r");
}

static void below_send(struct below *b, struct buf *message)
{
	packet_send(NULL, b->ack, buf_slice(message), &below_err);
	buf_fini(message);
}

/* ---- what comes down */

static void below_hello(struct below *b, struct slice line)
{
	struct buf grown = { 0 }, message = { 0 };
	struct ctl_hello hello;
	char *path;

	if (ctl_hello_read(&b->ctl, &hello, &below_err))
		return;
	ctl_inc_set(&b->inc, hello.inc.p);
	path = mem_printf("%.*s", (int)hello.ack.n, hello.ack.p);
	b->ack = packet_connect(path, &below_err);
	free(path);
	buf_adds(&grown, line);
	for (size_t i = 0; i < b->sinks; i++) {
		char *element = mem_printf("{\"s\":\"hta-sink\",\"sink\":\"%s\"}", b->sink[i].name);
		struct buf more = { 0 };

		ctl_grow(buf_slice(&grown), slice_z(element), &more);
		free(element);
		buf_fini(&grown);
		grown = more;
	}
	ctl_ack_line_write(&b->inc, "hello", buf_slice(&grown), &message);
	below_send(b, &message);
	buf_fini(&grown);
}

static void below_probe(struct below *b, struct slice line)
{
	struct buf grown = { 0 }, message = { 0 };

	buf_adds(&grown, line);
	for (size_t i = 0; i < b->sinks; i++) {
		struct buf element = { 0 }, more = { 0 };

		ctl_sink_state_write(&b->sink[i], &element);
		ctl_grow(buf_slice(&grown), buf_slice(&element), &more);
		buf_fini(&element);
		buf_fini(&grown);
		grown = more;
	}
	ctl_ack_line_write(&b->inc, "probe", buf_slice(&grown), &message);
	below_send(b, &message);
	buf_fini(&grown);
}

static void below_init(struct below *b)
{
	struct ctl_init init;

	if (ctl_init_read(&b->ctl, &init, &below_err))
		return;
	for (size_t k = 0; k < b->sinks; k++) {
		struct ctl_sink_state *s = &b->sink[k];
		bool fresh = init.act == CTL_FRESH && slice_is(init.to, s->name);

		if (init.act == CTL_NEW ? strcmp(s->gen, init.gen) != 0
					: s->gen[0] || !(fresh || init.act == CTL_ADOPT))
			continue;
		strcpy(s->gen, init.gen);
		for (size_t i = 0; i < init.start.n; i++) {
			const struct range *r = &init.start.v[i];
			size_t n = s->pos.n;
			struct position *p = positions_add(&s->pos, slice_z(r->topic),
							   r->partition);

			if (s->pos.n > n)
				p->init = p->next = r->from;
		}
	}
	ranges_fini(&init.start);
}

/* The oldest barrier that is not acknowledged. */
static void below_ack(struct below *b)
{
	struct buf message = { 0 };

	ctl_ack_write(&b->inc, "ack", ++b->acked, 1, &message);
	below_send(b, &message);
}

static void below_apply(struct below *b, struct ctl_sink_state *s, const struct range *r)
{
	struct position *p = positions_find(&s->pos, slice_z(r->topic), r->partition);

	if (!p || (p->next != r->from && p->next < r->to)) {
		b->straddled = true;
	} else if (p->next <= r->from) {
		p->next = r->to;
		p->idle = r->idle;
		if (r->last.offset >= 0)
			p->last = r->last;
	}
}

static void below_bar(struct below *b)
{
	struct ctl_bar bar;
	struct account_of *account;
	size_t n;

	if (ctl_bar_read(&b->ctl, &bar, &below_err) ||
	    ctl_account_read(&b->ctl, &account, &n, &below_err))
		return;
	for (size_t k = 0; k < b->sinks; k++)
		for (size_t i = 0; i < bar.ranges.n; i++)
			below_apply(b, &b->sink[k], &bar.ranges.v[i]);
	b->bars = bar.epoch;
	b->read += account[0].a.in;
	b->lost += account[0].a.lost;
	free(account);
	ranges_fini(&bar.ranges);
	if (!b->holds)
		below_ack(b);
}

/* Takes one line. Its kind, BELOW_DATA or BELOW_EOF. */
static int below_next(struct below *b)
{
	ssize_t n = getline(&b->line, &b->cap, b->in);
	struct slice line = slice(b->line, n > 0 ? (size_t)n - 1 : 0);
	bool control = b->ack < 0 ? ctl_is_hello(line)
				  : line.n > CTL_PREFIX_BYTES &&
					    memcmp(line.p, b->inc.prefix, CTL_PREFIX_BYTES) == 0;

	if (n <= 0)
		return BELOW_EOF;
	if (!control) {
		b->records++;
		return BELOW_DATA;
	}
	if (ctl_parse(&b->ctl, line, &below_err))
		return BELOW_EOF;
	if (b->ctl.kind == CTL_HELLO)
		below_hello(b, line);
	else if (b->ctl.kind == CTL_PROBE)
		below_probe(b, line);
	else if (b->ctl.kind == CTL_INIT)
		below_init(b);
	else if (b->ctl.kind == CTL_BAR)
		below_bar(b);
	return (int)b->ctl.kind;
}

/* Takes lines up to one of that kind; false: the stream ended without one. */
static bool below_until(struct below *b, enum ctl_kind kind)
{
	int got;

	while ((got = below_next(b)) != BELOW_EOF)
		if (got == (int)kind)
			return true;
	return false;
}

/* Takes lines up to that many records. */
static bool below_records(struct below *b, uint64_t n)
{
	while (b->records < n)
		if (below_next(b) == BELOW_EOF)
			return false;
	return true;
}

/* The exit code of the program above, -signal if one ended it. */
static int below_exit(struct below *b)
{
	int status;

	while (below_next(b) != BELOW_EOF)
		;
	waitpid(b->pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void below_fini(struct below *b)
{
	fclose(b->in);
	if (b->ack >= 0)
		close(b->ack);
	for (size_t i = 0; i < b->sinks; i++)
		ctl_sink_state_fini(&b->sink[i]);
	ctl_fini(&b->ctl);
	free(b->line);
	*b = (struct below){ 0 };
}

#endif
