/* A client's side, by OpenSSL.
 *
 *	socket <--recv, send--> BIO <--records--> SSL <--bytes--> driver
 *
 * The BIO is our own, as OpenSSL's raises SIGPIPE. What went wrong is told by three things, asked
 * in this order: the result of the verification, the reason in OpenSSL's queue (an alert of the
 * server among them), the socket's errno.
 *
 * In TLS 1.3 a server looks at our certificate when the handshake is over for us: its refusal comes
 * as an alert to the first read, or a write fails, as it has closed already. So a write that fails
 * looks for an alert. */
#include "net/tls_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/str.h"
#include "net/tls_files.h"

struct tls_client {
	SSL_CTX *context;
	BIO_METHOD *socket;
};

struct tls_conn {
	SSL *ssl;
	char *name;
	int fd;
	int why;    /* errno of the socket; 0: none */
	bool ended; /* the server has closed */
	bool failed;
};

/* ---- the socket, as OpenSSL sees it */

static int read_socket(BIO *bio, char *p, int n)
{
	struct tls_conn *c = BIO_get_data(bio);
	ssize_t got;

	BIO_clear_retry_flags(bio);
	do
		got = recv(c->fd, p, (size_t)n, MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno == EAGAIN)
		BIO_set_retry_read(bio);
	else if (got < 0)
		c->why = errno;
	c->ended |= got == 0;
	return (int)got;
}

static int write_socket(BIO *bio, const char *p, int n)
{
	struct tls_conn *c = BIO_get_data(bio);
	ssize_t sent;

	BIO_clear_retry_flags(bio);
	do
		sent = send(c->fd, p, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (sent < 0 && errno == EINTR);
	if (sent < 0 && errno == EAGAIN)
		BIO_set_retry_write(bio);
	else if (sent < 0)
		c->why = errno;
	return (int)sent;
}

static long control_socket(BIO *bio, int command, long n, void *p)
{
	const struct tls_conn *c = BIO_get_data(bio);

	(void)n;
	(void)p;
	if (command == BIO_CTRL_EOF)
		return c->ended;
	return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *socket_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK,
				     "hta client's socket");

	if (!m)
		return NULL;
	BIO_meth_set_read(m, read_socket);
	BIO_meth_set_write(m, write_socket);
	BIO_meth_set_ctrl(m, control_socket);
	return m;
}

/* ---- the client */

static int read_files(SSL_CTX *context, const struct tls_client_conf *conf, struct err *err)
{
	int64_t not_after_s;

	if (conf->ca && tls_files_authorities(context, conf->ca, err))
		return -1;
	if (!conf->ca && SSL_CTX_set_default_verify_paths(context) != 1)
		return err_set(err, EX_CONFIG, "the system's certificates cannot be read");
	if (!conf->cert)
		return 0;
	if (tls_files_cert(context, conf->cert, &not_after_s, err))
		return -1;
	return tls_files_key(context, conf->key, conf->cert, err);
}

static SSL_CTX *new_context(void)
{
	SSL_CTX *c = SSL_CTX_new(TLS_client_method());

	if (!c)
		return NULL;
	SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
	SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				    SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(c, 1);
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
	return c;
}

struct tls_client *tls_client_new(const struct tls_client_conf *conf, struct err *err)
{
	struct tls_client *c = mem_zalloc(sizeof(*c));

	c->context = new_context();
	c->socket = socket_method();
	if (!c->context || !c->socket)
		err_set(err, EX_TEMPFAIL, "OpenSSL cannot be set up");
	else if (read_files(c->context, conf, err) == 0)
		return c;
	ERR_clear_error();
	tls_client_free(c);
	return NULL;
}

void tls_client_free(struct tls_client *c)
{
	if (!c)
		return;
	SSL_CTX_free(c->context);
	BIO_meth_free(c->socket);
	free(c);
}

/* ---- connections */

static bool is_address(const char *name)
{
	struct in6_addr a;

	return inet_pton(AF_INET, name, &a) == 1 || inet_pton(AF_INET6, name, &a) == 1;
}

static bool ask_for(SSL *ssl, const char *name)
{
	if (is_address(name))
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
	return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

struct tls_conn *tls_conn_new(const struct tls_client *client, int fd, const char *name)
{
	struct tls_conn *c = mem_zalloc(sizeof(*c));
	BIO *bio = BIO_new(client->socket);

	c->fd = fd;
	c->name = mem_strdup(name);
	c->ssl = SSL_new(client->context);
	if (!c->ssl || !bio) {
		BIO_free(bio);
		tls_conn_free(c);
		return NULL;
	}
	BIO_set_data(bio, c);
	BIO_set_init(bio, 1);
	SSL_set_bio(c->ssl, bio, bio);
	SSL_set_connect_state(c->ssl);
	c->failed = !ask_for(c->ssl, name); /* a name that is none: no certificate has it */
	ERR_clear_error();
	return c;
}

void tls_conn_free(struct tls_conn *c)
{
	if (!c)
		return;
	if (c->ssl && !c->failed && SSL_is_init_finished(c->ssl))
		SSL_shutdown(c->ssl);
	ERR_clear_error();
	SSL_free(c->ssl);
	free(c->name);
	free(c);
}

/* ---- what went wrong */

/* Alerts by which a server says what it thinks of our certificate. */
static bool refuses_us(int reason)
{
	static const int alerts[] = {
		SSL_R_SSLV3_ALERT_BAD_CERTIFICATE,     SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE,
		SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED,
		SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, SSL_R_TLSV1_ALERT_UNKNOWN_CA,
		SSL_R_TLSV1_ALERT_ACCESS_DENIED,       SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED,
	};

	for (size_t i = 0; i < sizeof(alerts) / sizeof(*alerts); i++)
		if (alerts[i] == reason)
			return true;
	return false;
}

static bool has_none(const struct tls_conn *c)
{
	return !SSL_get_certificate(c->ssl);
}

static int tell_unverified(const struct tls_conn *c, long result, struct err *err)
{
	static const char intro[] = "the server's certificate is not accepted";

	if (result == X509_V_ERR_HOSTNAME_MISMATCH || result == X509_V_ERR_IP_ADDRESS_MISMATCH)
		return err_set(err, EX_CONFIG, "%s: it is not for %s", intro, c->name);
	if (result == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN ||
	    result == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT ||
	    result == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY)
		return err_set(err, EX_CONFIG, "%s: who has signed it is not known here", intro);
	return err_set(err, EX_CONFIG, "%s: %s", intro, X509_verify_cert_error_string(result));
}

static int tell_reason(const struct tls_conn *c, int reason, const char *text, struct err *err)
{
	bool shaking = !SSL_is_init_finished(c->ssl);

	if (shaking && reason == SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE)
		return err_set(err, EX_CONFIG,
			       "the server refuses the handshake: no common "
			       "cipher, or it wants a certificate of ours");
	if (refuses_us(reason))
		return err_set(err, EX_CONFIG, "the server %s: %s",
			       has_none(c) ? "wants a certificate of ours, and there is none"
					   : "does not accept our certificate",
			       text);
	if (shaking && (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST))
		return err_set(err, EX_CONFIG, "what answers there does not speak TLS");
	if (shaking &&
	    (reason == SSL_R_UNSUPPORTED_PROTOCOL || reason == SSL_R_TLSV1_ALERT_PROTOCOL_VERSION))
		return err_set(err, EX_CONFIG, "the server does not speak TLS 1.2 or newer");
	return err_set(err, EX_TEMPFAIL, "TLS: %s", text);
}

static int tell_failure(struct tls_conn *c, int code, struct err *err)
{
	unsigned long e = ERR_peek_error();
	const char *text = ERR_reason_error_string(e);
	int reason = ERR_GET_REASON(e);

	ERR_clear_error();
	c->failed = true;
	if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
		return tell_unverified(c, SSL_get_verify_result(c->ssl), err);
	if (code == SSL_ERROR_ZERO_RETURN || c->ended)
		return err_set(err, EX_TEMPFAIL, "the server closed the connection%s",
			       SSL_is_init_finished(c->ssl) ? "" : " in the handshake of TLS");
	if (code == SSL_ERROR_SSL && e)
		return tell_reason(c, reason, text ? text : "an error without a name", err);
	return err_set(err, EX_TEMPFAIL, "%s", strerror(c->why ? c->why : EIO));
}

/* ---- steps */

static int judge_step(struct tls_conn *c, int rc, short *events, struct err *err)
{
	int code = SSL_get_error(c->ssl, rc);

	if (code != SSL_ERROR_WANT_READ && code != SSL_ERROR_WANT_WRITE)
		return tell_failure(c, code, err);
	ERR_clear_error();
	*events = code == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
	return 0;
}

int tls_conn_handshake(struct tls_conn *c, short *events, struct err *err)
{
	int rc;

	if (c->failed)
		return err_set(err, EX_CONFIG, "\"%s\": no certificate is for such a name",
			       c->name);
	ERR_clear_error();
	rc = SSL_do_handshake(c->ssl);
	return rc == 1 ? 1 : judge_step(c, rc, events, err);
}

static int limited(size_t n)
{
	return n > INT32_MAX ? INT32_MAX : (int)n;
}

ssize_t tls_conn_read(struct tls_conn *c, void *p, size_t n, short *events, struct err *err)
{
	int rc;

	ERR_clear_error();
	rc = SSL_read(c->ssl, p, limited(n));
	return rc > 0 ? rc : judge_step(c, rc, events, err);
}

/* The server's reason for closing, where it has said one. */
static int look_for_alert(struct tls_conn *c, struct err *err)
{
	struct err read;
	short events;
	char p;

	if (tls_conn_read(c, &p, 1, &events, &read) < 0 && read.code == EX_CONFIG)
		err_copy(err, &read);
	return -1;
}

ssize_t tls_conn_write(struct tls_conn *c, const void *p, size_t n, short *events, struct err *err)
{
	int rc;

	ERR_clear_error();
	rc = SSL_write(c->ssl, p, limited(n));
	if (rc <= 0 && judge_step(c, rc, events, err) < 0)
		return look_for_alert(c, err);
	return rc > 0 ? rc : 0;
}
