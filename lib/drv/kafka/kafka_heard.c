/* Of a handshake that failed three things are put together: the line of the log, which has the
 * host, the certificate that was looked at just before, and what the settings say. Brokers fail in
 * threads of their own; where they do so for different reasons one of them is told. */
#include "drv/kafka/kafka_heard.h"

#include <stdio.h>
#include <string.h>

#include "base/tm.h"
#include "drv/kafka/kafka_listener.h"

enum { STALE_US = 60000000, ASK_EVERY_US = 5000000, SCRAM_SINCE = 0x020601ff };

void kafka_heard_init(struct kafka_heard *h)
{
	*h = (struct kafka_heard){ .at_us = 0 };
	pthread_mutex_init(&h->lock, NULL);
}

void kafka_heard_fini(struct kafka_heard *h)
{
	pthread_mutex_destroy(&h->lock);
}

static bool get_setting(const rd_kafka_conf_t *conf, const char *name, char *value, size_t size)
{
	size_t n = size;

	value[0] = 0;
	return rd_kafka_conf_get(conf, name, value, &n) == RD_KAFKA_CONF_OK && value[0];
}

void kafka_heard_settings(struct kafka_heard *h, const rd_kafka_conf_t *conf)
{
	struct kafka_login *l = &h->login;
	char protocol[32], user[256];

	get_setting(conf, "security.protocol", protocol, sizeof(protocol));
	l->tls = strstr(protocol, "ssl");
	l->sasl = strstr(protocol, "sasl");
	l->user = get_setting(conf, "sasl.username", user, sizeof(user));
	get_setting(conf, "ssl.ca.location", l->ca, sizeof(l->ca));
	if (get_setting(conf, "ssl.certificate.pem", l->certificate, sizeof(l->certificate)))
		snprintf(l->certificate, sizeof(l->certificate), "of ssl.certificate.pem");
	else if (!get_setting(conf, "ssl.certificate.location", l->certificate,
			      sizeof(l->certificate)))
		get_setting(conf, "ssl.keystore.location", l->certificate, sizeof(l->certificate));
	get_setting(conf, "sasl.mechanisms", l->mechanism, sizeof(l->mechanism));
	l->old = rd_kafka_version() < SCRAM_SINCE ? rd_kafka_version_str() : NULL;
}

void kafka_heard_say(struct kafka_heard *h, const char *text)
{
	pthread_mutex_lock(&h->lock);
	snprintf(h->text, sizeof(h->text), "%s", text);
	h->at_us = tm_mono_us();
	pthread_mutex_unlock(&h->lock);
}

static void keep_certificate(struct kafka_heard *h, int x509)
{
	pthread_mutex_lock(&h->lock);
	h->x509 = x509;
	pthread_mutex_unlock(&h->lock);
}

/* Called in any thread, for each certificate of a chain: what OpenSSL says of it holds. */
static int certificate_of_broker(rd_kafka_t *rk, const char *name, int32_t id, int *x509, int depth,
				 const char *bytes, size_t n, char *why, size_t size, void *opaque)
{
	(void)rk, (void)name, (void)id, (void)depth, (void)bytes, (void)n, (void)why, (void)size;
	if (*x509)
		keep_certificate(opaque, *x509);
	return *x509 == 0;
}

void kafka_heard_conf(struct kafka_heard *h, rd_kafka_conf_t *conf)
{
	rd_kafka_conf_set_opaque(conf, h);
	rd_kafka_conf_set_ssl_cert_verify_cb(conf, certificate_of_broker);
}

static enum kafka_verdict judge_protocol(struct kafka_heard *h, const char *said, struct buf *out)
{
	struct buf better = { 0 };
	enum kafka_verdict verdict = KAFKA_MAY_END;
	struct slice at;

	if (!kafka_trouble_listener_of(said, &at))
		return KAFKA_MAY_END;
	if (tm_mono_us() - h->asked_us > ASK_EVERY_US || !h->asked_us) {
		h->listener = kafka_listener_ask(at);
		h->asked_us = tm_mono_us();
	}
	if (kafka_trouble_listener(said, &h->login, h->listener, &better))
		verdict = KAFKA_LASTS;
	else if (kafka_trouble_wants_login(said, &h->login, h->listener, &better))
		verdict = KAFKA_SUSPECT;
	if (verdict != KAFKA_MAY_END) {
		out->n = 0;
		buf_adds(out, buf_slice(&better));
	}
	buf_fini(&better);
	return verdict;
}

bool kafka_heard_why(struct kafka_heard *h, enum kafka_verdict *verdict, struct buf *out)
{
	char said[sizeof(h->text)];
	bool fresh, lasts;
	int x509;

	pthread_mutex_lock(&h->lock);
	fresh = h->at_us && tm_mono_us() - h->at_us < STALE_US;
	memcpy(said, h->text, sizeof(said));
	x509 = h->x509;
	pthread_mutex_unlock(&h->lock);
	out->n = 0;
	if (!fresh)
		return false;
	lasts = kafka_trouble_judge(said, &h->login, x509, out);
	if (verdict)
		*verdict = lasts ? KAFKA_LASTS : judge_protocol(h, said, out);
	return true;
}
