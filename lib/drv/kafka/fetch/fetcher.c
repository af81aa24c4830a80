/* All connections, one a leader. A connection is emptied before the next one's turn. A partition
 * that a connection has lost is told to the driver here, between two batches, so that no callback
 * runs while a response is walked.
 *
 * The way back: a partition that is AWAY may be added again once metadata has named its leader
 * anew; what was handed out of it meanwhile is the driver's to say (p->next). One that was
 * UNREADABLE stays so: a topic's codec is its producers' setting, the next batch would be alike. */
#include "drv/kafka/fetch/fetcher_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

struct fetcher {
	fetcher_fallback *fallback;
	void *arg;
	struct fetcher_settings settings;
	struct conn_env env;
	struct leaders leaders;
	struct conn **conn;
	size_t n, cap, turn;
};

struct fetcher *fetcher_new(const struct fetcher_settings *settings, fetcher_fallback *fallback,
			    void *arg)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct fetcher *d;

	if (epoll < 0)
		return NULL;
	d = mem_zalloc(sizeof(*d));
	d->fallback = fallback;
	d->arg = arg;
	d->settings = *settings;
	d->env = (struct conn_env){
		.epoll = epoll,
		.fetch = { .client = d->settings.client,
			   .committed = settings->committed,
			   .wait_ms = settings->wait_ms,
			   .min_bytes = settings->min_bytes,
			   .part_bytes = settings->part_bytes },
		.most = settings->most_bytes,
		.silent_us = settings->silent_us,
	};
	return d;
}

void fetcher_forget(struct fetcher *d)
{
	while (d->n) {
		struct conn *c = d->conn[--d->n];

		for (size_t i = 0; i < c->n; i++)
			fetch_enter(c->part[i], FETCH_OFF);
		conn_free(&d->env, c);
	}
	d->turn = 0;
}

void fetcher_free(struct fetcher *d)
{
	if (!d)
		return;
	fetcher_forget(d);
	leaders_fini(&d->leaders);
	close(d->env.epoll);
	free(d->env.want);
	free(d->conn);
	free(d);
}

void fetcher_leader(struct fetcher *d, const char *topic, int32_t partition, const char *host,
		    int port)
{
	leaders_note(&d->leaders, topic, partition, host, port);
}

/* ---- what is read */

static struct conn *conn_of(struct fetcher *d, const struct leader *l)
{
	struct conn *c = NULL;

	for (size_t i = 0; i < d->n && !c; i++)
		if (d->conn[i]->port == l->port && strcmp(d->conn[i]->host, l->host) == 0)
			c = d->conn[i];
	if (!c) {
		c = conn_new(l->host, l->port);
		mem_reserve(&d->conn, &d->cap, d->n + 1, sizeof(*d->conn));
		d->conn[d->n++] = c;
	}
	c->list = leaders_address(&d->leaders, l);
	return c;
}

bool fetcher_add(struct fetcher *d, struct fetcher_part *p)
{
	const struct leader *l = leaders_find(&d->leaders, p->part);

	if (l && l->state == LEADER_KNOWN) {
		fetch_enter(p, FETCH_ASKING);
		p->asked = p->next;
		p->end_told = -1;
		conn_add(conn_of(d, l), p);
		return true;
	}
	if (p->state != FETCH_AWAY)
		fetch_enter(p, l && l->state == LEADER_UNREADABLE ? FETCH_UNREADABLE : FETCH_AWAY);
	return false;
}

int fetcher_fd(const struct fetcher *d)
{
	return d->env.epoll;
}

int fetcher_watch(struct fetcher *d, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN };

	return epoll_ctl(d->env.epoll, EPOLL_CTL_ADD, fd, &ev);
}

/* ---- reading */

static void fall_back(struct fetcher *d, struct conn *c)
{
	struct fetcher_part *p;

	if (c->unreachable)
		leaders_avoid(&d->leaders, c->host, c->port);
	c->unreachable = false;
	while ((p = conn_take_lost(c))) {
		log_info("%s/%d@%lld: %s: librdkafka reads on", p->part->topic,
			 (int)p->part->partition, (long long)p->next, p->why);
		leaders_drop(&d->leaders, p->part, p->state == FETCH_UNREADABLE);
		d->fallback(d->arg, p);
	}
}

bool fetcher_read(struct fetcher *d, struct input_record *v, size_t room, struct input_batch *batch)
{
	for (size_t i = 0; i <= d->n && d->n; i++) {
		struct conn *c = d->conn[d->turn];
		bool some = conn_read(&d->env, c, v, room, batch);

		if (c->lost || c->unreachable)
			fall_back(d, c);
		if (some)
			return true;
		d->turn = (d->turn + 1) % d->n;
	}
	return false;
}
