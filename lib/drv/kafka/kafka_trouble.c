/* OpenSSL's errors stand in librdkafka's texts as "error:0A000086:SSL routines::...": a number of
 * a library, 20 for SSL, and a reason. A reason of 1000 or more is an alert of TLS, which the other
 * end sent.
 *
 * That a certificate of the broker was refused is one reason of OpenSSL's, 134, and one line of
 * librdkafka's whatever is wrong with it. Which it is a callback was told (kafka_heard.h).
 *
 * A connection in state UP has had the answer to ApiVersions, which a broker gives to anybody.
 * Where it closes what it gave that answer to, it did not like the next question: it wants a
 * login first. Or it is leaving, so once is not enough. */
#include "drv/kafka/kafka_trouble.h"

#include <stdint.h>
#include <stdlib.h>

enum { LIB_SSL = 20, VERIFY_FAILED = 134, UNEXPECTED_EOF = 294, ALERTS = 1000 };

/* The reason of OpenSSL's SSL library, 0: none. OpenSSL 3 has 23 bits of it, 1.1 has 12. */
static unsigned tls_reason(const char *text)
{
	const char *at = strstr(text, "error:");
	unsigned long code = at ? strtoul(at + 6, NULL, 16) : 0;

	if (code >> 23 == LIB_SSL)
		return code & 0x7fffff;
	return code >> 24 == LIB_SSL ? code & 0xfff : 0;
}

bool kafka_trouble_lasts(const char *text)
{
	static const unsigned reasons[] = {
		VERIFY_FAILED,
		267 /* wrong version number: that is no TLS */,
		ALERTS + 40 /* handshake failure */,
		ALERTS + 42 /* bad certificate */,
		ALERTS + 43 /* unsupported certificate */,
		ALERTS + 44 /* certificate revoked */,
		ALERTS + 45 /* certificate expired */,
		ALERTS + 46 /* certificate unknown */,
		ALERTS + 48 /* unknown CA */,
		ALERTS + 49 /* access denied */,
		ALERTS + 70 /* protocol version */,
		ALERTS + 116 /* certificate required */,
	};
	unsigned reason = tls_reason(text);

	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
		if (reason == reasons[i])
			return true;
	return false;
}

/* "h:1/bootstrap", "ssl://h:1/1001" without what it is to librdkafka. */
static struct slice without_node(struct slice name)
{
	const char *slash = memrchr(name.p, '/', name.n);

	if (slash && slash > name.p && slash[-1] != '/')
		name.n = (size_t)(slash - name.p);
	return name;
}

static struct slice without_state(struct slice text)
{
	static const char start[] = " (after ";
	const size_t n = sizeof(start) - 1;

	if (text.n == 0 || text.p[text.n - 1] != ')')
		return text;
	for (size_t at = text.n - 1; at-- > 0;)
		if (text.n - at > n && memcmp(text.p + at, start, n) == 0)
			return slice(text.p, at);
	return text;
}

void kafka_trouble_text(const char *said, struct buf *out)
{
	const char *end = strncmp(said, "[thrd:", 6) == 0 ? strstr(said, "]: ") : NULL;
	struct slice text = without_state(slice_z(end ? end + 3 : said));
	const char *colon = memmem(text.p, text.n, ": ", 2);

	if (colon) {
		buf_adds(out, without_node(slice(text.p, (size_t)(colon - text.p))));
		text = slice(colon, text.n - (size_t)(colon - text.p));
	}
	if (text.n && text.p[text.n - 1] == '.')
		text.n--;
	buf_adds(out, text);
	if (tls_reason(said) == UNEXPECTED_EOF)
		buf_addz(out, ": might be a listener without TLS (security.protocol)");
}

/* ---- what is wrong, and what to do */

/* Appends "HOST:PORT: ". */
static void add_broker(const char *said, struct buf *out)
{
	struct buf text = { 0 };
	const char *colon;

	kafka_trouble_text(said, &text);
	colon = strstr(buf_z(&text), ": ");
	if (colon)
		buf_add(out, text.p, (size_t)(colon - text.p) + 2);
	buf_fini(&text);
}

/* Numbers are X509_V_ERR_.. of OpenSSL. */
static void add_refused_by_us(const struct kafka_login *login, int x509, struct buf *out)
{
	buf_addz(out, "the broker's certificate ");
	switch (x509) {
	case 2:  /* UNABLE_TO_GET_ISSUER_CERT */
	case 18: /* DEPTH_ZERO_SELF_SIGNED_CERT */
	case 19: /* SELF_SIGNED_CERT_IN_CHAIN */
	case 20: /* UNABLE_TO_GET_ISSUER_CERT_LOCALLY */
	case 21: /* UNABLE_TO_VERIFY_LEAF_SIGNATURE */
		buf_printf(out,
			   "is signed by nobody that %s has: -X ssl.ca.location=FILE says whom "
			   "to trust",
			   *login->ca ? login->ca : "this system");
		break;
	case 9: /* CERT_NOT_YET_VALID */
		buf_addz(out, "is not valid yet: is a clock wrong?");
		break;
	case 10: /* CERT_HAS_EXPIRED */
		buf_addz(out, "has expired: the broker needs a new one");
		break;
	case 62: /* HOSTNAME_MISMATCH */
	case 64: /* IP_ADDRESS_MISMATCH */
		buf_addz(out, "is for another host: -b, or the broker's advertised.listeners, has "
			      "to name it as the certificate does");
		break;
	default:
		buf_printf(out, "is refused (OpenSSL's verify error %d)", x509);
		break;
	}
}

/* An alert by which a broker tells that it wants another certificate, or one at all. */
static bool is_about_ours(unsigned reason)
{
	unsigned alert = reason - ALERTS;

	return (alert >= 42 && alert <= 46) || alert == 48 || alert == 49 || alert == 116;
}

static void add_refused_by_broker(const struct kafka_login *login, struct buf *out)
{
	if (*login->certificate)
		buf_printf(out,
			   "the broker refuses the certificate %s: it has expired, or is "
			   "signed by nobody that the broker trusts",
			   login->certificate);
	else
		buf_addz(out, "the broker wants a certificate: -X ssl.certificate.location=FILE "
			      "-X ssl.key.location=FILE");
}

bool kafka_trouble_judge(const char *said, const struct kafka_login *login, int x509,
			 struct buf *out)
{
	unsigned reason = tls_reason(said);

	if (reason == VERIFY_FAILED && x509) {
		add_broker(said, out);
		add_refused_by_us(login, x509, out);
	} else if (is_about_ours(reason)) {
		add_broker(said, out);
		add_refused_by_broker(login, out);
	} else {
		kafka_trouble_text(said, out);
	}
	return kafka_trouble_lasts(said);
}

void kafka_trouble_refused(const char *said, const struct kafka_login *login, struct buf *out)
{
	/* "[SASL] Broker: Request not valid in current SASL state" */
	if (strstr(said, "in current SASL state")) {
		add_broker(said, out);
		buf_printf(out, "this listener takes no login: -X security.protocol=%s",
			   login->tls ? "ssl" : "plaintext");
		return;
	}
	kafka_trouble_text(said, out);
	if (login->old && strncmp(login->mechanism, "SCRAM", 5) == 0 &&
	    strstr(said, "SASL authentication error"))
		buf_printf(out,
			   "; SCRAM of librdkafka %s is not understood by Kafka 4, of 2.6.1 it is: "
			   "use PLAIN with TLS, or a certificate",
			   login->old);
}

bool kafka_trouble_broke_off(const char *said)
{
	/* the words of RD_KAFKA_RESP_ERR__TRANSPORT, and of __TIMED_OUT and __TIMED_OUT_QUEUE */
	return strstr(said, "Local: Broker transport failure") || strstr(said, "Local: Timed out");
}

/* ---- two ends that speak different protocols */

bool kafka_trouble_listener_of(const char *said, struct slice *at)
{
	const char *end = strncmp(said, "[thrd:", 6) == 0 ? strstr(said, "]: ") : NULL;
	const char *host = end ? end + 3 : said, *colon = strstr(host, ": "), *scheme;

	if (!colon)
		return false;
	*at = without_node(slice(host, (size_t)(colon - host)));
	scheme = memmem(at->p, at->n, "://", 3);
	if (scheme)
		*at = slice(scheme + 3, (size_t)(at->p + at->n - scheme - 3));
	return memchr(at->p, ':', at->n);
}

static void add_login_wanted(const char *said, const struct kafka_login *login, struct buf *out)
{
	add_broker(said, out);
	buf_printf(out,
		   "this listener wants a login: -X security.protocol=sasl_%s, sasl.mechanism, "
		   "sasl.username and sasl.password",
		   login->tls ? "ssl" : "plaintext");
}

bool kafka_trouble_listener(const char *said, const struct kafka_login *login,
			    enum kafka_listener listener, struct buf *out)
{
	bool plain = listener == KAFKA_LISTENER_PLAIN || listener == KAFKA_LISTENER_LOGIN;

	if (listener == KAFKA_LISTENER_TLS && !login->tls) {
		add_broker(said, out);
		buf_printf(out, "this listener speaks TLS: -X security.protocol=%s",
			   login->sasl || login->user ? "sasl_ssl" : "ssl");
	} else if (plain && login->tls) {
		add_broker(said, out);
		buf_printf(out, "this listener speaks no TLS: -X security.protocol=%s",
			   listener == KAFKA_LISTENER_LOGIN ? "sasl_plaintext" : "plaintext");
	} else if (listener == KAFKA_LISTENER_LOGIN && !login->sasl) {
		add_login_wanted(said, login, out);
	} else {
		return false;
	}
	return true;
}

bool kafka_trouble_wants_login(const char *said, const struct kafka_login *login,
			       enum kafka_listener listener, struct buf *out)
{
	if (listener != KAFKA_LISTENER_TLS || !login->tls || login->sasl ||
	    !strstr(said, " in state UP"))
		return false;
	add_login_wanted(said, login, out);
	return true;
}
