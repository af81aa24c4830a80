#include "drv/tls/tls_internal.h"

#include <openssl/err.h>
#include <stdlib.h>

#include "base/mem.h"
#include "net/tls_files.h"

/* Picks out of a client's list: elements are a length and so many bytes. */
static int pick_protocol(SSL *ssl, const unsigned char **out, unsigned char *n,
			 const unsigned char *offered, unsigned offered_bytes, void *arg)
{
	static const unsigned char ours[] = "\x02h2\x08http/1.1\x08http/1.0";
	const struct tls *t = arg;
	unsigned skipped = t->files.http2 ? 0 : 3;
	unsigned char *picked;

	(void)ssl;
	if (SSL_select_next_proto(&picked, n, ours + skipped, sizeof(ours) - 1 - skipped, offered,
				  offered_bytes) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = picked;
	return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *new_context(struct tls *t)
{
	SSL_CTX *c = SSL_CTX_new(TLS_server_method());

	if (!c)
		return NULL;
	SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
	/* An end without a word is an end: HTTP says itself how long everything is. */
	SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
				       SSL_OP_CIPHER_SERVER_PREFERENCE |
				       SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_num_tickets(c, 0);
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(c, 1);
	SSL_CTX_set_info_callback(c, tls_link_told);
	SSL_CTX_set_alpn_select_cb(c, pick_protocol, t);
	return c;
}

/* Certificate, key and authority into the context. EX_CONFIG */
static int read_files(SSL_CTX *context, const struct tls_files *files, int64_t *not_after_s,
		      struct err *err)
{
	if (tls_files_cert(context, files->cert, not_after_s, err) ||
	    tls_files_key(context, files->key, files->cert, err))
		return -1;
	return files->client_ca ? tls_files_authorities(context, files->client_ca, err) : 0;
}

static int reload_files(struct tls *t, struct err *err)
{
	SSL_CTX *context = new_context(t);
	int64_t not_after_s;

	if (!context) {
		ERR_clear_error();
		return err_set(err, EX_TEMPFAIL, "OpenSSL cannot be set up");
	}
	if (read_files(context, &t->files, &not_after_s, err)) {
		SSL_CTX_free(context);
		return -1;
	}
	SSL_CTX_free(t->context);
	t->context = context;
	t->not_after_s = not_after_s;
	return 0;
}

static void free_tls(struct tls *t)
{
	if (!t)
		return;
	SSL_CTX_free(t->context);
	BIO_meth_free(t->socket);
	free(t);
}

static struct tls *open_tls(const struct tls_files *files, struct err *err)
{
	struct tls *t = mem_zalloc(sizeof(*t));

	t->files = *files;
	t->transport = tls_links;
	t->transport.arg = t;
	t->socket = tls_link_socket();
	if (!t->socket) {
		err_set(err, EX_TEMPFAIL, "OpenSSL cannot be set up");
		goto free_tls;
	}
	if (reload_files(t, err))
		goto free_tls;
	return t;
free_tls:
	free_tls(t);
	return NULL;
}

static int64_t not_after_s(const struct tls *t)
{
	return t->not_after_s;
}

static const struct http_transport *transport_of(struct tls *t)
{
	return &t->transport;
}

const struct tls_driver tls_openssl = { open_tls, reload_files, not_after_s, transport_of,
					free_tls };
