/* Leaders come from the metadata that the driver asks for; an error of the leader, or of the way
 * to it, makes us forget it until metadata names it again. A broker's addresses are looked up once
 * and kept, however many partitions it leads; they are asked for anew when none of them gave a
 * connection. Both lists are searched one by one: they are read at an assignment, not for
 * records. */
#include "drv/kafka/fetch/fetcher_internal.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/mem.h"

static struct leader *find_leader(const struct leaders *l, const char *topic, int32_t partition)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->leader[i].partition == partition && strcmp(l->leader[i].topic, topic) == 0)
			return &l->leader[i];
	return NULL;
}

struct leader *leaders_find(const struct leaders *l, const struct partition *part)
{
	return find_leader(l, part->topic, part->partition);
}

static struct place *find_place(const struct leaders *l, const char *host, int port)
{
	for (size_t i = 0; i < l->places; i++)
		if (l->place[i].port == port && strcmp(l->place[i].host, host) == 0)
			return &l->place[i];
	return NULL;
}

/* False where the broker has no address now. */
static bool look_up_place(struct leaders *l, const char *host, int port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG };
	struct place *p = find_place(l, host, port);
	char service[16];

	if (!p) {
		mem_reserve(&l->place, &l->place_cap, l->places + 1, sizeof(*l->place));
		p = &l->place[l->places++];
		*p = (struct place){ .host = mem_strdup(host), .port = port };
	}
	snprintf(service, sizeof(service), "%d", port);
	if (!p->list && getaddrinfo(host, service, &hints, &p->list))
		p->list = NULL;
	return p->list;
}

static void set_leader(struct leader *l, enum leader_state state, const char *host, int port)
{
	if (l->state == LEADER_UNREADABLE)
		return;
	free(l->host);
	l->state = state;
	l->host = host ? mem_strdup(host) : NULL;
	l->port = port;
}

void leaders_note(struct leaders *l, const char *topic, int32_t partition, const char *host,
		  int port)
{
	struct leader *one = find_leader(l, topic, partition);

	if (!one) {
		mem_reserve(&l->leader, &l->cap, l->n + 1, sizeof(*l->leader));
		one = &l->leader[l->n++];
		*one = (struct leader){ .topic = mem_strdup(topic), .partition = partition };
	}
	if (look_up_place(l, host, port))
		set_leader(one, LEADER_KNOWN, host, port);
	else
		set_leader(one, LEADER_UNKNOWN, NULL, 0);
}

struct addrinfo *leaders_address(const struct leaders *l, const struct leader *leader)
{
	return find_place(l, leader->host, leader->port)->list;
}

void leaders_drop(struct leaders *l, const struct partition *part, bool unreadable)
{
	set_leader(leaders_find(l, part), unreadable ? LEADER_UNREADABLE : LEADER_UNKNOWN, NULL, 0);
}

void leaders_avoid(struct leaders *l, const char *host, int port)
{
	struct place *p = find_place(l, host, port);

	for (size_t i = 0; i < l->n; i++)
		if (l->leader[i].host && l->leader[i].port == port &&
		    strcmp(l->leader[i].host, host) == 0)
			set_leader(&l->leader[i], LEADER_UNKNOWN, NULL, 0);
	if (p && p->list)
		freeaddrinfo(p->list);
	if (p)
		p->list = NULL;
}

void leaders_fini(struct leaders *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->leader[i].topic);
		free(l->leader[i].host);
	}
	for (size_t i = 0; i < l->places; i++) {
		free(l->place[i].host);
		if (l->place[i].list)
			freeaddrinfo(l->place[i].list);
	}
	free(l->place);
	free(l->leader);
}
