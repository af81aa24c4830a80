/* A whole connection of a server: bytes of HTTP/1.1 or HTTP/2, in pieces, then the end. Whatever
 * came, the server lets go of the connection and of every byte that it counted, each request that
 * an app was shown is answered once, and nothing but HTTP goes back. The first byte says which
 * protocol and how many pieces. */
#include "fuzz.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/tm.h"
#include "net/http_server.h"
#ifdef WITH_HTTP2
#include "drv/h2/h2.h"
#endif

enum { TURNS = 20000, TURN_US = 500, BODY_MOST = 1 << 16, SMALL_MOST = 8 };

static struct loop *loop;
static struct http_server *server;
static struct sockaddr_in place = { .sin_family = AF_INET };
static unsigned shown, answered;

static size_t see_head(void *arg, struct http_request *req)
{
	(void)arg;
	return req->path.n > 4 ? BODY_MOST : SMALL_MOST;
}

static enum http_more make_piece(void *arg, struct buf *out)
{
	unsigned *left = arg;

	buf_addz(out, "piece\n");
	if (*left == 0)
		return HTTP_END;
	(*left)--;
	return HTTP_MORE;
}

static void piece_closed(void *arg, bool sent)
{
	(void)sent;
	free(arg);
}

/* Paths of an even length are streamed. */
static void see_request(void *arg, struct http_request *req)
{
	unsigned *left = mem_zalloc(sizeof(*left));

	(void)arg;
	shown++;
	*left = 3;
	if (req->path.n % 2 == 0) {
		http_stream(req, &(struct http_answer){ .status = 200, .type = "text/plain" },
			    &(struct http_producer){ make_piece, piece_closed, left });
		return;
	}
	free(left);
	http_answer(req, &(struct http_answer){ .status = 200, .body = req->body });
}

static void see_answer(void *arg, const struct http_request *req, unsigned status)
{
	(void)arg, (void)req;
	MUST(status >= 200 && status < 600);
	answered++;
}

static void start(void)
{
	static const char *const listen[] = { "127.0.0.1:0" };
	const struct http_app app = { NULL, see_head, see_request, see_answer };
	struct http_conf conf = { .listen = listen, .n_listen = 1, .linger_us = 1000 };
	struct buf places = { 0 };
	struct err err = ERR_INIT;

#ifdef WITH_HTTP2
	conf.protocol = &h2_protocol;
#endif
	loop = loop_new();
	server = http_server_new(loop, &conf, &app, &err);
	MUST(server);
	http_server_places(server, &places);
	place.sin_port = htons((uint16_t)atoi(strrchr(buf_z(&places), ':') + 1));
	inet_pton(AF_INET, "127.0.0.1", &place.sin_addr);
	buf_fini(&places);
}

static void turn(void)
{
	loop_turn(loop, tm_mono_us() + TURN_US, NULL);
}

static void send_piece(int fd, struct slice piece)
{
	while (piece.n) {
		ssize_t n = send(fd, piece.p, piece.n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n <= 0)
			return;
		piece = slice(piece.p + n, piece.n - (size_t)n);
	}
}

/* What comes back until the server is done with it. False: it never was. */
static bool hear_out(int fd, struct buf *heard)
{
	for (int i = 0; i < TURNS; i++) {
		ssize_t n = recv(fd, buf_room(heard, 1 << 16), 1 << 16, MSG_DONTWAIT);

		if (n == 0 || (n < 0 && errno != EAGAIN))
			return true;
		if (n > 0)
			heard->n += (size_t)n;
		else
			turn();
	}
	return false;
}

static void converse(struct slice in, unsigned pieces, struct buf *heard)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t step = in.n / pieces + 1;

	MUST(fd >= 0 && connect(fd, (struct sockaddr *)&place, sizeof(place)) == 0);
	for (size_t at = 0; at < in.n; at += step) {
		send_piece(fd, slice(in.p + at, in.n - at < step ? in.n - at : step));
		turn();
	}
	shutdown(fd, SHUT_WR);
	MUST(hear_out(fd, heard));
	close(fd);
}

static void check_let_go(void)
{
	struct http_stats stats = { .connections = 1 };

	for (int i = 0; i < TURNS && (stats.connections || stats.busy); i++) {
		turn();
		http_server_stats(server, &stats);
	}
	MUST(stats.connections == 0 && stats.busy == 0 && stats.in_flight_bytes == 0);
	MUST(answered >= shown);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
	struct slice in = slice((const char *)data, n);
	unsigned kind = fuzz_byte(&in);
	struct buf sent = { 0 }, heard = { 0 };

	if (!server)
		start();
	shown = answered = 0;
	if (kind & 1)
		buf_add(&sent, preface, sizeof(preface) - 1);
	buf_adds(&sent, in);
	converse(buf_slice(&sent), 1 + (kind >> 1) % 3, &heard);
	check_let_go();
	MUST(kind & 1 || heard.n < 9 || memcmp(heard.p, "HTTP/1.1 ", 9) == 0 ||
	     (sent.n > 3 && memcmp(sent.p, "PRI", 3) == 0));
	buf_fini(&sent);
	buf_fini(&heard);
	return 0;
}
