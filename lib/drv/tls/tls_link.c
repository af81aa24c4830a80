/* One connection's TLS.
 *
 *	client's bytes --recv--> OpenSSL --> read
 *	write --> OpenSSL --a record--> send, and what the socket does not take --> unsent
 *
 * OpenSSL's own way with a full socket is to have a write tried again with the same bytes; who
 * writes here may have dropped some of them meanwhile (a push that is out of date). So a record
 * that was made is always taken: what the socket has no room for waits in `unsent`, and nothing is
 * written before that is gone. OpenSSL never waits for the socket to take something.
 *
 * One recv brings as many records as there are, up to OpenSSL's buffer. If it brought less than
 * was asked for and no record of it is left, the socket is empty: an edge will tell of more. */
#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "drv/tls/tls_internal.h"

enum { RECORD_BYTES = 16 << 10, UNSENT_BYTES = 128 << 10, NAME_BYTES = 64 };

struct tls_link {
	SSL *ssl;
	int fd;
	bool drained; /* the last recv brought less than was asked for */
	bool ended;   /* nothing more comes from the socket */
	bool failed;  /* OpenSSL, or the socket: nothing goes any more */
	struct buf unsent;
	size_t unsent_at;
	char name[NAME_BYTES + 2]; /* the client's */
};

/* ---- the socket, as OpenSSL sees it */
static int read_bytes(BIO *bio, char *p, int n)
{
	struct tls_link *l = BIO_get_data(bio);
	ssize_t got;

	BIO_clear_retry_flags(bio);
	if (l->failed)
		return -1;
	do
		got = recv(l->fd, p, (size_t)n, MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	l->drained = got < n;
	l->ended |= got == 0;
	if (got < 0 && errno == EAGAIN)
		BIO_set_retry_read(bio);
	return (int)got;
}

/* How much the socket takes; -1: none, ever. */
static ssize_t send_some(struct tls_link *l, const char *p, size_t n)
{
	ssize_t sent;

	do
		sent = send(l->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (sent < 0 && errno == EINTR);
	if (sent < 0 && errno == EAGAIN)
		return 0;
	l->failed |= sent < 0;
	return sent;
}

static int write_bytes(BIO *bio, const char *p, int n)
{
	struct tls_link *l = BIO_get_data(bio);
	ssize_t sent = l->unsent.n || l->failed ? 0 : send_some(l, p, (size_t)n);

	BIO_clear_retry_flags(bio);
	l->failed |= l->unsent.n + (size_t)n > UNSENT_BYTES;
	if (l->failed)
		return -1;
	buf_add(&l->unsent, p + sent, (size_t)(n - sent));
	return n;
}

static long control_socket(BIO *bio, int command, long n, void *p)
{
	const struct tls_link *l = BIO_get_data(bio);

	(void)n;
	(void)p;
	if (command == BIO_CTRL_EOF)
		return l->ended;
	return command == BIO_CTRL_FLUSH;
}

BIO_METHOD *tls_link_socket(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "hta socket");

	if (!m)
		return NULL;
	BIO_meth_set_read(m, read_bytes);
	BIO_meth_set_write(m, write_bytes);
	BIO_meth_set_ctrl(m, control_socket);
	return m;
}

void tls_link_told(const SSL *ssl, int where, int what)
{
	struct tls_link *l = BIO_get_data(SSL_get_rbio(ssl));

	if (where == SSL_CB_WRITE_ALERT && (what & 0xff) == SSL_AD_NO_RENEGOTIATION)
		l->failed = true;
}

/* ---- from open to close */
static void *open_link(void *arg, int fd)
{
	const struct tls *t = arg;
	struct tls_link *l = mem_zalloc(sizeof(*l));
	BIO *bio = BIO_new(t->socket);

	l->fd = fd;
	l->ssl = SSL_new(t->context);
	if (!l->ssl || !bio) {
		SSL_free(l->ssl);
		BIO_free(bio);
		free(l);
		return NULL;
	}
	BIO_set_data(bio, l);
	BIO_set_init(bio, 1);
	SSL_set_bio(l->ssl, bio, bio);
	SSL_set_accept_state(l->ssl);
	return l;
}

static void close_link(void *link)
{
	struct tls_link *l = link;

	SSL_free(l->ssl);
	buf_fini(&l->unsent);
	free(l);
}

static void take_name(struct tls_link *l)
{
	X509 *cert = SSL_get0_peer_certificate(l->ssl);
	int n;

	if (!cert)
		return;
	n = X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, l->name,
				      sizeof(l->name));
	/* A NUL in the name would end it where its signer did not, and so would its length. */
	if (n < 0 || n > NAME_BYTES || (size_t)n != strlen(l->name))
		l->name[0] = '\0';
}

static enum http_handshake shake(void *link)
{
	struct tls_link *l = link;
	int rc, reason;

	ERR_clear_error();
	rc = SSL_do_handshake(l->ssl);
	if (rc == 1) {
		take_name(l);
		return HTTP_SHAKEN;
	}
	if (SSL_get_error(l->ssl, rc) == SSL_ERROR_WANT_READ && !l->failed)
		return HTTP_SHAKE_WAITS;
	reason = ERR_GET_REASON(ERR_peek_error());
	ERR_clear_error();
	l->failed = true;
	return reason == SSL_R_HTTP_REQUEST ? HTTP_SHAKE_PLAIN : HTTP_SHAKE_FAILED;
}

/* ---- reading */
/* OpenSSL has no more bytes; why. */
static ssize_t judge_read(struct tls_link *l, int rc)
{
	int code = SSL_get_error(l->ssl, rc);

	ERR_clear_error();
	if (code == SSL_ERROR_ZERO_RETURN)
		return HTTP_LINK_ENDED;
	if (code == SSL_ERROR_WANT_READ && !l->failed)
		return 0;
	l->failed = true;
	return HTTP_LINK_BROKEN;
}

static ssize_t read_link(void *link, char *p, size_t n, bool *more)
{
	struct tls_link *l = link;
	size_t got = 0;

	ERR_clear_error();
	*more = true;
	if (l->failed)
		return HTTP_LINK_BROKEN;
	while (got < n) {
		int some = n - got > INT32_MAX ? INT32_MAX : (int)(n - got);
		int rc = SSL_read(l->ssl, p + got, some);
		if (rc <= 0) {
			ssize_t why = judge_read(l, rc);
			*more = why < 0;
			return got ? (ssize_t)got : why;
		}
		got += (size_t)rc;
		*more = !l->drained || SSL_has_pending(l->ssl);
		if (!*more)
			break;
	}
	return (ssize_t)got;
}

/* ---- writing */
static int send_unsent(struct tls_link *l)
{
	while (l->unsent_at < l->unsent.n) {
		ssize_t sent = send_some(l, l->unsent.p + l->unsent_at, l->unsent.n - l->unsent_at);
		if (sent <= 0)
			return sent < 0 ? HTTP_LINK_BROKEN : HTTP_LINK_BLOCKED;
		l->unsent_at += (size_t)sent;
	}
	buf_fini(&l->unsent);
	l->unsent_at = 0;
	return 0;
}

/* The first bytes of the pieces, in one piece of a record at most. */
static struct slice first_record(const struct iovec *v, int n, char room[RECORD_BYTES])
{
	size_t filled = 0;

	if (n == 1 || v->iov_len >= RECORD_BYTES)
		return slice(v->iov_base, v->iov_len < RECORD_BYTES ? v->iov_len : RECORD_BYTES);
	for (int i = 0; i < n && filled < RECORD_BYTES; i++) {
		size_t some = v[i].iov_len;
		if (some > RECORD_BYTES - filled)
			some = RECORD_BYTES - filled;
		memcpy(room + filled, v[i].iov_base, some);
		filled += some;
	}
	return slice(room, filled);
}

static ssize_t write_link(void *link, const struct iovec *v, int n)
{
	struct tls_link *l = link;
	char room[RECORD_BYTES];
	struct slice record;
	int rc = l->failed ? HTTP_LINK_BROKEN : send_unsent(l);

	if (rc || n == 0)
		return rc;
	record = first_record(v, n, room);
	ERR_clear_error();
	rc = SSL_write(l->ssl, record.p, (int)record.n);
	if (rc > 0)
		return rc;
	ERR_clear_error();
	l->failed = true;
	return HTTP_LINK_BROKEN;
}

static size_t pending_of(const void *link)
{
	const struct tls_link *l = link;

	return l->unsent.n - l->unsent_at;
}

static void end_link(void *link)
{
	struct tls_link *l = link;

	ERR_clear_error();
	if (!l->failed)
		SSL_shutdown(l->ssl);
	ERR_clear_error();
}

static struct slice protocol_of(const void *link)
{
	const unsigned char *p;
	unsigned n;

	SSL_get0_alpn_selected(((const struct tls_link *)link)->ssl, &p, &n);
	return slice((const char *)p, n);
}

static struct slice peer_of(const void *link)
{
	return slice_z(((const struct tls_link *)link)->name);
}

const struct http_transport tls_links = {
	.open = open_link,
	.handshake = shake,
	.read = read_link,
	.write = write_link,
	.pending = pending_of,
	.end = end_link,
	.protocol = protocol_of,
	.peer = peer_of,
	.close = close_link,
};
