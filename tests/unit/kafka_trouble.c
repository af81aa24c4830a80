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

int main(void)
{
	test_text();
	test_lasts();
	return done();
}
