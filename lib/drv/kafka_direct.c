/* A connection has two buffers: records are handed out of one response while the next one is on its way. It is received when the first is used up; till then
 * the kernel's buffer and the broker hold it, so a slow reader costs no memory.
 *
 *	response -> offsets behind its batches -> next request -> records, batch by batch -> used up -> receive
 *
 * A lost connection is made again once; one that brings no answer is given up, and so is one that is silent for SILENT_US. Leaders come from the metadata that
 * the driver asks for anyway; an error makes us forget them until then. */
#include "drv/kafka_direct.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"
#include "drv/kafka_wire.h"

/* A response is read where it lies: one that the cache holds costs half. On a long way a larger one is worth more. */
enum { SILENT_US = 10000000, RESPONSE_BYTES = 1 << 20, RESPONSE_MOST = 8 << 20, LONG_WAY_US = 25000 };

struct leader { char *topic, *host /* NULL: not known now */; int32_t partition; int port; bool foreign; };

struct conn {
	char *host;
	int port;
	struct addrinfo *list, *at;
	int fd;                            /* -1: not connected */
	bool up, proven;                   /* connected; and it has answered */
	bool asked;                        /* a request is in flight */
	bool waited;                       /* .. and its answer was waited for */
	int32_t correlation;
	struct buf out, in, cur;
	size_t sent;
	uint32_t events;
	int32_t most;                      /* bytes of a response */
	int64_t asked_at_us;
	int64_t silent_since_us;           /* 0: it is not */
	struct direct_part **part;
	size_t n, cap, turn, found;
	/* what is handed out */
	bool pending;
	struct wire_response response;
	struct wire_answer answer;
	struct direct_part *answered;
	struct wire_records records;
};

struct direct {
	direct_hand_over *hand_over;
	void *arg;
	struct wire_fetch fetch;
	int32_t most;                      /* bytes of a response, as the user wants it */
	char client[256];
	int epoll;
	struct leader *leader;
	size_t leaders, leader_cap;
	struct conn **conn;
	size_t n, cap, turn;
	struct wire_want *want;
	size_t want_cap;
};

/* ---- settings */

static bool get(const rd_kafka_conf_t *conf, const char *name, char *value, size_t size)
{
	size_t n = size;

	value[0] = 0;
	return rd_kafka_conf_get(conf, name, value, &n) == RD_KAFKA_CONF_OK;
}

static bool is(const rd_kafka_conf_t *conf, const char *name, const char *wanted)
{
	char value[256];

	return get(conf, name, value, sizeof(value)) && strcmp(value, wanted) == 0;
}

static int32_t number(const rd_kafka_conf_t *conf, const char *name)
{
	char value[32];

	return get(conf, name, value, sizeof(value)) ? (int32_t)strtol(value, NULL, 10) : 0;
}

/* What only librdkafka does, or does otherwise: all of these are as they come. */
static bool plain(const rd_kafka_conf_t *conf)
{
	static const char *const names[] = {
		"security.protocol", "check.crcs", "client.rack", "broker.address.family", "api.version.request", "debug", "plugin.library.paths",
		"socket.keepalive.enable", "socket.nagle.disable", "socket.receive.buffer.bytes", "socket.send.buffer.bytes",
	};
	rd_kafka_conf_t *fresh = rd_kafka_conf_new();
	char value[256], usual[256];
	bool same = true;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names) && same; i++)
		same = get(conf, names[i], value, sizeof(value)) == get(fresh, names[i], usual, sizeof(usual)) && strcmp(value, usual) == 0;
	rd_kafka_conf_destroy(fresh);
	return same;
}

struct direct *direct_new(const rd_kafka_conf_t *conf, direct_hand_over *hand_over, void *arg)
{
	struct direct *d;

	if (!plain(conf))
		return NULL;
	d = mem_zalloc(sizeof(*d));
	d->hand_over = hand_over;
	d->arg = arg;
	d->epoll = epoll_create1(EPOLL_CLOEXEC);
	get(conf, "client.id", d->client, sizeof(d->client));
	d->fetch = (struct wire_fetch){
		.client = d->client, .committed = is(conf, "isolation.level", "read_committed"), .wait_ms = number(conf, "fetch.wait.max.ms"),
		.min_bytes = number(conf, "fetch.min.bytes"), .part_bytes = number(conf, "fetch.message.max.bytes"),
	};
	d->most = number(conf, "fetch.max.bytes");
	if (d->most > RESPONSE_MOST)
		d->most = RESPONSE_MOST;
	if (d->epoll >= 0)
		return d;
	direct_free(d);
	return NULL;
}

/* ---- leaders */

static struct leader *find_leader(const struct direct *d, const char *topic, int32_t partition)
{
	for (size_t i = 0; i < d->leaders; i++)
		if (d->leader[i].partition == partition && strcmp(d->leader[i].topic, topic) == 0)
			return &d->leader[i];
	return NULL;
}

void direct_leader(struct direct *d, const char *topic, int32_t partition, const char *host, int port)
{
	struct leader *l = find_leader(d, topic, partition);

	if (!l) {
		mem_reserve(&d->leader, &d->leader_cap, d->leaders + 1, sizeof(*d->leader));
		l = &d->leader[d->leaders++];
		*l = (struct leader){ .topic = mem_strdup(topic), .partition = partition };
	}
	free(l->host);
	l->host = mem_strdup(host);
	l->port = port;
}

/* ---- giving up */

static void close_conn(struct direct *d, struct conn *c)
{
	if (c->fd >= 0) {
		epoll_ctl(d->epoll, EPOLL_CTL_DEL, c->fd, NULL);
		close(c->fd);
	}
	c->fd = -1;
	c->up = c->proven = c->asked = c->pending = false;
	c->out.n = c->in.n = c->sent = 0;
	c->silent_since_us = 0;
	c->answered = NULL;
}

static void hand_over(struct direct *d, struct conn *c, struct direct_part *p, bool foreign, const char *why)
{
	struct leader *l = find_leader(d, p->part->topic, p->part->partition);

	log_info("%s/%d@%lld: %s: librdkafka reads on", p->part->topic, (int)p->part->partition, (long long)p->next, why);
	for (size_t i = 0; i < c->n; i++)
		if (c->part[i] == p)
			memmove(c->part + i, c->part + i + 1, (--c->n - i) * sizeof(*c->part));
	if (c->answered == p)
		c->answered = NULL;
	free(l->host);
	l->host = NULL;
	l->foreign |= foreign;
	p->gone = true;
	d->hand_over(d->arg, p);
}

static void give_up(struct direct *d, struct conn *c, const char *why)
{
	close_conn(d, c);
	while (c->n)
		hand_over(d, c, c->part[c->n - 1], false, why);
}

static void free_conn(struct direct *d, struct conn *c)
{
	close_conn(d, c);
	if (c->list)
		freeaddrinfo(c->list);
	wire_records_fini(&c->records);
	buf_fini(&c->out);
	buf_fini(&c->in);
	buf_fini(&c->cur);
	free(c->part);
	free(c->host);
	free(c);
}

void direct_forget(struct direct *d)
{
	while (d->n)
		free_conn(d, d->conn[--d->n]);
	d->turn = 0;
}

void direct_free(struct direct *d)
{
	if (!d)
		return;
	direct_forget(d);
	for (size_t i = 0; i < d->leaders; i++) {
		free(d->leader[i].topic);
		free(d->leader[i].host);
	}
	if (d->epoll >= 0)
		close(d->epoll);
	free(d->leader);
	free(d->conn);
	free(d->want);
	free(d);
}

/* ---- what is read */

static struct conn *conn_of(struct direct *d, const struct leader *l)
{
	struct conn *c;

	for (size_t i = 0; i < d->n; i++)
		if (d->conn[i]->port == l->port && strcmp(d->conn[i]->host, l->host) == 0)
			return d->conn[i];
	c = mem_zalloc(sizeof(*c));
	c->host = mem_strdup(l->host);
	c->port = l->port;
	c->fd = -1;
	c->most = RESPONSE_BYTES;
	mem_reserve(&d->conn, &d->cap, d->n + 1, sizeof(*d->conn));
	return d->conn[d->n++] = c;
}

/* Partitions of one topic side by side. */
static void put_part(struct conn *c, struct direct_part *p)
{
	size_t at = c->n;

	mem_reserve(&c->part, &c->cap, c->n + 1, sizeof(*c->part));
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->part[i]->part->topic, p->part->topic) == 0)
			at = i;
	memmove(c->part + at + (at < c->n), c->part + at, (c->n - at) * sizeof(*c->part));
	c->part[at] = p;
	c->n++;
}

bool direct_add(struct direct *d, struct direct_part *p)
{
	const struct leader *l = find_leader(d, p->part->topic, p->part->partition);

	if (!l || !l->host || l->foreign)
		return false;
	p->asked = p->next;
	p->end_told = -1;
	p->gone = false;
	put_part(conn_of(d, l), p);
	return true;
}

int direct_fd(const struct direct *d)
{
	return d->epoll;
}

int direct_watch(struct direct *d, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN };

	return epoll_ctl(d->epoll, EPOLL_CTL_ADD, fd, &ev);
}

static void set_events(struct direct *d, struct conn *c, uint32_t events)
{
	struct epoll_event ev = { .events = events };

	if (c->events != events)
		epoll_ctl(d->epoll, EPOLL_CTL_MOD, c->fd, &ev);
	c->events = events;
}

/* ---- connecting */

static int resolve(struct conn *c)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG };
	char port[16];

	snprintf(port, sizeof(port), "%d", c->port);
	if (!c->list && getaddrinfo(c->host, port, &hints, &c->list))
		c->list = NULL;
	c->at = c->list;
	return c->list ? 0 : -1;
}

/* From c->at on, the first address that does not refuse at once. */
static int connect_next(struct direct *d, struct conn *c)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT };
	int one = 1;

	for (; c->at; c->at = c->at->ai_next) {
		c->fd = socket(c->at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (c->fd < 0)
			continue;
		setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		c->events = ev.events;
		if ((connect(c->fd, c->at->ai_addr, c->at->ai_addrlen) == 0 || errno == EINPROGRESS) && epoll_ctl(d->epoll, EPOLL_CTL_ADD, c->fd, &ev) == 0)
			return 0;
		close(c->fd);
		c->fd = -1;
	}
	return -1;
}

/* What was in flight or not handed out is asked for again. */
static void reconnect(struct direct *d, struct conn *c, const char *why)
{
	bool again = c->proven, next = !c->up && c->fd >= 0 && c->at;

	close_conn(d, c);
	for (size_t i = 0; i < c->n; i++)
		c->part[i]->asked = c->part[i]->next;
	if (next)
		c->at = c->at->ai_next;
	else if (!again || resolve(c))
		c->at = NULL;
	if (connect_next(d, c))
		give_up(d, c, why);
}

static bool connected(struct direct *d, struct conn *c)
{
	socklen_t n = sizeof(int);
	int failed = 0;
	struct sockaddr_storage peer;
	socklen_t peer_n = sizeof(peer);

	if (c->up)
		return true;
	getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &failed, &n);
	if (failed)
		reconnect(d, c, strerror(failed));
	else
		c->up = getpeername(c->fd, (struct sockaddr *)&peer, &peer_n) == 0;
	return c->up;
}

/* ---- asking */

static bool flush(struct direct *d, struct conn *c)
{
	while (c->sent < c->out.n) {
		ssize_t n = send(c->fd, c->out.p + c->sent, c->out.n - c->sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			set_events(d, c, EPOLLIN | EPOLLOUT);
			return true;
		}
		if (n < 0) {
			reconnect(d, c, strerror(errno));
			return false;
		}
		c->sent += (size_t)n;
	}
	set_events(d, c, EPOLLIN);
	return true;
}

/* Another partition is the first every time: who comes late in a request gets what the others left of the bytes. */
static bool ask(struct direct *d, struct conn *c)
{
	size_t n = 0, from = 0;

	mem_reserve(&d->want, &d->want_cap, c->n + 1, sizeof(*d->want));
	c->turn++;
	while (from < c->n) {
		size_t to = from;

		while (to < c->n && strcmp(c->part[to]->part->topic, c->part[from]->part->topic) == 0)
			to++;
		for (size_t i = 0; i < to - from; i++) {
			const struct direct_part *p = c->part[from + (i + c->turn) % (to - from)];

			if (p->asked >= 0)
				d->want[n++] = (struct wire_want){ .topic = p->part->topic, .partition = p->part->partition, .offset = p->asked };
		}
		from = to;
	}
	if (n == 0)
		return true;
	c->out.n = c->sent = 0;
	d->fetch.correlation = ++c->correlation;
	d->fetch.max_bytes = c->most < d->most ? c->most : d->most;
	wire_fetch_write(&c->out, &d->fetch, d->want, n);
	c->asked = true;
	c->asked_at_us = tm_mono_us();
	return flush(d, c);
}

/* ---- answers */

/* Answers come in the order of the request. */
static struct direct_part *part_of(struct conn *c, const struct wire_answer *a)
{
	for (size_t k = 0; k < c->n; k++) {
		struct direct_part *p = c->part[(c->found + 1 + k) % c->n];

		if (p->part->partition == a->partition && slice_is(a->topic, p->part->topic)) {
			c->found = (c->found + 1 + k) % c->n;
			return p;
		}
	}
	return NULL;
}

/* A whole response is in c->in, all of the last one was handed out: 0 / -1 malformed. */
static int take_response(struct direct *d, struct conn *c)
{
	struct buf used = c->cur;
	struct wire_response r;
	struct wire_answer a;
	struct direct_part *p;
	char why[64];
	int rc;

	c->cur = c->in;
	c->in = used;
	c->in.n = 0;
	c->asked = false;
	if (c->waited && c->cur.n > (size_t)c->most / 2 && c->most < d->most && tm_mono_us() - c->asked_at_us > LONG_WAY_US)
		c->most *= 2;
	c->waited = false;
	if (wire_response_open(&r, slice(c->cur.p + WIRE_PREFIX, c->cur.n - WIRE_PREFIX), c->correlation))
		return -1;
	c->response = r;
	while ((rc = wire_response_next(&r, d->fetch.committed, &a)) > 0) {
		p = part_of(c, &a);
		snprintf(why, sizeof(why), "error %d", a.error);
		if (p && a.error) {
			p->lost = p->known && a.error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
			hand_over(d, c, p, false, why);
		} else if (p) {
			p->known = true;
			p->asked = wire_reach(a.records, p->asked);
		}
	}
	c->pending = rc == 0;
	return rc;
}

/* 1: there is a whole response; 0: not yet; -1: errno, or 0 where the broker closed or lies. */
static int receive(struct conn *c)
{
	for (;;) {
		int64_t want = WIRE_PREFIX;
		ssize_t n;

		if (c->in.n >= WIRE_PREFIX) {
			want = wire_length(c->in.p);
			errno = 0;
			if (want < 0)
				return -1;
			want += WIRE_PREFIX;
			if (c->in.n == (size_t)want)
				return 1;
		}
		buf_room(&c->in, (size_t)want - c->in.n);
		n = recv(c->fd, c->in.p + c->in.n, (size_t)want - c->in.n, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n ? errno : 0;
			return n < 0 && errno == EAGAIN ? 0 : -1;
		}
		c->in.n += (size_t)n;
		c->silent_since_us = 0;
	}
}

static void note_silence(struct direct *d, struct conn *c)
{
	int64_t now = tm_mono_us();

	c->waited = true;
	if (!c->silent_since_us)
		c->silent_since_us = now;
	else if (now - c->silent_since_us > SILENT_US + d->fetch.wait_ms * 1000LL)
		give_up(d, c, "no answer");
}

/* Whatever can be done now. true: a response is there to be handed out. */
static bool advance(struct direct *d, struct conn *c)
{
	int rc;

	if (c->fd < 0 && (resolve(c) || connect_next(d, c)))
		give_up(d, c, "no connection");
	if (c->fd < 0)
		return false;
	if (!connected(d, c) || (!c->asked && !ask(d, c)) || (c->sent < c->out.n && !flush(d, c))) {
		note_silence(d, c);
		return false;
	}
	rc = receive(c);
	if (rc == 0)
		note_silence(d, c);
	if (rc < 0)
		reconnect(d, c, errno ? strerror(errno) : "connection closed");
	if (rc <= 0)
		return false;
	if (take_response(d, c)) {
		give_up(d, c, "malformed response");
		return false;
	}
	c->proven = true;
	ask(d, c);
	return c->pending;
}

/* ---- handing out */

static bool next_answer(struct direct *d, struct conn *c)
{
	while (!c->answered && c->pending) {
		c->pending = wire_response_next(&c->response, d->fetch.committed, &c->answer) > 0;
		if (c->pending)
			c->answered = part_of(c, &c->answer);
	}
	return c->answered;
}

static bool hand_out(struct direct *d, struct conn *c, struct log_record *v, size_t room, struct log_batch *batch)
{
	struct direct_part *p;
	int64_t position;
	size_t n;

	for (;;) {
		if (!c->answered) {
			if (!next_answer(d, c))
				return false;
			wire_records_open(&c->records, &c->answer, c->answered->next, d->fetch.committed);
		}
		p = c->answered;
		switch (wire_records_next(&c->records, v, room, &n, &position)) {
		case WIRE_RECORDS:
			p->next = position;
			*batch = (struct log_batch){ .part = p->part, .v = v, .n = n, .position = position, .end = position >= c->answer.end };
			p->end_told = batch->end ? position : p->end_told;
			return true;
		case WIRE_FOREIGN:
			hand_over(d, c, p, true, "compressed, or of an old format");
			break;
		case WIRE_END:
			c->answered = NULL;
			if (p->next < c->answer.end || p->end_told == p->next)
				break;
			p->end_told = p->next;
			*batch = (struct log_batch){ .part = p->part, .position = p->next, .end = true };
			return true;
		}
	}
}

/* A connection is emptied, then comes the next one. */
bool direct_read(struct direct *d, struct log_record *v, size_t room, struct log_batch *batch)
{
	for (size_t i = 0; i <= d->n && d->n; i++) {
		struct conn *c = d->conn[d->turn];

		if (c->n == 0)
			close_conn(d, c);          /* all were handed over */
		else if ((c->pending || c->answered || advance(d, c)) && hand_out(d, c, v, room, batch))
			return true;
		d->turn = (d->turn + 1) % d->n;
	}
	return false;
}
