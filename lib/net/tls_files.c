/* A context's files (PEM). What OpenSSL has to say about a file is one word of its queue of errors,
 * behind the file's name. */
#include "net/tls_files.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <time.h>

#include "io/owned_file.h"

enum { FILE_BYTES = 256 << 10, CHAIN_DEPTH = 8, TIME_BYTES = 32 };

static int ssl_failed(const char *path, const char *what, struct err *err)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	ERR_clear_error();
	return err_set(err, EX_CONFIG, "%s: %s%s%s", path, what, reason ? ": " : "",
		       reason ? reason : "");
}

/* ---- bytes */
/* Its text as OpenSSL reads it, lent by text. */
static BIO *read_file(const char *path, bool is_key, struct buf *text, struct err *err)
{
	BIO *bio;

	if (owned_file_read(path, is_key, FILE_BYTES, text, err))
		return NULL;
	bio = BIO_new_mem_buf(text->p, (int)text->n);
	if (!bio)
		ssl_failed(path, "cannot be read", err);
	return bio;
}

static void drop_file(BIO *bio, struct buf *text)
{
	BIO_free(bio);
	owned_file_wipe(text);
}

/* The next certificate of a file; NULL: there is none, *bad: what comes is none. */
static X509 *next_cert(BIO *bio, bool *bad)
{
	X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	*bad = !cert && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE;
	if (!*bad)
		ERR_clear_error();
	return cert;
}

/* ---- the certificate */
static int seconds_of(const ASN1_TIME *t, int64_t *out)
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(t, &tm))
		return -1;
	*out = timegm(&tm);
	return 0;
}

static int check_times(const char *path, const X509 *cert, int64_t *not_after_s, struct err *err)
{
	int64_t not_before_s, now_s = time(NULL);
	char text[TIME_BYTES];
	time_t t;

	if (seconds_of(X509_get0_notBefore(cert), &not_before_s) ||
	    seconds_of(X509_get0_notAfter(cert), not_after_s))
		return ssl_failed(path, "the certificate's times are no good", err);
	t = now_s > *not_after_s ? *not_after_s : not_before_s;
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime(&t));
	if (now_s > *not_after_s)
		return err_set(err, EX_CONFIG, "%s: the certificate expired at %s", path, text);
	if (now_s < not_before_s)
		return err_set(err, EX_CONFIG, "%s: the certificate is not good before %s", path,
			       text);
	return 0;
}

static int use_chain(SSL_CTX *context, const char *path, BIO *bio, struct err *err)
{
	X509 *cert;
	bool bad;

	while ((cert = next_cert(bio, &bad)) != NULL)
		if (!SSL_CTX_add0_chain_cert(context, cert)) {
			X509_free(cert);
			return ssl_failed(path, "a certificate cannot be used", err);
		}
	return bad ? ssl_failed(path, "what stands behind the first certificate is none", err) : 0;
}

static int use_cert(SSL_CTX *context, const char *path, BIO *bio, int64_t *not_after_s,
		    struct err *err)
{
	bool bad;
	X509 *cert = next_cert(bio, &bad);
	int rc;

	if (!cert)
		return ssl_failed(path, "there is no certificate in it (PEM)", err);
	rc = check_times(path, cert, not_after_s, err);
	if (rc == 0 && SSL_CTX_use_certificate(context, cert) != 1)
		rc = ssl_failed(path, "the certificate cannot be used", err);
	X509_free(cert);
	return rc ? -1 : use_chain(context, path, bio, err);
}

int tls_files_cert(SSL_CTX *context, const char *path, int64_t *not_after_s, struct err *err)
{
	struct buf text = { 0 };
	BIO *bio = read_file(path, false, &text, err);
	int rc = bio ? use_cert(context, path, bio, not_after_s, err) : -1;

	drop_file(bio, &text);
	return rc;
}

/* ---- the key */
/* Nobody is asked for a passphrase. */
static int no_passphrase(char *out, int size, int writes, void *asked)
{
	(void)out;
	(void)size;
	(void)writes;
	*(bool *)asked = true;
	return -1;
}

static int use_key(SSL_CTX *context, const char *path, const char *cert, BIO *bio, struct err *err)
{
	bool asked = false;
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &asked);
	int rc = 0;

	if (!key && asked) {
		ERR_clear_error();
		return err_set(
			err, EX_CONFIG,
			"%s: the key is protected by a passphrase, which nobody is asked for",
			path);
	}
	if (!key)
		return ssl_failed(path, "there is no private key in it (PEM)", err);
	if (SSL_CTX_use_PrivateKey(context, key) != 1 || SSL_CTX_check_private_key(context) != 1) {
		ERR_clear_error();
		rc = err_set(err, EX_CONFIG, "%s: the key is not that of the certificate in %s",
			     path, cert);
	}
	EVP_PKEY_free(key);
	return rc;
}

int tls_files_key(SSL_CTX *context, const char *path, const char *cert, struct err *err)
{
	struct buf text = { 0 };
	BIO *bio = read_file(path, true, &text, err);
	int rc = bio ? use_key(context, path, cert, bio, err) : -1;

	drop_file(bio, &text);
	return rc;
}

/* ---- who signs certificates of the other side */
static int use_authorities(SSL_CTX *context, const char *path, BIO *bio, struct err *err)
{
	X509_STORE *store = SSL_CTX_get_cert_store(context);
	size_t n = 0;
	X509 *cert;
	bool bad;

	for (; (cert = next_cert(bio, &bad)) != NULL; n++) {
		bool taken = X509_STORE_add_cert(store, cert) == 1 &&
			     SSL_CTX_add_client_CA(context, cert) == 1;
		X509_free(cert);
		if (!taken)
			return ssl_failed(path, "a certificate cannot be used", err);
	}
	if (bad || !n)
		return ssl_failed(path, "there is no certificate in it (PEM)", err);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_verify_depth(context, CHAIN_DEPTH);
	return 0;
}

int tls_files_authorities(SSL_CTX *context, const char *path, struct err *err)
{
	struct buf text = { 0 };
	BIO *bio = read_file(path, false, &text, err);
	int rc = bio ? use_authorities(context, path, bio, err) : -1;

	drop_file(bio, &text);
	return rc;
}
