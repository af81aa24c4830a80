/* Posts events to an intake at a rate, and keeps books: post PORT RATE SECONDS CONNECTIONS EVENTS
 * NAME CURVE [REQUESTS].
 *
 * RATE is events a second, 0: as fast as the connections can. EVENTS a request: 1 is POST /events,
 * more are lines to /ingest. REQUESTS: no more than so many. NAME begins every id. A connection has
 * one request at a time.
 *
 * At a rate, request k is due at its time whatever became of those before it, and its latency
 * counts from then: a server that stands still for a second is a second late for all that was due
 * in it (coordinated omission). What is not sent when the time is over is not sent at all.
 *
 * Of 1,000 events 5 are late (a day old, which corrects that day's window), 10 are duplicates (the
 * id of one that was answered, in a batch of its first line) and 1 is dead below (a value that is
 * no number). CURVE gets lines "MICROSECONDS GOOD", how many of the others were acknowledged until
 * then (CLOCK_MONOTONIC).
 * On stdout: one JSON object. Exit 69: the intake cannot be reached. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum { US = 1000000, ANSWER_BYTES = 4096, EVENT_BYTES = 400, LAST_US = 60 * US, CURVE_US = 2000 };
enum kind { GOOD, LATE, DUPLICATE, DEAD, KINDS };
static const char *const kinds[KINDS] = { "good", "late", "duplicate", "dead" };

struct connection {
	int fd;
	bool busy;
	int64_t due_us;
	char *request, answer[ANSWER_BYTES];
	size_t request_bytes, sent_bytes, answer_bytes;
	uint64_t made[KINDS], id; /* of the request; id: of its first good event */
};

static struct {
	int port, connections;
	double rate, seconds;
	uint64_t events, most;
	const char *name;
	FILE *curve;

	struct connection *c;
	int epoll;
	uint64_t requests, next, acked_id; /* next: number of the next event */
	uint64_t sent, acked, refused, counted_duplicate, by_kind[KINDS];
	uint32_t *latency_us;
	size_t answers, cap;
	int64_t begun_us, last_us, curve_us;
	char now_text[32], old_text[32];
} g;

static void die(const char *what)
{
	fprintf(stderr, "post: %s: %s\n", what, strerror(errno));
	exit(EX_UNAVAILABLE);
}

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * US + t.tv_nsec / 1000;
}

/* Times of events: now, and a day ago. */
static void set_times(void)
{
	static time_t before;
	time_t now = time(NULL), old = now - 24 * 3600;
	struct tm tm;

	if (now == before)
		return;
	before = now;
	strftime(g.now_text, sizeof(g.now_text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	strftime(g.old_text, sizeof(g.old_text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&old, &tm));
}

/* ---- requests */
static enum kind kind_of(uint64_t k)
{
	switch (k % 1000) {
	case 100:
	case 300:
	case 500:
	case 700:
	case 900:
		return LATE;
	case 950:
		return DEAD;
	default:
		return k % 100 == 42 ? DUPLICATE : GOOD;
	}
}

/* A duplicate needs an id that was answered; in a batch the first line's is as good. */
static size_t put_event(struct connection *c, char *out)
{
	uint64_t k = g.next++, id = k;
	enum kind kind = kind_of(k);

	if (kind == DUPLICATE) {
		id = g.events > 1 ? c->id : g.acked_id;
		if (id == UINT64_MAX) {
			kind = GOOD;
			id = k;
		}
	}
	if (kind == GOOD && c->id == UINT64_MAX)
		c->id = k;
	c->made[kind]++;
	return (size_t)sprintf(
		out,
		"{\"event_id\":\"%s-%" PRIu64
		"\",\"event_type\":\"page_view\",\"user_id\":\"u%" PRIu64
		"\",\"timestamp\":\"%s\",\"payload\":{\"n\":%s,\"page\":\"/home\",\"referrer\":"
		"\"search\"}}",
		g.name, id, k % 1000, kind == LATE ? g.old_text : g.now_text,
		kind == DEAD ? "\"none\"" : "1");
}

static void make_request(struct connection *c, uint64_t events)
{
	enum { HEAD_BYTES = 200 };
	char head[HEAD_BYTES], *body = c->request + HEAD_BYTES;
	size_t n = 0, head_bytes;

	memset(c->made, 0, sizeof(c->made));
	c->id = UINT64_MAX;
	for (uint64_t i = 0; i < events; i++) {
		n += put_event(c, body + n);
		body[n++] = '\n';
	}
	n -= g.events == 1;
	head_bytes = (size_t)sprintf(head,
				     "POST /%s HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
				     "application/%s\r\nContent-Length: %zu\r\n\r\n",
				     g.events > 1 ? "ingest" : "events",
				     g.events > 1 ? "x-ndjson" : "json", n);
	memmove(c->request + head_bytes, body, n);
	memcpy(c->request, head, head_bytes);
	c->request_bytes = head_bytes + n;
}

static void want(struct connection *c, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = c };

	if (epoll_ctl(g.epoll, EPOLL_CTL_MOD, c->fd, &e))
		die("epoll_ctl");
}

static void send_more(struct connection *c)
{
	while (c->sent_bytes < c->request_bytes) {
		ssize_t n = send(c->fd, c->request + c->sent_bytes,
				 c->request_bytes - c->sent_bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN) {
			want(c, EPOLLIN | EPOLLOUT);
			return;
		}
		if (n < 0)
			die("send");
		c->sent_bytes += (size_t)n;
	}
}

static void begin(struct connection *c, int64_t due_us)
{
	make_request(c, g.events);
	for (int i = 0; i < KINDS; i++)
		g.sent += c->made[i];
	g.requests++;
	c->busy = true;
	c->due_us = g.rate > 0 ? due_us : now_us();
	c->sent_bytes = c->answer_bytes = 0;
	send_more(c);
}

/* ---- answers */
static void note_latency(int64_t us)
{
	if (g.answers == g.cap) {
		g.cap = g.cap ? 2 * g.cap : 1 << 16;
		g.latency_us = realloc(g.latency_us, g.cap * sizeof(*g.latency_us));
		if (!g.latency_us)
			die("memory");
	}
	g.latency_us[g.answers++] = (uint32_t)us;
}

static uint64_t number_of(const char *body, const char *member)
{
	const char *at = strstr(body, member);

	return at ? strtoull(at + strlen(member), NULL, 10) : 0;
}

static void take_answer(struct connection *c, const char *body, int64_t at_us)
{
	int status = atoi(c->answer + 9);
	uint64_t events = c->made[GOOD] + c->made[LATE] + c->made[DUPLICATE] + c->made[DEAD];

	c->busy = false;
	g.last_us = at_us;
	note_latency(at_us - c->due_us);
	if (status != 202) {
		if (!g.refused)
			fprintf(stderr, "post: refused: %.300s\n", c->answer);
		g.refused += events;
		return;
	}
	g.acked += events;
	for (int i = 0; i < KINDS; i++)
		g.by_kind[i] += c->made[i];
	if (g.events > 1)
		g.counted_duplicate += number_of(body, "\"duplicates\":");
	else
		g.counted_duplicate += strstr(body, "\"duplicate\":true") != NULL;
	if (c->id != UINT64_MAX)
		g.acked_id = c->id;
	if (at_us - g.curve_us >= CURVE_US || g.events > 1) {
		fprintf(g.curve, "%" PRId64 " %" PRIu64 "\n", at_us, g.by_kind[GOOD]);
		g.curve_us = at_us;
	}
}

static void receive(struct connection *c)
{
	ssize_t n = recv(c->fd, c->answer + c->answer_bytes,
			 sizeof(c->answer) - 1 - c->answer_bytes, MSG_DONTWAIT);
	char *body, *length;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		errno = n ? errno : ECONNRESET;
		die("an answer");
	}
	c->answer_bytes += (size_t)n;
	c->answer[c->answer_bytes] = '\0';
	body = strstr(c->answer, "\r\n\r\n");
	length = strcasestr(c->answer, "\r\ncontent-length:");
	if (!body || !length || length > body)
		return;
	body += 4;
	if (c->answer_bytes - (size_t)(body - c->answer) >= strtoul(length + 17, NULL, 10))
		take_answer(c, body, now_us());
}

/* ---- the run */
static void open_connections(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)g.port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	g.epoll = epoll_create1(0);
	g.c = calloc((size_t)g.connections, sizeof(*g.c));
	for (int i = 0; i < g.connections; i++) {
		struct connection *c = &g.c[i];
		struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };
		int one = 1;

		c->request = malloc(EVENT_BYTES * (g.events + 1));
		c->fd = socket(AF_INET, SOCK_STREAM, 0);
		if (!c->request || c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof(to)))
			die("connect");
		setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		if (epoll_ctl(g.epoll, EPOLL_CTL_ADD, c->fd, &e))
			die("epoll_ctl");
	}
}

/* When request k is due; at no rate: now. */
static int64_t due(uint64_t k, int64_t now)
{
	if (g.rate == 0)
		return now;
	return g.begun_us + (int64_t)((double)(k * g.events) * US / g.rate);
}

static struct connection *idle_one(void)
{
	static int at;

	for (int i = 0; i < g.connections; i++) {
		at = (at + 1) % g.connections;
		if (!g.c[at].busy)
			return &g.c[at];
	}
	return NULL;
}

static bool any_busy(void)
{
	for (int i = 0; i < g.connections; i++)
		if (g.c[i].busy)
			return true;
	return false;
}

/* Sends what is due; how long nothing more is, in milliseconds. */
static int send_due(int64_t end_us)
{
	struct connection *c = NULL;
	int64_t now = now_us(), next = 0;

	while (now < end_us && g.requests < g.most && (c = idle_one())) {
		next = due(g.requests, now);
		if (next > now)
			return next - now > 2000 ? (int)((next - now) / 1000) : 0;
		begin(c, next);
		now = now_us();
	}
	return 20;
}

static void wait_for(int ms)
{
	struct epoll_event e[64];
	int n = epoll_wait(g.epoll, e, 64, ms);

	for (int i = 0; i < n; i++) {
		struct connection *c = e[i].data.ptr;

		if (e[i].events & EPOLLOUT) {
			want(c, EPOLLIN);
			send_more(c);
		}
		if (e[i].events & ~(uint32_t)EPOLLOUT)
			receive(c);
	}
}

static void run(void)
{
	int64_t end_us;

	g.begun_us = g.last_us = now_us();
	end_us = g.begun_us + (int64_t)(g.seconds * US);
	for (int64_t now = g.begun_us; now < end_us || any_busy(); now = now_us()) {
		if (now > end_us + LAST_US)
			break; /* what is not answered is told as such */
		if (g.requests == g.most && !any_busy())
			break;
		set_times();
		wait_for(send_due(end_us));
	}
	fprintf(g.curve, "%" PRId64 " %" PRIu64 "\n", g.last_us, g.by_kind[GOOD]);
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static double quantile_ms(double q)
{
	size_t at = (size_t)(q * (double)g.answers);

	if (!g.answers)
		return 0;
	return g.latency_us[at < g.answers ? at : g.answers - 1] / 1e3;
}

static void tell(void)
{
	qsort(g.latency_us, g.answers, sizeof(*g.latency_us), by_value);
	printf("{\"requests\":%" PRIu64 ",\"answers\":%zu,\"sent\":%" PRIu64
	       ",\"acknowledged\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"seconds\":%.6f",
	       g.requests, g.answers, g.sent, g.acked, g.refused,
	       (double)(g.last_us - g.begun_us) / US);
	for (int i = 0; i < KINDS; i++)
		printf(",\"%s\":%" PRIu64, kinds[i], g.by_kind[i]);
	printf(",\"counted_duplicate\":%" PRIu64 ",\"p50_ms\":%.3f,\"p95_ms\":%.3f,\"p99_ms\":%.3f,"
	       "\"most_ms\":%.3f}\n",
	       g.counted_duplicate, quantile_ms(0.5), quantile_ms(0.95), quantile_ms(0.99),
	       quantile_ms(1));
}

int main(int argc, char **argv)
{
	if (argc < 8) {
		fprintf(stderr, "post: usage: post PORT RATE SECONDS CONNECTIONS EVENTS NAME CURVE "
				"[REQUESTS]\n");
		return EX_USAGE;
	}
	g.port = atoi(argv[1]);
	g.rate = atof(argv[2]);
	g.seconds = atof(argv[3]);
	g.connections = atoi(argv[4]);
	g.events = strtoull(argv[5], NULL, 10);
	g.name = argv[6];
	g.curve = fopen(argv[7], "w");
	g.most = argc > 8 ? strtoull(argv[8], NULL, 10) : UINT64_MAX;
	g.acked_id = UINT64_MAX;
	if (!g.curve || g.connections < 1 || g.events < 1)
		die(argv[7]);
	open_connections();
	run();
	tell();
	return fclose(g.curve) ? EX_IOERR : 0;
}
