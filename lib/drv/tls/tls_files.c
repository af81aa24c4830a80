/* A context's files. Each is read whole before anything is made of it, so that what is checked (the
 * mode of the key's file) is what is read. The key's bytes are wiped.
 *
 * What OpenSSL has to say about a file is one word of its queue of errors, behind the file's name.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "drv/tls/tls_internal.h"
#include "io/fd.h"

enum { FILE_BYTES = 256 << 10, CHAIN_DEPTH = 8, TIME_BYTES = 32 };

static int ssl_failed(const char *path, const char *what, struct err *err)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	ERR_clear_error();
	return err_set(err, EX_CONFIG, "%s: %s%s%s", path, what, reason ? ": " : "",
		       reason ? reason : "");
}

/* ---- bytes */
/* A private key may be read by its owner; one of root's by a group, which is how a service that
 * is not root gets it. */
static int check_rights(const char *path, const struct stat *st, struct err *err)
{
	unsigned more = st->st_mode & 0777 & (st->st_uid == 0 ? ~0740u : ~0700u);

	if (st->st_uid != 0 && st->st_uid != geteuid())
		return err_set(err, EX_CONFIG, "%s: the key is another user's", path);
	if (more)
		return err_set(err, EX_CONFIG,
			       "%s: others can read or write it: chmod 600 %s (640 where it is "
			       "root's)",
			       path, path);
	return 0;
}

static int read_whole(int fd, const char *path, bool is_key, struct buf *text, struct err *err)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return err_errno(err, EX_CONFIG, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, EX_CONFIG, "%s: is no file, which could be read again", path);
	if (is_key && check_rights(path, &st, err))
		return -1;
	buf_room(text, FILE_BYTES + 1); /* once: no copy of a key stays behind */
	do {
		n = read(fd, text->p + text->n, FILE_BYTES + 1 - text->n);
		text->n += n > 0 ? (size_t)n : 0;
	} while ((n > 0 && text->n <= FILE_BYTES) || (n < 0 && errno == EINTR));
	if (n < 0)
		return err_errno(err, EX_CONFIG, "%s", path);
	return n ? err_set(err, EX_CONFIG, "%s: more than %d KiB", path, FILE_BYTES >> 10) : 0;
}

/* Its text as OpenSSL reads it, lent by text. */
static BIO *read_file(const char *path, bool is_key, struct buf *text, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	BIO *bio = NULL;

	if (fd < 0) {
		err_errno(err, fd_open_code(errno), "%s", path);
		return NULL;
	}
	if (read_whole(fd, path, is_key, text, err) == 0) {
		bio = BIO_new_mem_buf(text->p, (int)text->n);
		if (!bio)
			ssl_failed(path, "cannot be read", err);
	}
	close(fd);
	return bio;
}

static void drop_file(BIO *bio, struct buf *text)
{
	BIO_free(bio);
	if (text->p)
		OPENSSL_cleanse(text->p, text->n);
	buf_fini(text);
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

static int read_cert(SSL_CTX *context, const char *path, int64_t *not_after_s, struct err *err)
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

static int use_key(SSL_CTX *context, const struct tls_files *files, BIO *bio, struct err *err)
{
	bool asked = false;
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &asked);
	int rc = 0;

	if (!key && asked) {
		ERR_clear_error();
		return err_set(
			err, EX_CONFIG,
			"%s: the key is protected by a passphrase, which nobody is asked for",
			files->key);
	}
	if (!key)
		return ssl_failed(files->key, "there is no private key in it (PEM)", err);
	if (SSL_CTX_use_PrivateKey(context, key) != 1 || SSL_CTX_check_private_key(context) != 1) {
		ERR_clear_error();
		rc = err_set(err, EX_CONFIG, "%s: the key is not that of the certificate in %s",
			     files->key, files->cert);
	}
	EVP_PKEY_free(key);
	return rc;
}

static int read_key(SSL_CTX *context, const struct tls_files *files, struct err *err)
{
	struct buf text = { 0 };
	BIO *bio = read_file(files->key, true, &text, err);
	int rc = bio ? use_key(context, files, bio, err) : -1;

	drop_file(bio, &text);
	return rc;
}

/* ---- who signs clients' certificates */
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

static int read_authorities(SSL_CTX *context, const char *path, struct err *err)
{
	struct buf text = { 0 };
	BIO *bio = read_file(path, false, &text, err);
	int rc = bio ? use_authorities(context, path, bio, err) : -1;

	drop_file(bio, &text);
	return rc;
}

int tls_read_files(SSL_CTX *context, const struct tls_files *files, int64_t *not_after_s,
		   struct err *err)
{
	if (read_cert(context, files->cert, not_after_s, err) || read_key(context, files, err))
		return -1;
	return files->client_ca ? read_authorities(context, files->client_ca, err) : 0;
}
