#include "drv/kafka/kafka_settings.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "drv/kafka/kafka_brokers.h"
#include "scan/look.h"

static int read_secret(const char *path, struct buf *out, struct err *err)
{
	FILE *f = fopen(path, "re");
	char line[4096];

	if (!f)
		return err_errno(err, EX_USAGE, "%s", path);
	if (fgets(line, sizeof(line), f)) {
		const char *p = line + str_mark(slice_z(line));

		buf_add(out, p, strcspn(p, "\r\n"));
	}
	fclose(f);
	return 0;
}

int kafka_conf_set(rd_kafka_conf_t *conf, const struct kafka_owned *owned, const char *property,
		   const char *value, struct err *err)
{
	struct buf secret = { 0 };
	char why[512];
	int rc = 0;

	for (size_t i = 0; owned[i].name; i++)
		if (strcmp(owned[i].name, property) == 0)
			return err_set(err, EX_USAGE, "-X %s cannot be set: %s", property,
				       owned[i].why);
	if (value[0] == '@') {
		if (read_secret(value + 1, &secret, err))
			return err_in(err, "-X %s", property);
		value = buf_z(&secret);
	}
	if (rd_kafka_conf_set(conf, property, value, why, sizeof(why)) != RD_KAFKA_CONF_OK)
		rc = err_set(err, EX_USAGE, "-X %s: %s (-X list shows all)", property,
			     secret.n ? "its value is refused" : why);
	buf_fini(&secret);
	return rc;
}

int kafka_conf_set_text(rd_kafka_conf_t *conf, const struct kafka_owned *owned, const char *text,
			struct err *err)
{
	const char *eq = strchr(text, '=');
	char *name;
	int rc;

	if (!eq)
		return err_set(err, EX_USAGE, "-X %s: PROPERTY=VALUE is wanted (-X list shows all)",
			       text);
	name = mem_dup(text, (size_t)(eq - text));
	rc = kafka_conf_set(conf, owned, name, eq + 1, err);
	free(name);
	return rc;
}

static char *trim_line(char *s)
{
	size_t n;

	s += strspn(s, " \t");
	for (n = strlen(s); n && strchr(" \t\r\n", s[n - 1]); n--)
		;
	s[n] = 0;
	return s;
}

int kafka_conf_set_file(rd_kafka_conf_t *conf, const struct kafka_owned *owned, const char *path,
			struct err *err)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t cap = 0;
	int rc = 0;

	if (!f)
		return err_errno(err, EX_USAGE, "-F %s", path);
	for (unsigned n = 1; rc == 0 && getline(&line, &cap, f) >= 0; n++) {
		char *text = trim_line(line + (n == 1 ? str_mark(slice_z(line)) : 0));
		char *eq = strchr(text, '=');

		if (n == 1 && look_at(slice_z(line)) == LOOK_UTF16) {
			rc = err_set(err, EX_USAGE, "-F %s: %s", path, look_words(LOOK_UTF16));
			break;
		}
		if (!*text || *text == '#')
			continue;
		if (!eq) {
			rc = err_set(err, EX_USAGE, "%s:%u: PROPERTY=VALUE is wanted", path, n);
			break;
		}
		*eq = 0;
		rc = kafka_conf_set(conf, owned, trim_line(text), trim_line(eq + 1), err)
			     ? err_in(err, "%s:%u", path, n)
			     : 0;
	}
	free(line);
	fclose(f);
	return rc;
}

int kafka_conf_brokers(rd_kafka_conf_t *conf, const char *brokers, char **list_out, struct err *err)
{
	struct buf given = { 0 }, list = { 0 };
	char protocol[32], why[256];
	size_t n = 0, size = sizeof(protocol);
	int rc;

	protocol[0] = 0;
	rd_kafka_conf_get(conf, "security.protocol", protocol, &size);
	if (brokers) {
		buf_addz(&given, brokers);
	} else if (rd_kafka_conf_get(conf, "bootstrap.servers", NULL, &n) == RD_KAFKA_CONF_OK &&
		   n) {
		rd_kafka_conf_get(conf, "bootstrap.servers", buf_room(&given, n), &n);
		given.n = strlen(given.p);
	}
	rc = kafka_brokers_read(buf_z(&given), protocol, &list, err);
	if (rc == 0 && rd_kafka_conf_set(conf, "bootstrap.servers", buf_z(&list), why,
					 sizeof(why)) != RD_KAFKA_CONF_OK)
		rc = err_set(err, EX_USAGE, "-b %s: %s", buf_z(&list), why);
	if (rc == 0)
		*list_out = mem_strdup(buf_z(&list));
	buf_fini(&given);
	buf_fini(&list);
	return rc;
}

int kafka_conf_take(rd_kafka_conf_t *conf, const struct kafka_owned *owned,
		    const struct cluster_options *c, struct err *err)
{
	for (size_t i = 0; i < c->settings; i++)
		if (c->setting[i].file ? kafka_conf_set_file(conf, owned, c->setting[i].text, err)
				       : kafka_conf_set_text(conf, owned, c->setting[i].text, err))
			return -1;
	return 0;
}

/* librdkafka names the setting of a file that cannot be read, but neither file nor reason. */
static int check_files(const rd_kafka_conf_t *conf, struct err *err)
{
	static const char *const names[] = { "ssl.ca.location", "ssl.certificate.location",
					     "ssl.key.location", "ssl.crl.location",
					     "ssl.keystore.location" };
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		size_t n = sizeof(path);

		path[0] = 0;
		rd_kafka_conf_get(conf, names[i], path, &n);
		/* "probe": the library looks where authorities may be */
		if (path[0] && strcmp(path, "probe") != 0 && access(path, R_OK))
			return err_errno(err, EX_CONFIG, "-X %s=%s", names[i], path);
	}
	return 0;
}

rd_kafka_t *kafka_client_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, struct err *err)
{
	char why[512];
	rd_kafka_t *rk = NULL;

	if (check_files(conf, err) == 0) {
		rk = rd_kafka_new(type, conf, why, sizeof(why));
		if (!rk)
			err_set(err, EX_CONFIG, "kafka: %s%s", why,
				strncmp(why, "ssl.key.location", 16) == 0
					? ": is that its key, and ssl.key.password right?"
					: "");
	}
	if (!rk)
		rd_kafka_conf_destroy(conf);
	return rk;
}
