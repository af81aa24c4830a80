/* Which partitions are read this way, and what is handed out. A connection is emptied before the
 * next one's turn. Leaders come from the metadata that the driver asks for anyway; an error
 * makes us forget them until then. */
#include "drv/kafka/fetch/fetcher_internal.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"

enum { RESPONSE_BYTES = 2 << 20, RESPONSE_MOST = 8 << 20, FRESH_US = 10000000 };

/* ---- settings */

static bool fetcher_get(const rd_kafka_conf_t *conf, const char *name, char *value, size_t size)
{
	size_t n = size;

	value[0] = 0;
	return rd_kafka_conf_get(conf, name, value, &n) == RD_KAFKA_CONF_OK;
}

static bool is(const rd_kafka_conf_t *conf, const char *name, const char *wanted)
{
	char value[256];

	return fetcher_get(conf, name, value, sizeof(value)) && strcmp(value, wanted) == 0;
}

static int32_t fetcher_number(const rd_kafka_conf_t *conf, const char *name)
{
	char value[32];

	return fetcher_get(conf, name, value, sizeof(value)) ? (int32_t)strtol(value, NULL, 10) : 0;
}

/* What only librdkafka does, or does otherwise: all of these are as they come. */
static bool fetcher_plain(const rd_kafka_conf_t *conf)
{
	static const char *const names[] = {
		"security.protocol",
		"check.crcs",
		"client.rack",
		"broker.address.family",
		"api.version.request",
		"debug",
		"plugin.library.paths",
		"socket.timeout.ms",
		"socket.connection.setup.timeout.ms",
		"socket.max.fails",
		"socket.keepalive.enable",
		"socket.nagle.disable",
		"socket.receive.buffer.bytes",
		"socket.send.buffer.bytes",
	};
	rd_kafka_conf_t *fresh = rd_kafka_conf_new();
	char value[256], usual[256];
	bool same = true;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names) && same; i++)
		same = fetcher_get(conf, names[i], value, sizeof(value)) ==
			       fetcher_get(fresh, names[i], usual, sizeof(usual)) &&
		       strcmp(value, usual) == 0;
	rd_kafka_conf_destroy(fresh);
	return same;
}

struct fetcher *fetcher_new(const rd_kafka_conf_t *conf, fetcher_fallback *fallback, void *arg)
{
	struct fetcher *d;

	if (!fetcher_plain(conf))
		return NULL;
	d = mem_zalloc(sizeof(*d));
	d->fallback = fallback;
	d->arg = arg;
	d->epoll = epoll_create1(EPOLL_CLOEXEC);
	fetcher_get(conf, "client.id", d->client, sizeof(d->client));
	d->fetch = (struct wire_fetch){
		.client = d->client,
		.committed = is(conf, "isolation.level", "read_committed"),
		.wait_ms = fetcher_number(conf, "fetch.wait.max.ms"),
		.min_bytes = fetcher_number(conf, "fetch.min.bytes"),
		.part_bytes = fetcher_number(conf, "fetch.message.max.bytes"),
	};
	d->most = fetcher_number(conf, "fetch.max.bytes");
	if (d->most > RESPONSE_MOST)
		d->most = RESPONSE_MOST;
	if (d->epoll >= 0)
		return d;
	fetcher_free(d);
	return NULL;
}

/* ---- leaders */

static struct leader *find_leader(const struct fetcher *d, const char *topic, int32_t partition)
{
	for (size_t i = 0; i < d->leaders; i++)
		if (d->leader[i].partition == partition && strcmp(d->leader[i].topic, topic) == 0)
			return &d->leader[i];
	return NULL;
}

static struct place *find_place(const struct fetcher *d, const char *host, int port)
{
	for (size_t i = 0; i < d->places; i++)
		if (d->place[i].port == port && strcmp(d->place[i].host, host) == 0)
			return &d->place[i];
	return NULL;
}

/* false: it has no address now. */
static bool fetcher_look_up(struct fetcher *d, const char *host, int port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG };
	struct place *p = find_place(d, host, port);
	char service[16];

	if (!p) {
		mem_reserve(&d->place, &d->place_cap, d->places + 1, sizeof(*d->place));
		p = &d->place[d->places++];
		*p = (struct place){ .host = mem_strdup(host), .port = port };
	}
	snprintf(service, sizeof(service), "%d", port);
	if (!p->list && getaddrinfo(host, service, &hints, &p->list))
		p->list = NULL;
	return p->list;
}

void fetcher_avoid(struct fetcher *d, const char *host, int port)
{
	struct place *p = find_place(d, host, port);

	for (size_t i = 0; i < d->leaders; i++) {
		struct leader *l = &d->leader[i];

		if (l->host && l->port == port && strcmp(l->host, host) == 0) {
			free(l->host);
			l->host = NULL;
		}
	}
	if (p && p->list)
		freeaddrinfo(p->list);
	if (p)
		p->list = NULL;
}

void fetcher_leader(struct fetcher *d, const char *topic, int32_t partition, const char *host,
		    int port)
{
	struct leader *l = find_leader(d, topic, partition);

	if (!l) {
		mem_reserve(&d->leader, &d->leader_cap, d->leaders + 1, sizeof(*d->leader));
		l = &d->leader[d->leaders++];
		*l = (struct leader){ .topic = mem_strdup(topic), .partition = partition };
	}
	free(l->host);
	l->host = fetcher_look_up(d, host, port) ? mem_strdup(host) : NULL;
	l->port = port;
}

/* ---- giving up */

void fetcher_give(struct fetcher *d, struct conn *c, struct fetcher_part *p, bool fallback,
		  const char *why)
{
	struct leader *l = find_leader(d, p->part->topic, p->part->partition);

	log_info("%s/%d@%lld: %s: librdkafka reads on", p->part->topic, (int)p->part->partition,
		 (long long)p->next, why);
	for (size_t i = 0; i < c->n; i++)
		if (c->part[i] == p)
			memmove(c->part + i, c->part + i + 1, (--c->n - i) * sizeof(*c->part));
	if (c->answered == p)
		c->answered = NULL;
	free(l->host);
	l->host = NULL;
	l->fallback |= fallback;
	d->fallback(d->arg, p);
}

static void free_conn(struct fetcher *d, struct conn *c)
{
	conn_close(d, c);
	wire_records_fini(&c->records);
	buf_fini(&c->out);
	buf_fini(&c->in);
	buf_fini(&c->cur);
	free(c->part);
	free(c->host);
	free(c);
}

void fetcher_forget(struct fetcher *d)
{
	while (d->n)
		free_conn(d, d->conn[--d->n]);
	d->turn = 0;
}

void fetcher_free(struct fetcher *d)
{
	if (!d)
		return;
	fetcher_forget(d);
	for (size_t i = 0; i < d->leaders; i++) {
		free(d->leader[i].topic);
		free(d->leader[i].host);
	}
	for (size_t i = 0; i < d->places; i++) {
		free(d->place[i].host);
		if (d->place[i].list)
			freeaddrinfo(d->place[i].list);
	}
	if (d->epoll >= 0)
		close(d->epoll);
	free(d->place);
	free(d->leader);
	free(d->conn);
	free(d->want);
	free(d);
}

/* ---- what is read */

static struct conn *conn_of(struct fetcher *d, const struct leader *l)
{
	struct addrinfo *list = find_place(d, l->host, l->port)->list;
	struct conn *c;

	for (size_t i = 0; i < d->n; i++) {
		c = d->conn[i];
		if (c->port == l->port && strcmp(c->host, l->host) == 0) {
			c->list = list;
			return c;
		}
	}
	c = mem_zalloc(sizeof(*c));
	c->host = mem_strdup(l->host);
	c->port = l->port;
	c->list = list;
	c->fd = -1;
	c->low = 1;
	c->most = RESPONSE_BYTES;
	mem_reserve(&d->conn, &d->cap, d->n + 1, sizeof(*d->conn));
	return d->conn[d->n++] = c;
}

/* Partitions of one topic side by side. */
static void put_part(struct conn *c, struct fetcher_part *p)
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

bool fetcher_add(struct fetcher *d, struct fetcher_part *p)
{
	const struct leader *l = find_leader(d, p->part->topic, p->part->partition);

	if (!l || !l->host || l->fallback)
		return false;
	p->asked = p->next;
	p->end_told = -1;
	put_part(conn_of(d, l), p);
	return true;
}

int fetcher_fd(const struct fetcher *d)
{
	return d->epoll;
}

int fetcher_watch(struct fetcher *d, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN };

	return epoll_ctl(d->epoll, EPOLL_CTL_ADD, fd, &ev);
}

/* ---- handing out */

static bool next_answer(struct fetcher *d, struct conn *c)
{
	while (!c->answered && c->pending) {
		c->pending = wire_response_next(&c->response, d->fetch.committed, &c->answer) > 0;
		if (c->pending)
			c->answered = conn_part_of(c, &c->answer);
	}
	return c->answered;
}

/* Of an answer that waited for a slow reader nobody knows whether its end is still the log's:
 * the next one tells. */
static bool is_fresh(const struct fetcher *d, const struct conn *c)
{
	return tm_mono_us() - c->cur_asked_at_us < d->fetch.wait_ms * 1000LL + FRESH_US;
}

static bool hand_out(struct fetcher *d, struct conn *c, struct input_record *v, size_t room,
		     struct input_batch *batch)
{
	struct fetcher_part *p;
	int64_t position;
	size_t n;

	for (;;) {
		if (!c->answered) {
			if (!next_answer(d, c))
				return false;
			wire_records_open(&c->records, &c->answer, c->answered->next,
					  d->fetch.committed);
		}
		p = c->answered;
		switch (wire_records_next(&c->records, v, room, &n, &position)) {
		case WIRE_RECORDS:
			p->next = position;
			*batch = (struct input_batch){ .part = p->part,
						       .v = v,
						       .n = n,
						       .position = position,
						       .end = position >= c->answer.end &&
							      is_fresh(d, c) };
			p->end_told = batch->end ? position : p->end_told;
			return true;
		case WIRE_FOREIGN:
			fetcher_give(d, c, p, true,
				     "compressed by neither gzip nor zstd, of an old format, or "
				     "damaged");
			break;
		case WIRE_END:
			c->answered = NULL;
			if (p->next < c->answer.end || p->end_told == p->next || !is_fresh(d, c))
				break;
			p->end_told = p->next;
			*batch = (struct input_batch){ .part = p->part,
						       .position = p->next,
						       .end = true };
			return true;
		}
	}
}

bool fetcher_read(struct fetcher *d, struct input_record *v, size_t room, struct input_batch *batch)
{
	for (size_t i = 0; i <= d->n && d->n; i++) {
		struct conn *c = d->conn[d->turn];

		if (c->n == 0)
			conn_close(d, c); /* all were handed over */
		else if ((c->pending || c->answered || conn_advance(d, c)) &&
			 hand_out(d, c, v, room, batch))
			return true;
		d->turn = (d->turn + 1) % d->n;
	}
	return false;
}
