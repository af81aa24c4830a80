/* Which connections run in the next turn, which wait for memory; the memory of requests. */
#include "net/http_internal.h"

#include <stdlib.h>

#include "base/mem.h"

/* ---- lists */
static void wake_turn(void *arg, int fd, short revents)
{
	struct http_server *s = arg;

	s->wake_id = 0;
	http_server_turn(arg, fd, revents);
}

void http_conn_ready(struct http_conn *c)
{
	struct http_server *s = c->s;

	if (c->in_ready || c->state == CONN_DEAD)
		return;
	c->in_ready = true;
	c->next_ready = NULL;
	*s->ready_end = c;
	s->ready_end = &c->next_ready;
	if (!s->wake_id)
		s->wake_id = loop_at(s->loop, 0, wake_turn, s);
}

void http_conn_starve(struct http_conn *c)
{
	struct http_server *s = c->s;

	if (!c->starved_us)
		c->starved_us = s->now_us;
	if (c->in_starved)
		return;
	c->in_starved = true;
	c->next_starved = NULL;
	*s->starved_end = c;
	s->starved_end = &c->next_starved;
}

static struct http_conn *take_starved(struct http_server *s)
{
	struct http_conn *c = s->starved;

	s->starved = c->next_starved;
	if (!s->starved)
		s->starved_end = &s->starved;
	c->in_starved = false;
	return c;
}

struct http_conn *http_ready_take(struct http_server *s)
{
	struct http_conn *c = s->ready;

	s->ready = c->next_ready;
	if (!s->ready)
		s->ready_end = &s->ready;
	c->in_ready = false;
	return c;
}

/* A walk: closing is rare, and the lists are short then. */
void http_conn_leave_lists(struct http_conn *c)
{
	struct http_server *s = c->s;
	struct http_conn **at;

	if (c->in_ready) {
		for (at = &s->ready; *at != c;)
			at = &(*at)->next_ready;
		*at = c->next_ready;
		if (!c->next_ready)
			s->ready_end = at;
	}
	if (c->in_starved) {
		for (at = &s->starved; *at != c;)
			at = &(*at)->next_starved;
		*at = c->next_starved;
		if (!c->next_starved)
			s->starved_end = at;
	}
	c->in_ready = c->in_starved = false;
}

/* ---- memory */
void http_conn_charge(struct http_conn *c, size_t bytes)
{
	struct http_server *s = c->s;

	s->stats.in_flight_bytes += bytes - c->charged;
	c->charged = bytes;
	if (s->starved && s->stats.in_flight_bytes < s->conf.budget_bytes)
		http_conn_ready(take_starved(s));
}

struct http_input *http_input_get(struct http_server *s)
{
	struct http_input *in = s->inputs;

	s->stats.busy++;
	if (in) {
		s->inputs = in->next;
		s->n_inputs--;
	} else {
		in = mem_alloc(sizeof(*in));
	}
	in->at = in->n = in->base = 0;
	return in;
}

void http_input_put(struct http_server *s, struct http_input *in)
{
	s->stats.busy--;
	if (s->n_inputs == INPUTS_KEPT) {
		free(in);
		return;
	}
	in->next = s->inputs;
	s->inputs = in;
	s->n_inputs++;
}
