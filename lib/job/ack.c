/* Anybody of our account may connect: another source looking whether we live (it leaves at
 * once), an hta-commit that was given the wrong
 * --ack. Only the first connection whose hello names our incarnation becomes the peer; the
 *  others are closed. */
#include "job/ack.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"
#include "io/packet.h"

enum { GUESTS = 8 };

struct guest {
	int fd, watch;
	struct buf message;
}; /* fd -1: free */

struct event {
	enum ack_kind kind;
	char *line;
	size_t n;
	uint64_t epoch, rows;
};

struct ack {
	struct loop *loop;
	struct packet_listener listener;
	int watch;
	const struct ctl_inc *inc;
	struct guest guest[GUESTS];
	struct guest *peer;
	bool ending, closed, failed;
	struct err fail;
	struct event *event; /* oldest first; [0, taken) were handed out */
	size_t events, taken, cap;
	struct json json;
};

static void drop_guest(struct ack *a, struct guest *g)
{
	loop_unwatch(a->loop, g->watch);
	close(g->fd);
	g->fd = -1;
	buf_fini(&g->message);
	if (a->peer == g) {
		a->peer = NULL;
		a->closed = true;
	}
}

/* ---- messages */

static void push(struct ack *a, struct event e)
{
	mem_reserve(&a->event, &a->cap, a->events + 1, sizeof(*a->event));
	a->event[a->events++] = e;
}

/* {"k":"fail","code":65,"msg":..}, itself or as the record that came down the pipe. 76 only says
 * that somebody above was gone, and that is us. */
static void take_ack_fail(struct ack *a, uint32_t at)
{
	uint64_t code = EX_TEMPFAIL;
	uint32_t line = json_get(&a->json, at, "line"), msg;
	struct buf text = { 0 };

	if (line)
		at = line;
	json_get_u64(&a->json, at, "code", &code);
	msg = json_get(&a->json, at, "msg");
	if (msg)
		json_string(&a->json, msg, &text);
	log_info("a stage below failed with %llu: %s", (unsigned long long)code, buf_z(&text));
	buf_fini(&text);
	a->failed = true;
	a->fail = (struct err){ .code = code == EX_PROTOCOL || code == 0 || code > 255
						? EX_TEMPFAIL
						: (int)code };
}

static int take_message(struct ack *a, struct guest *g, struct err *err)
{
	struct slice inc, kind;
	struct event e = { 0 };
	uint32_t line;

	if (json_parse(&a->json, buf_slice(&g->message), err))
		return err_in(err, "ack channel");
	if (!json_get_text(&a->json, 0, "inc", &inc) || !json_get_text(&a->json, 0, "k", &kind))
		return err_set(err, EX_DATAERR, "ack channel: a message without inc or k");
	if (!slice_is(inc, a->inc->id))
		return err_set(err, EX_DATAERR,
			       "ack channel: hta-commit of another pipeline has come (does it have "
			       "the --ack of this one?)");
	line = json_get(&a->json, 0, "line");
	if (line && a->json.node[line].type != JSON_OBJECT)
		return err_set(err, EX_DATAERR, "ack channel: a message whose line is no record");
	if (slice_is(kind, "hello") && line && !a->peer && !a->closed)
		a->peer = g, e.kind = ACK_HELLO;
	else if (g != a->peer)
		return err_set(err, EX_DATAERR, "ack channel: a second hta-commit has come");
	else if (slice_is(kind, "probe") && line)
		e.kind = ACK_PROBE;
	else if (slice_is(kind, "ack") && json_get_u64(&a->json, 0, "e", &e.epoch) &&
		 json_get_u64(&a->json, 0, "rows", &e.rows))
		e.kind = ACK_EPOCH;
	else if (slice_is(kind, "fail"))
		take_ack_fail(a, 0);
	if (e.kind == ACK_HELLO || e.kind == ACK_PROBE) {
		e.n = a->json.node[line].text.n;
		e.line = mem_dup(a->json.node[line].text.p, e.n);
	}
	if (e.kind != ACK_NONE)
		push(a, e);
	return 0;
}

/* Takes all that has arrived. -1: the guest is gone or has to go. */
static int take_all(struct ack *a, struct guest *g, struct err *err)
{
	for (;;) {
		int rc = packet_receive(g->fd, &g->message, err);

		if (rc <= 0)
			return rc;
		rc = take_message(a, g, err);
		g->message.n = 0;
		if (rc)
			return -1;
	}
}

static void on_message(void *arg, int fd, short revents)
{
	struct ack *a = arg;
	struct guest *g = a->guest;
	struct err err = ERR_INIT;
	bool peer;

	(void)revents;
	while (g->fd != fd)
		g++;
	if (take_all(a, g, &err)) {
		peer = g == a->peer;
		if (!peer && err.code == EX_DATAERR)
			log_warn("%s", err.msg);
		drop_guest(a, g);
		if (peer && !a->ending && !a->failed) {
			if (err.code == EX_TEMPFAIL)
				err_set(&err, EX_TEMPFAIL,
					"the ack channel was closed: hta-commit or a stage before "
					"it has gone; start the pipeline again");
			loop_stop(a->loop, &err);
		}
	}
	if (a->failed)
		loop_stop(a->loop, &a->fail);
}

/* ---- connections */

static void on_connection(void *arg, int fd, short revents)
{
	struct ack *a = arg;
	int guest;

	(void)fd, (void)revents;
	while ((guest = packet_accept(&a->listener)) >= 0) {
		struct guest *g = a->guest;

		while (g < a->guest + GUESTS && g->fd >= 0)
			g++;
		if (g == a->guest + GUESTS) {
			close(guest);
			continue;
		}
		*g = (struct guest){ .fd = guest,
				     .watch = loop_watch(a->loop, guest, POLLIN, on_message, a) };
	}
}

struct ack *ack_new(struct loop *l, const char *path, const struct ctl_inc *inc, struct err *err)
{
	struct ack *a = mem_zalloc(sizeof(*a));

	a->loop = l;
	a->inc = inc;
	for (size_t i = 0; i < GUESTS; i++)
		a->guest[i].fd = -1;
	if (packet_listen(&a->listener, path, err)) {
		free(a);
		return NULL;
	}
	a->watch = loop_watch(l, a->listener.fd, POLLIN, on_connection, a);
	return a;
}

void ack_free(struct ack *a)
{
	if (!a)
		return;
	loop_unwatch(a->loop, a->watch);
	for (size_t i = 0; i < GUESTS; i++)
		if (a->guest[i].fd >= 0)
			drop_guest(a, &a->guest[i]);
	packet_unlisten(&a->listener);
	for (size_t i = 0; i < a->events; i++)
		free(a->event[i].line);
	free(a->event);
	json_fini(&a->json);
	free(a);
}

/* ---- what the source asks */

struct ack_event ack_next(struct ack *a)
{
	const struct event *e;

	if (a->taken == a->events) {
		for (size_t i = 0; i < a->events; i++)
			free(a->event[i].line);
		a->taken = a->events = 0;
		return (struct ack_event){ .kind = ACK_NONE };
	}
	e = &a->event[a->taken++];
	return (struct ack_event){
		.kind = e->kind,
		.line = slice(e->line, e->n),
		.epoch = e->epoch,
		.rows = e->rows,
	};
}

void ack_ending(struct ack *a)
{
	a->ending = true;
}

bool ack_closed(const struct ack *a)
{
	return a->closed;
}

/* One poll of all that could say something, without the loop. */
static void poll_once(struct ack *a, int timeout_ms)
{
	struct pollfd p[GUESTS + 1] = { { .fd = a->listener.fd, .events = POLLIN } };
	struct err ignored;

	for (size_t i = 0; i < GUESTS; i++)
		p[i + 1] = (struct pollfd){ .fd = a->guest[i].fd, .events = POLLIN };
	if (poll(p, GUESTS + 1, timeout_ms) <= 0)
		return;
	for (size_t i = 0; i < GUESTS; i++)
		if (p[i + 1].revents && take_all(a, &a->guest[i], &ignored))
			drop_guest(a, &a->guest[i]);
	if (p[0].revents)
		on_connection(a, a->listener.fd, p[0].revents);
}

static void poll_until_closed(struct ack *a, int64_t timeout_us)
{
	int64_t deadline_us = tm_mono_us() + timeout_us, left;

	while (!a->closed && !a->failed && (left = deadline_us - tm_mono_us()) > 0)
		poll_once(a, (int)(left / 1000) + 1);
}

bool ack_last_word(struct ack *a, int64_t timeout_us, struct err *err)
{
	poll_until_closed(a, timeout_us);
	if (a->failed)
		err_copy(err, &a->fail);
	return a->failed;
}

void ack_linger(struct ack *a, int64_t timeout_us)
{
	a->ending = true;
	poll_until_closed(a, timeout_us);
}
