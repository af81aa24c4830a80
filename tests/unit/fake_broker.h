/* A broker for unit tests: a socket on 127.0.0.1 that answers Fetch (version 10) of the topic "t",
 * and no other request, as its fields tell it to. It has records "PARTITION:OFFSET", in batches of
 * five. It runs in the test's own thread: broker_step() does what can be done now. */
#ifndef TESTS_UNIT_FAKE_BROKER_H
#define TESTS_UNIT_FAKE_BROKER_H

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "batches.h"

enum { PARTS = 2, BATCH = 5, SNAPPY = 2, OUT_OF_RANGE = 1, EMPTY_BYTES = 150 };

struct broker {
	int listener, port, fd; /* fd -1: nobody is connected */
	struct buf in, out;
	size_t sent;
	int64_t end[PARTS];
	int error[PARTS];
	int64_t unreadable_at; /* the batch with that offset is of snappy; -1: none */
	int64_t damaged_at;    /* .. or its records are cut off */
	int64_t cut;    /* the next answer with records ends behind so many bytes; -1: whole */
	int32_t length; /* the next answer has that for a length; 0: its own */
	size_t chunk;   /* bytes a step; 0: all */
	bool mute;      /* nothing is answered */
	bool stranger;  /* what was not asked for is answered too */
	bool torn;      /* an answer ends in a part of a batch */
	bool reset;     /* the connection is reset behind the next answer with records */
	int connects;
};

static void broker_open(struct broker *b)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(at);

	*b = (struct broker){ .fd = -1, .cut = -1, .unreadable_at = -1, .damaged_at = -1 };
	b->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (bind(b->listener, (struct sockaddr *)&at, n) || listen(b->listener, 8) ||
	    getsockname(b->listener, (struct sockaddr *)&at, &n))
		BUG("no socket on 127.0.0.1");
	b->port = ntohs(at.sin_port);
}

static void broker_hang_up(struct broker *b)
{
	if (b->fd >= 0)
		close(b->fd);
	b->fd = -1;
	b->in.n = b->out.n = b->sent = 0;
}

static void broker_close(struct broker *b)
{
	broker_hang_up(b);
	if (b->listener >= 0)
		close(b->listener);
	b->listener = -1;
	buf_fini(&b->in);
	buf_fini(&b->out);
}

static int64_t get(const char **p, int bytes)
{
	uint64_t v = 0;

	for (int i = 0; i < bytes; i++)
		v = v << 8 | (unsigned char)*(*p)++;
	return bytes == 4 ? (int32_t)v : (int64_t)v;
}

/* The batch that has the offset. */
static void put_batch(const struct broker *b, struct buf *out, int part, int64_t offset)
{
	int64_t base = offset - offset % BATCH;
	int count = (int)(b->end[part] - base < BATCH ? b->end[part] - base : BATCH);
	struct buf r = { 0 };
	char value[32];

	for (int i = 0; i < count; i++) {
		snprintf(value, sizeof(value), "%d:%lld", part, (long long)base + i);
		record(&r, 0, i, NULL, 0, value);
	}
	if (b->damaged_at == base)
		r.n -= 3;
	batch(out, base, count - 1, b->unreadable_at == base ? SNAPPY : 0, -1, count, &r);
	buf_fini(&r);
}

static void put_answer(struct broker *b, int part, int64_t offset)
{
	struct buf records = { 0 };
	int64_t end = part < PARTS ? b->end[part] : 0;
	int error = offset < 0 || offset > end ? OUT_OF_RANGE : part < PARTS ? b->error[part] : 0;
	int64_t at = offset, most = error ? 0 : offset + 2 * BATCH;
	size_t whole;

	for (; at < end && at < most; at += BATCH - at % BATCH)
		put_batch(b, &records, part, at);
	whole = records.n;
	if (b->torn && at < end && !error) {
		put_batch(b, &records, part, at);
		records.n = whole + (records.n - whole) / 2;
	}
	put(&b->out, part, 4);
	put(&b->out, error, 2);
	put(&b->out, end, 8); /* high watermark, last stable offset, start of the log */
	put(&b->out, end, 8);
	put(&b->out, 0, 8);
	put(&b->out, -1, 4);
	put(&b->out, (int64_t)records.n, 4);
	buf_adds(&b->out, buf_slice(&records));
	buf_fini(&records);
}

static void put_name(struct buf *out, const char *name)
{
	put(out, (int64_t)strlen(name), 2);
	buf_addz(out, name);
}

/* A Fetch of version 10 of the one topic, "t". */
static void broker_answer(struct broker *b, const char *p)
{
	int32_t correlation;
	int64_t parts;

	p += 4 + 2 + 2;
	correlation = (int32_t)get(&p, 4);
	p += get(&p, 2);            /* client */
	p += 4 + 4 + 4 + 4 + 1 + 8; /* replica, wait, bytes twice, isolation, session */
	p += 4;                     /* one topic */
	p += get(&p, 2);
	parts = get(&p, 4);
	b->out.n = b->sent = 0;
	put(&b->out, 0, 4);
	put(&b->out, correlation, 4);
	put(&b->out, 0, 4);
	put(&b->out, 0, 2);
	put(&b->out, 0, 4);
	put(&b->out, 1 + b->stranger, 4);
	put_name(&b->out, "t");
	put(&b->out, parts + b->stranger, 4);
	for (int64_t i = 0; i < parts; i++) {
		int part = (int)get(&p, 4);

		p += 4;
		put_answer(b, part, get(&p, 8));
		p += 8 + 4;
	}
	if (b->stranger) {
		put_answer(b, PARTS, 0);
		put_name(&b->out, "u");
		put(&b->out, 1, 4);
		put_answer(b, 0, 0);
	}
	for (int i = 0; i < 4; i++)
		b->out.p[i] = (char)((b->length ? (size_t)b->length : b->out.n - 4) >>
				     (24 - 8 * i));
	b->length = 0;
}

/* A whole request is there: one is all that is ever in flight. */
static bool has_request(const struct broker *b)
{
	const char *p = b->in.p;

	return b->in.n >= 4 && b->in.n == 4 + (size_t)get(&p, 4);
}

static void broker_send(struct broker *b)
{
	size_t to = b->chunk && b->sent + b->chunk < b->out.n ? b->sent + b->chunk : b->out.n;
	bool has_records = b->out.n > EMPTY_BYTES;
	bool cut = b->cut >= 0 && has_records && b->out.n > (size_t)b->cut;

	if (cut)
		to = (size_t)b->cut;
	if (send(b->fd, b->out.p + b->sent, to - b->sent, MSG_NOSIGNAL) < 0 || cut) {
		b->cut = cut ? -1 : b->cut;
		broker_hang_up(b);
	}
	b->sent = b->fd >= 0 ? to : 0;
	if (b->reset && has_records && b->fd >= 0) {
		setsockopt(b->fd, SOL_SOCKET, SO_LINGER, &(struct linger){ .l_onoff = 1 },
			   sizeof(struct linger));
		broker_hang_up(b);
		b->reset = false;
	}
}

static void broker_step(struct broker *b)
{
	int fd = b->listener >= 0 ? accept4(b->listener, NULL, NULL, SOCK_NONBLOCK) : -1, one = 1;
	ssize_t n;

	if (fd >= 0) {
		broker_hang_up(b);
		b->fd = fd;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		b->connects++;
	}
	if (b->fd < 0)
		return;
	n = recv(b->fd, buf_room(&b->in, 4096), 4096, 0);
	if (n == 0)
		broker_hang_up(b);
	b->in.n += n > 0 ? (size_t)n : 0;
	if (has_request(b) && !b->mute) {
		broker_answer(b, b->in.p);
		b->in.n = 0;
	}
	if (b->fd >= 0 && b->sent < b->out.n)
		broker_send(b);
}

#endif
