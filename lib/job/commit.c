/* The filter at the end of an acknowledged stream. Its state is the channel to the source:
 *
 *   no channel --hello returned--> connected --send fails--> lost
 *        \----no path, or nobody there--------------------->/
 *
 * A lost channel ends nothing at once: what is read on may bring the `fail` that tells the cause,
 * and a stage above that could not write any more would only hide it. Where no barrier follows it
 * does not matter: a source that is stopped in the middle of a probe waits for no answer.
 *
 * An epoch is acknowledged after its account was checked, never before: the source commits what is
 * acknowledged, and no later start would read it again. Records are not looked at, only counted. */
#include "job/commit.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "io/fd.h"
#include "io/pipe_zerocopy.h"
#include "io/packet.h"
#include "tool/stage.h"

struct commit {
	const char *ack; /* --ack */
	int fd;          /* -1: not connected, or lost */
	bool unacked;    /* there was no channel for an epoch, or from the start */
	struct err why;  /* of the loss */
	struct buf message;
	uint64_t epochs, records, rows, dead;
};

static const struct opt commit_opts[] = {
	{ .name = "ack",
	  .type = OPT_TEXT,
	  .at = offsetof(struct commit, ack),
	  .arg = "PATH",
	  .help = "the source's socket; default: the one that the hello names" },
	OPT_END,
};

static void send_message(struct commit *c, struct stage *st)
{
	if (c->fd < 0 || packet_send(stage_loop(st), c->fd, buf_slice(&c->message), &c->why) == 0)
		return;
	close(c->fd);
	c->fd = -1;
}

static void send_line(struct commit *c, struct stage *st, const char *kind, struct slice line)
{
	c->message.n = 0;
	ctl_ack_line_write(stage_inc(st), kind, line, &c->message);
	send_message(c, st);
}

static int commit_plain(void *self, struct stage *st, struct err *err)
{
	(void)self, (void)st;
	return err_set(err, EX_USAGE,
		       "nothing to acknowledge: this is a plain stream (or a filter above "
		       "swallowed the control lines); "
		       "say hta-consume -g GROUP, or --job NAME over files");
}

/* A stage that reads behind us would get nothing, and nobody would see it: looked for at the
 * hello, and later, as it may have started late. */
static int check_end(struct err *err)
{
	if (!pipe_zerocopy_is_read(STDOUT_FILENO))
		return 0;
	return err_set(err, EX_USAGE,
		       "this is the end of a pipeline, and a program of hta reads behind it: "
		       "put that before hta-commit");
}

static void connect_source(struct commit *c, const struct ctl_hello *hello)
{
	char *path = c->ack ? mem_strdup(c->ack) : mem_dup(hello->ack.p, hello->ack.n);

	if (!*path) /* `fail` follows */
		err_set(&c->why, EX_TEMPFAIL, "the source has failed before it had an ack channel");
	else if ((c->fd = packet_connect(path, &c->why)) < 0)
		log_warn("%s: nothing is acknowledged; reading on to learn why", c->why.msg);
	free(path);
}

static int commit_hello_returned(void *self, struct stage *st, struct slice line, struct err *err)
{
	struct commit *c = self;
	struct ctl hello = { 0 };
	struct ctl_hello h;
	int rc = check_end(err);

	if (rc == 0)
		rc = ctl_parse(&hello, line, err) || ctl_hello_read(&hello, &h, err) ? -1 : 0;
	if (rc == 0) {
		connect_source(c, &h);
		send_line(c, st, "hello", line);
		c->unacked = c->fd < 0;
	}
	ctl_fini(&hello);
	return rc;
}

static int commit_data(void *self, struct stage *st, const struct run *run, uint64_t *lines,
		       struct err *err)
{
	(void)self, (void)st, (void)err;
	*lines = str_lines(run->block);
	return 0;
}

static void tell_epoch(struct commit *c, uint64_t epoch, const struct account_of *v, size_t n)
{
	const struct account *first = &v[0].a;
	uint64_t dead = 0, late = 0, filtered = 0, rows = v[n - 1].a.rows_out;

	for (size_t i = 0; i < n; i++) {
		dead += v[i].a.dead;
		late += v[i].a.late;
		filtered += v[i].a.filtered;
	}
	c->epochs++;
	c->records += first->in;
	c->rows += rows;
	c->dead += dead;
	log_each(LOG_INFO, "epoch=%llu records=%llu rows=%llu filtered=%llu late=%llu dead=%llu",
		 (unsigned long long)epoch, (unsigned long long)first->in, (unsigned long long)rows,
		 (unsigned long long)filtered, (unsigned long long)late, (unsigned long long)dead);
}

static void send_ack(struct commit *c, struct stage *st, uint64_t epoch, uint64_t rows)
{
	c->message.n = 0;
	ctl_ack_write(stage_inc(st), "ack", epoch, rows, &c->message);
	send_message(c, st);
	if (c->fd >= 0 || c->unacked)
		return;
	c->unacked = true;
	log_warn("%s: nothing more is acknowledged; reading on to learn why", c->why.msg);
}

static int commit_barrier(void *self, struct stage *st, const struct ctl *bar, struct err *err)
{
	struct commit *c = self;
	struct account_of *v = NULL;
	size_t n;
	uint64_t epoch;
	int rc = check_end(err) || ctl_account_read(bar, &v, &n, err) ? -1 : 0;

	if (rc == 0)
		rc = ctl_account_check(v, n, err);
	if (rc == 0 && !json_get_u64(&bar->json, 0, "e", &epoch))
		rc = err_set(err, EX_DATAERR, "barrier without a number");
	if (rc == 0) {
		tell_epoch(c, epoch, v, n);
		send_ack(c, st, epoch, v[n - 1].a.rows_out);
	}
	free(v);
	return rc;
}

static int commit_control(void *self, struct stage *st, const struct ctl *ctl, struct buf *instead,
			  struct err *err)
{
	(void)instead, (void)err;
	if (ctl->kind == CTL_PROBE)
		send_line(self, st, "probe", ctl->line);
	else if (ctl->kind == CTL_FAIL)
		send_line(self, st, "fail", ctl->line);
	return 0;
}

static int commit_finish(void *self, struct stage *st, bool eof, struct err *err)
{
	struct commit *c = self;

	(void)st, (void)eof;
	if (c->unacked)
		return err_set(
			err, EX_TEMPFAIL,
			"%s: the last epochs were not acknowledged; start the pipeline again",
			c->why.msg);
	log_info("end: epochs=%llu records=%llu rows=%llu dead=%llu", (unsigned long long)c->epochs,
		 (unsigned long long)c->records, (unsigned long long)c->rows,
		 (unsigned long long)c->dead);
	return 0;
}

static void commit_close(void *self, struct stage *st)
{
	struct commit *c = self;

	(void)st;
	if (c->fd >= 0)
		close(c->fd);
	buf_fini(&c->message);
}

static const struct filter commit_filter = {
	.ends = true,
	.rows = true,
	.plain = commit_plain,
	.hello_returned = commit_hello_returned,
	.data = commit_data,
	.barrier = commit_barrier,
	.control = commit_control,
	.finish = commit_finish,
	.close = commit_close,
};

static int commit_run(void *self, struct err *err)
{
	fd_mark(STDOUT_FILENO, FD_CLOSED, true);
	return stage_run(&commit_filter, self, NULL, 0, err);
}

int commit_main(int argc, char **argv)
{
	struct commit c = { .fd = -1 };
	const struct prog prog = {
		.name = "hta-commit",
		.summary = "acknowledge the epochs of a pipeline to its source",
		.synopsis = "[OPTIONS]",
		.opts = commit_opts,
		.more = stage_opts,
		.more_self = stage_options(),
		.run = commit_run,
		.examples = "hta-consume -b kafka:9092 -t events -g hta | hta-window | "
			    "hta-sink-pg --init service=rollups | hta-commit",
	};

	return prog_main(&prog, &c, argc, argv);
}
