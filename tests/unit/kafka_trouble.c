/* Lines as librdkafka 2.0 writes them. */
#include "drv/kafka/kafka_trouble.h"

#include "tap.h"

#define TLS3(code, text) "SSL handshake failed: error:" code ":SSL routines::" text

static void test_text(void)
{
	static const struct {
		const char *said, *text;
	} cases[] = {
		{ "[thrd:h:1/bootstrap]: h:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: "
		  "Connection refused (after 0ms in "
		  "state CONNECT, 1 identical error(s) suppressed)",
		  "h:1: Connect to ipv4#127.0.0.1:1 failed: Connection refused" },
		{ "h:1/1001: Disconnected (after 60000ms in state UP)", "h:1: Disconnected" },
		{ "[thrd:[::1]:1/bootstrap]: [::1]:1/bootstrap: no (reason) (after 1ms in state "
		  "UP)",
		  "[::1]:1: no (reason)" },
		{ "[thrd:ssl://h:1/bootstrap]: ssl://h:1/bootstrap: it is late (after midnight) "
		  "and dark",
		  "ssl://h:1: it is late (after midnight) and dark" },
		{ "sasl_ssl://h:1: x", "sasl_ssl://h:1: x" },
		{ "GroupCoordinator: h:1: refused (after 1ms in state CONNECT)",
		  "GroupCoordinator: h:1: refused" },
		{ "FindCoordinator response error: Group authorization failed.",
		  "FindCoordinator response error: Group authorization failed" },
		{ "h:1/2: " TLS3(
			  "0A000126",
			  "unexpected eof while reading") " (after 1ms in state SSL_HANDSHAKE)",
		  "h:1: " TLS3("0A000126",
			       "unexpected eof while reading") ": might be a listener without TLS "
							       "(security.protocol)" },
		{ "nothing of that kind", "nothing of that kind" },
		{ "", "" },
		{ "[thrd:x", "[thrd:x" },
		{ ": ", ": " },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buf out = { 0 };

		kafka_trouble_text(cases[i].said, &out);
		is_str(buf_z(&out), cases[i].text, "host and reason");
		buf_fini(&out);
	}
}

static void test_lasts(void)
{
	static const struct {
		bool lasts;
		const char *text;
	} cases[] = {
		{ true, "h:1: " TLS3("0A000086", "certificate verify failed") },
		{ true, "h:1: SSL handshake failed: error:1416F086:SSL "
			"routines:tls_process_server_certificate:certificate verify failed" },
		{ true, "h:1: error:0A00010B:SSL routines::wrong version number" },
		{ true, "h:1: Receive failed: error:0A00045C:SSL routines::tlsv13 alert "
			"certificate required: SSL alert number 116" },
		{ true, "h:1: " TLS3("0A000418", "tlsv1 alert unknown ca") },
		{ true, "h:1: " TLS3("0A00042E", "tlsv1 alert protocol version") },
		{ false, "h:1: " TLS3("0A000126", "unexpected eof while reading") },
		{ false, "h:1: " TLS3("0A000438", "tlsv1 alert internal error") },
		{ false, "certificate verify failed" },
		{ false, "h:1: Connect to ipv4#127.0.0.1:1 failed: Connection refused" },
		{ false, "error:05880086:x509 certificate routines::system lib" },
		{ false, "error:" },
		{ false, "" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		ok(kafka_trouble_lasts(cases[i].text) == cases[i].lasts, "%s: %s",
		   cases[i].lasts ? "lasts" : "may end", cases[i].text);
}

static const struct kafka_login bare = { .tls = true }, full = { .tls = true,
								 .ca = "ca.pem",
								 .certificate = "we.pem",
								 .mechanism = "SCRAM-SHA-256",
								 .old = "2.0.2" };

static void test_judge(void)
{
	static const struct {
		const char *said;
		const struct kafka_login *login;
		int x509;
		bool lasts;
		const char *text;
	} cases[] = {
		{ "ssl://h:1/boot: " TLS3("0A000086", "certificate verify failed"), &bare, 20, true,
		  "ssl://h:1: the broker's certificate is signed by nobody that this system has: "
		  "-X "
		  "ssl.ca.location=FILE says whom to trust" },
		{ "ssl://h:1/1: " TLS3("0A000086", "certificate verify failed"), &full, 19, true,
		  "ssl://h:1: the broker's certificate is signed by nobody that ca.pem has: -X "
		  "ssl.ca.location=FILE says whom to trust" },
		{ "ssl://h:1/1: " TLS3("0A000086", "certificate verify failed"), &full, 10, true,
		  "ssl://h:1: the broker's certificate has expired: the broker needs a new one" },
		{ "ssl://h:1/1: " TLS3("0A000086", "certificate verify failed"), &full, 9, true,
		  "ssl://h:1: the broker's certificate is not valid yet: is a clock wrong?" },
		{ "ssl://h:1/1: " TLS3("0A000086", "certificate verify failed"), &full, 62, true,
		  "ssl://h:1: the broker's certificate is for another host: -b, or the broker's "
		  "advertised.listeners, has to name it as the certificate does" },
		{ "ssl://h:1/1: " TLS3("0A000086", "certificate verify failed"), &full, 23, true,
		  "ssl://h:1: the broker's certificate is refused (OpenSSL's verify error 23)" },
		{ "ssl://h:1/1: " TLS3("0A000086", "certificate verify failed"), &full, 0, true,
		  "ssl://h:1: " TLS3("0A000086", "certificate verify failed") },
		{ "ssl://h:1/1: " TLS3("0A000412", "sslv3 alert bad certificate"), &bare, 0, true,
		  "ssl://h:1: the broker wants a certificate: -X ssl.certificate.location=FILE -X "
		  "ssl.key.location=FILE" },
		{ "ssl://h:1/1: " TLS3("0A000415", "sslv3 alert certificate expired"), &full, 0,
		  true,
		  "ssl://h:1: the broker refuses the certificate we.pem: it has expired, or is "
		  "signed by nobody that the broker trusts" },
		/* an earlier certificate tells nothing of another failure */
		{ "ssl://h:1/1: Disconnected (after 1ms in state UP)", &full, 10, false,
		  "ssl://h:1: Disconnected" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buf out = { 0 };

		ok(kafka_trouble_judge(cases[i].said, cases[i].login, cases[i].x509, &out) ==
			   cases[i].lasts,
		   "%s: lasts or not", cases[i].said);
		is_str(buf_z(&out), cases[i].text, "what is wrong");
		buf_fini(&out);
	}
}

static void test_refused(void)
{
	static const char wrong[] =
		"sasl_ssl://h:1/boot: SASL authentication error: invalid (after "
		"3ms in state AUTH_REQ)";
	struct buf out = { 0 };

	kafka_trouble_refused(wrong, &bare, &out);
	is_str(buf_z(&out), "sasl_ssl://h:1: SASL authentication error: invalid", "a password");
	out.n = 0;
	kafka_trouble_refused(wrong, &full, &out);
	is_str(buf_z(&out),
	       "sasl_ssl://h:1: SASL authentication error: invalid; SCRAM of librdkafka 2.0.2 is "
	       "not understood by Kafka 4, of 2.6.1 it is: use PLAIN with TLS, or a certificate",
	       "SCRAM of an old library");
	out.n = 0;
	kafka_trouble_refused("sasl_ssl://h:1/boot: SASL PLAIN mechanism handshake failed: Broker: "
			      "Request not valid in current SASL state: ",
			      &bare, &out);
	is_str(buf_z(&out),
	       "sasl_ssl://h:1: this listener takes no login: -X security.protocol=ssl",
	       "nobody asked for a login");
	buf_fini(&out);
}

static void test_listener(void)
{
	static const struct {
		struct kafka_login login;
		enum kafka_listener listener;
		const char *text; /* NULL: all fits */
	} cases[] = {
		{ { .tls = false },
		  KAFKA_LISTENER_TLS,
		  "h:1: this listener speaks TLS: -X security.protocol=ssl" },
		{ { .sasl = true },
		  KAFKA_LISTENER_TLS,
		  "h:1: this listener speaks TLS: -X security.protocol=sasl_ssl" },
		{ { .user = true },
		  KAFKA_LISTENER_TLS,
		  "h:1: this listener speaks TLS: -X security.protocol=sasl_ssl" },
		{ { .tls = true }, KAFKA_LISTENER_TLS, NULL },
		{ { .tls = true, .sasl = true },
		  KAFKA_LISTENER_PLAIN,
		  "h:1: this listener speaks no TLS: -X security.protocol=plaintext" },
		{ { .tls = true },
		  KAFKA_LISTENER_LOGIN,
		  "h:1: this listener speaks no TLS: -X security.protocol=sasl_plaintext" },
		{ { .tls = false }, KAFKA_LISTENER_PLAIN, NULL },
		{ { .tls = false },
		  KAFKA_LISTENER_LOGIN,
		  "h:1: this listener wants a login: -X security.protocol=sasl_plaintext, "
		  "sasl.mechanism, sasl.username and sasl.password" },
		{ { .sasl = true }, KAFKA_LISTENER_LOGIN, NULL },
		{ { .tls = false }, KAFKA_LISTENER_UNKNOWN, NULL },
		{ { .tls = true }, KAFKA_LISTENER_UNKNOWN, NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buf out = { 0 };
		bool found = kafka_trouble_listener("[thrd:h:1/b]: h:1/b: Disconnected",
						    &cases[i].login, cases[i].listener, &out);

		ok(found == (cases[i].text != NULL), "found, or all fits");
		is_str(buf_z(&out), cases[i].text ? cases[i].text : "", "what to set");
		buf_fini(&out);
	}
}

static void test_listener_of(void)
{
	static const struct {
		const char *said, *at;
	} cases[] = {
		{ "[thrd:sasl_ssl://h:1/bootstrap]: sasl_ssl://h:1/bootstrap: x", "h:1" },
		{ "[::1]:9/1: x", "[::1]:9" },
		{ "h:1/1: x", "h:1" },
		{ "GroupCoordinator: x", NULL },
		{ "nothing", NULL },
	};
	struct slice at;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		bool found = kafka_trouble_listener_of(cases[i].said, &at);

		ok(found == (cases[i].at != NULL), "%s", cases[i].said);
		if (found)
			ok(slice_eq(at, slice_z(cases[i].at)), "%s", cases[i].at);
	}
}

static void test_broke_off(void)
{
	static const struct {
		bool broke_off;
		const char *said;
	} cases[] = {
		{ true, "sasl_ssl://h:1/bootstrap: SASL PLAIN mechanism handshake failed: Local: "
			"Broker transport failure: broker's supported mechanisms: (n/a) (after 3ms "
			"in state AUTH_HANDSHAKE)" },
		{ true, "h:1/1: SASL SCRAM-SHA-256 mechanism handshake failed: Local: Timed out: "
			"broker's supported mechanisms: " },
		{ true, "h:1/1: SASL PLAIN mechanism handshake failed: Local: Timed out in queue: "
			"broker's supported mechanisms: " },
		{ false, "h:1/1: SASL PLAIN mechanism handshake failed: Broker: Unsupported SASL "
			 "mechanism: broker's supported mechanisms: SCRAM-SHA-256" },
		{ false, "h:1/1: SASL authentication error: Authentication failed: Invalid "
			 "username or password (after 5ms in state AUTH_REQ)" },
		{ false, "h:1/1: SASL PLAIN mechanism handshake failed: Broker: Request not valid "
			 "in current SASL state: broker's supported mechanisms: " },
		{ false, "" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		ok(kafka_trouble_broke_off(cases[i].said) == cases[i].broke_off, "%s: %s",
		   cases[i].broke_off ? "went away" : "refused", cases[i].said);
}

static void test_wants_login(void)
{
	static const char closed[] = "ssl://h:1/1: Disconnected (after 1ms in state UP)";
	const struct kafka_login sasl = { .tls = true, .sasl = true }, plain = { .tls = false };
	struct buf out = { 0 };

	ok(!kafka_trouble_wants_login(
		   "ssl://h:1/1: Disconnected (after 1ms in state SSL_HANDSHAKE)", &bare,
		   KAFKA_LISTENER_TLS, &out),
	   "it never answered");
	ok(!kafka_trouble_wants_login(closed, &sasl, KAFKA_LISTENER_TLS, &out), "one that logs in");
	ok(!kafka_trouble_wants_login(closed, &plain, KAFKA_LISTENER_TLS, &out),
	   "no TLS, and none is wanted of it");
	ok(!kafka_trouble_wants_login(closed, &plain, KAFKA_LISTENER_UNKNOWN, &out),
	   "no TLS, and the listener is gone");
	ok(!kafka_trouble_wants_login(closed, &bare, KAFKA_LISTENER_UNKNOWN, &out),
	   "TLS, and the listener is gone");
	is_str(buf_z(&out), "", "nothing is said");
	ok(kafka_trouble_wants_login(closed, &bare, KAFKA_LISTENER_TLS, &out),
	   "it answered, and closed");
	is_str(buf_z(&out),
	       "ssl://h:1: this listener wants a login: -X security.protocol=sasl_ssl, "
	       "sasl.mechanism, sasl.username and sasl.password",
	       "what to set");
	buf_fini(&out);
}

int main(void)
{
	test_text();
	test_lasts();
	test_judge();
	test_refused();
	test_listener();
	test_listener_of();
	test_broke_off();
	test_wants_login();
	return done();
}
