#include "drv/kafka/kafka_brokers.h"

#include "tap.h"

static void test_good(void)
{
	static const struct {
		const char *text, *protocol, *list;
	} cases[] = {
		{ "h", "plaintext", "h" },
		{ "h:9092", "plaintext", "h:9092" },
		{ "h:1,i:65535", "plaintext", "h:1,i:65535" },
		{ " h:1 ,\ti ", "plaintext", "h:1,i" },
		{ ",h,,i,", "plaintext", "h,i" },
		{ "10.0.0.1:1", "ssl", "10.0.0.1:1" },
		{ "[::1]:1", "plaintext", "[::1]:1" },
		{ "[::1]", "plaintext", "[::1]" },
		{ "::1", "plaintext", "::1" },
		{ "fe80::1%eth0", "plaintext", "fe80::1%eth0" },
		{ "[fe80::1%eth0]:1", "plaintext", "[fe80::1%eth0]:1" },
		{ "kafka_1.my-net.example.:9092", "plaintext", "kafka_1.my-net.example.:9092" },
		{ "b\xc3\xbc"
		  "cher:1",
		  "plaintext",
		  "b\xc3\xbc"
		  "cher:1" },
		{ "SSL://h:1", "ssl", "SSL://h:1" },
		{ "sasl_ssl://[::1]:1", "SASL_SSL", "sasl_ssl://[::1]:1" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct err err = ERR_INIT;
		struct buf list = { 0 };

		ok(kafka_brokers_read(cases[i].text, cases[i].protocol, &list, &err) == 0,
		   "\"%s\" %s", cases[i].text, err.msg);
		is_str(buf_z(&list), cases[i].list, "as librdkafka takes it");
		buf_fini(&list);
	}
}

static void test_bad(void)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "", "no broker is named" },
		{ ",", "no broker is named" },
		{ " , ", "no broker is named" },
		{ "h:", "\"\" is no port" },
		{ "h:x", "\"x\" is no port" },
		{ "h:0", "\"0\" is no port" },
		{ "h:65536", "is no port" },
		{ "h:99999999999", "is no port" },
		{ "h:-1", "is no port" },
		{ "h:1:x", "\"1:x\" is no port" },
		{ "h:1,i:x", "broker \"i:x\"" },
		{ "h:1 i:2", "is no port" },
		{ ":9092", "\"\" is no host" },
		{ "a b:1", "\"a b\" is no host" },
		{ "u@h:1", "\"u@h\" is no host" },
		{ "h/x", "is no host" },
		{ "h:1/x", "is no port" },
		{ "[::1:1", "a bracket is not closed" },
		{ "[::1]1", "is no port" },
		{ "[h]:1", "\"h\" is no host" },
		{ "[]:1", "is no host" },
		{ "::x", "is no host" },
		{ "kafka://h:1", "no protocol \"kafka\"" },
		{ "http://h", "no protocol \"http\"" },
		{ "://h", "no protocol \"\"" },
		{ "SSL://h:1", "another one than security.protocol, plaintext" },
		{ "plaintext://", "is no host" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct err err = ERR_INIT;
		struct buf list = { 0 };

		ok(kafka_brokers_read(cases[i].text, "plaintext", &list, &err) == -1 &&
			   err.code == EX_USAGE,
		   "\"%s\" is refused", cases[i].text);
		ok(strstr(err.msg, cases[i].says) != NULL, "%s: %s", cases[i].says, err.msg);
		buf_fini(&list);
	}
}

int main(void)
{
	test_good();
	test_bad();
	return done();
}
