/* Two connections, and on each what only one protocol answers:
 *
 *	TLS      a ClientHello      a record of TLS comes: a handshake, or an alert
 *	Kafka    SaslHandshake      its answer comes, with an error or without
 *
 * SaslHandshake (version 0) names a mechanism and no user, so nothing secret is sent, and nobody's
 * login fails. A listener without logins answers it with ILLEGAL_SASL_STATE. */
#include "drv/kafka/kafka_listener.h"

#include <netdb.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/mem.h"

/* a broker that has much else to do takes a second for its first handshake */
enum { WAIT_MS = 2000, ILLEGAL_SASL_STATE = 34, CORRELATION = 0x68746131 };

/* TLS 1.2 as clients of today say it: Kafka in Java 17.0.19 closes without an answer where groups
 * and signatures are not named. Whatever the other end makes of it is a record. */
static const unsigned char client_hello[] = {
	0x16, 0x03, 0x01, 0x00, 0x65,                   /* a record of a handshake: 101 bytes */
	0x01, 0x00, 0x00, 0x61, 0x03, 0x03,             /* ClientHello: 97 bytes, TLS 1.2 */
	'h',  't',  'a',  ' ',  'a',  's',  'k',  's',  /* 32 bytes at random */
	' ',  'w',  'h',  'a',  't',  ' ',  't',  'h',  /* .. */
	'i',  's',  ' ',  'l',  'i',  's',  't',  'e',  /* .. */
	'n',  'e',  'r',  ' ',  's',  'p',  'e',  'a',  /* .. */
	0x00,                                           /* no session */
	0x00, 0x0a, 0xc0, 0x2f, 0xc0, 0x2b, 0xc0, 0x30, /* ECDHE with AES-GCM, RSA or ECDSA */
	0xc0, 0x2c, 0x00, 0xff,                         /* .., and safe renegotiation */
	0x01, 0x00,                                     /* no compression */
	0x00, 0x2e,                                     /* extensions: 46 bytes */
	0x00, 0x0a, 0x00, 0x08, 0x00, 0x06,             /* groups: */
	0x00, 0x1d, 0x00, 0x17, 0x00, 0x18,             /* x25519, P-256, P-384 */
	0x00, 0x0b, 0x00, 0x02, 0x01, 0x00,             /* points: as they are */
	0x00, 0x0d, 0x00, 0x14, 0x00, 0x12,             /* signatures: */
	0x04, 0x03, 0x05, 0x03, 0x06, 0x03,             /* ECDSA with SHA-256, 384, 512 */
	0x08, 0x04, 0x08, 0x05, 0x08, 0x06,             /* RSA-PSS */
	0x04, 0x01, 0x05, 0x01, 0x06, 0x01,             /* RSA */
	0x00, 0x17, 0x00, 0x00,                         /* extended master secret */
};

/* SaslHandshake, version 0. */
static const unsigned char sasl_handshake[] = {
	0x00, 0x00, 0x00, 0x14,                /* 20 bytes */
	0x00, 0x11, 0x00, 0x00,                /* key 17, version 0 */
	0x68, 0x74, 0x61, 0x31,                /* CORRELATION */
	0x00, 0x03, 'h',  't',  'a',           /* client.id */
	0x00, 0x05, 'P',  'L',  'A', 'I', 'N', /* the mechanism */
};

/* A connection whose calls take WAIT_MS at most; -1. */
static int connect_to(struct slice at)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG },
			*list = NULL;
	struct timeval wait = { .tv_sec = WAIT_MS / 1000 };
	const char *colon = memrchr(at.p, ':', at.n);
	size_t n = colon ? (size_t)(colon - at.p) : 0;
	bool bracket = n > 2 && at.p[0] == '[' && at.p[n - 1] == ']';
	char *host = mem_dup(at.p + bracket, n - 2 * (size_t)bracket),
	     *port = mem_dup(at.p + n + 1, colon ? at.n - n - 1 : 0);
	int fd = -1;

	if (n && getaddrinfo(host, port, &hints, &list))
		list = NULL;
	for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
		fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0)
			continue;
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
		if (connect(fd, a->ai_addr, a->ai_addrlen)) {
			close(fd);
			fd = -1;
		}
	}
	if (list)
		freeaddrinfo(list);
	free(host);
	free(port);
	return fd;
}

/* The first n bytes of the answer; false: there are not that many. */
static bool ask(struct slice at, const void *question, size_t size, unsigned char *answer, size_t n)
{
	int fd = connect_to(at);
	size_t got = 0;
	ssize_t more = 1;

	if (fd < 0)
		return false;
	if (send(fd, question, size, MSG_NOSIGNAL) == (ssize_t)size)
		for (; got < n && more > 0; got += more > 0 ? (size_t)more : 0)
			more = recv(fd, answer + got, n - got, 0);
	close(fd);
	return got == n;
}

static uint32_t number(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

enum kafka_listener kafka_listener_ask(struct slice at)
{
	unsigned char a[10];

	if (ask(at, client_hello, sizeof(client_hello), a, 3) && (a[0] == 0x15 || a[0] == 0x16) &&
	    a[1] == 0x03)
		return KAFKA_LISTENER_TLS;
	/* length, correlation id, error */
	if (!ask(at, sasl_handshake, sizeof(sasl_handshake), a, sizeof(a)) ||
	    number(a + 4) != CORRELATION)
		return KAFKA_LISTENER_UNKNOWN;
	return (a[8] << 8 | a[9]) == ILLEGAL_SASL_STATE ? KAFKA_LISTENER_PLAIN
							: KAFKA_LISTENER_LOGIN;
}
