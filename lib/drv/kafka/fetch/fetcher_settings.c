#include "drv/kafka/fetch/fetcher_settings.h"

#include <stdlib.h>

enum { RESPONSE_MOST = 8 << 20, SILENT_US = 10000000 };

static bool get_setting(const rd_kafka_conf_t *conf, const char *name, char *value, size_t size)
{
	size_t n = size;

	value[0] = 0;
	return rd_kafka_conf_get(conf, name, value, &n) == RD_KAFKA_CONF_OK;
}

static int32_t number_setting(const rd_kafka_conf_t *conf, const char *name)
{
	char value[32];

	return get_setting(conf, name, value, sizeof(value)) ? (int32_t)strtol(value, NULL, 10) : 0;
}

/* The first of those that only librdkafka heeds, or heeds otherwise, that is not as it comes;
 * NULL: all are. Its value is put into `value`. */
static const char *find_unlike(const rd_kafka_conf_t *conf, char *value, size_t size)
{
	static const char *const names[] = {
		"security.protocol",
		"check.crcs",
		"client.rack",
		"broker.address.family",
		"api.version.request",
		"debug",
		"plugin.library.paths",
		"socket.timeout.ms",
		"socket.connection.setup.timeout.ms",
		"socket.max.fails",
		"socket.keepalive.enable",
		"socket.nagle.disable",
		"socket.receive.buffer.bytes",
		"socket.send.buffer.bytes",
	};
	rd_kafka_conf_t *fresh = rd_kafka_conf_new();
	const char *found = NULL;
	char usual[256];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names) && !found; i++)
		if (get_setting(conf, names[i], value, size) !=
			    get_setting(fresh, names[i], usual, sizeof(usual)) ||
		    strcmp(value, usual) != 0)
			found = names[i];
	rd_kafka_conf_destroy(fresh);
	return found;
}

int fetcher_settings_read(const rd_kafka_conf_t *conf, struct fetcher_settings *out,
			  struct buf *why)
{
	char value[256];
	const char *name = find_unlike(conf, value, sizeof(value));

	if (name)
		buf_printf(why, "%s=%s", name, value);
	get_setting(conf, "isolation.level", value, sizeof(value));
	*out = (struct fetcher_settings){
		.committed = strcmp(value, "read_committed") == 0,
		.wait_ms = number_setting(conf, "fetch.wait.max.ms"),
		.min_bytes = number_setting(conf, "fetch.min.bytes"),
		.part_bytes = number_setting(conf, "fetch.message.max.bytes"),
		.most_bytes = number_setting(conf, "fetch.max.bytes"),
		.silent_us = SILENT_US,
	};
	if (out->most_bytes > RESPONSE_MOST)
		out->most_bytes = RESPONSE_MOST;
	get_setting(conf, "client.id", out->client, sizeof(out->client));
	return name ? -1 : 0;
}
