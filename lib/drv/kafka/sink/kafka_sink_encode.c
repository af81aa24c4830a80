/* --encode: a line becomes a record of a schema, with the id that a registry has it under in front
 * (avro/avro_wire.h): as Avro, or as the JSON that it is. The schema is a file; its id is asked for
 * once, when the sink connects for the first time: it is the registry's answer to a look-up of the
 * schema in the subject, or to its registration there, and never changes.
 *
 * A schema of JSON is not compiled, and no line is judged by it: that is hta-validate's, which has
 * dead letters with paths for it. */
#include <stdlib.h>
#include <unistd.h>

#include "avro/avro.h"
#include "avro/avro_wire.h"
#include "base/mem.h"
#include "drv/kafka/sink/kafka_sink_internal.h"
#include "io/fd.h"
#include "tool/rules_files.h"

struct kafka_encoder {
	const struct kafka_encode_conf *conf;
	const char *subject;
	char *default_subject;      /* NULL: one is given */
	struct buf text;            /* of the schema */
	struct avro_schema *schema; /* NULL: it is JSON Schema */
	bool has_id;
	uint32_t id;
	struct json json; /* scratch */
	struct buf value; /* of the last line */
	struct err why;
};

static int check_conf(const struct kafka_sink_conf *c, struct err *err)
{
	const struct kafka_encode_conf *e = &c->encode;
	const char *other = e->schema          ? "--schema"
			    : e->registry.urls ? "--registry"
			    : e->registry.ca   ? "--registry-ca"
			    : e->subject       ? "--subject"
			    : e->add           ? "--register"
					       : NULL;

	if (!e->as)
		return other ? err_set(err, EX_USAGE, "%s is for --encode, which is missing", other)
			     : 0;
	if (!c->sink.registry)
		return err_set(err, EX_CONFIG,
			       "this hta-sink-kafka was built without a client of HTTP "
			       "(./configure --with-curl): it reaches no registry of schemas");
	if (c->dead_only)
		return err_set(err, EX_USAGE,
			       "--dead writes dead letters, which are never encoded: drop "
			       "--encode");
	if (!e->schema)
		return err_set(err, EX_USAGE, "--encode %s needs a schema: --schema FILE",
			       e->as == KAFKA_ENCODE_AVRO ? "avro" : "json");
	return 0;
}

static int check_json_schema(struct kafka_encoder *e, struct err *err)
{
	enum json_type type;

	if (json_parse(&e->json, buf_slice(&e->text), err)) {
		err->code = EX_CONFIG;
		return -1;
	}
	type = e->json.node[0].type;
	return type == JSON_OBJECT || type == JSON_TRUE || type == JSON_FALSE
		       ? 0
		       : err_set(err, EX_CONFIG, "a schema is an object, true or false");
}

static int take_schema(struct kafka_encoder *e, struct err *err)
{
	if (e->conf->as == KAFKA_ENCODE_JSON)
		return check_json_schema(e, err);
	e->schema = avro_schema_new(buf_slice(&e->text), NULL, 0, err);
	return e->schema ? 0 : -1;
}

static int read_schema(struct kafka_encoder *e, struct err *err)
{
	const char *path = e->conf->schema;
	int fd = fd_open(path, err), rc;

	if (fd < 0)
		return -1;
	rc = rules_files_read(fd, path, &e->text, err);
	close(fd);
	if (rc)
		return -1;
	return take_schema(e, err) ? err_in(err, "%s", path) : 0;
}

int kafka_encode_open(struct kafka_sink *d, struct err *err)
{
	const struct kafka_encode_conf *conf = &d->conf->encode;
	struct kafka_encoder *e;

	if (check_conf(d->conf, err))
		return -1;
	if (!conf->as)
		return 0;
	d->encoder = e = mem_zalloc(sizeof(*e));
	e->conf = conf;
	if (!conf->subject)
		e->default_subject = mem_printf("%s-value", d->conf->sink.place);
	e->subject = conf->subject ? conf->subject : e->default_subject;
	return read_schema(e, err);
}

void kafka_encode_close(struct kafka_sink *d)
{
	struct kafka_encoder *e = d->encoder;

	if (!e)
		return;
	free(e->default_subject);
	avro_schema_free(e->schema);
	buf_fini(&e->text);
	buf_fini(&e->value);
	json_fini(&e->json);
	free(e);
}

/* (waits) */
static enum registry_outcome ask_id(struct kafka_sink *d, void *registry, struct err *err)
{
	const struct registry_ops *ops = d->conf->sink.registry;
	struct kafka_encoder *e = d->encoder;
	enum registry_outcome rc;

	do
		rc = ops->id(registry, e->subject, e->schema ? "AVRO" : "JSON", buf_slice(&e->text),
			     e->conf->add, &e->id, err);
	while (rc == REGISTRY_WAITS &&
	       (loop_turn(d->conf->sink.loop, INT64_MAX, err) >= 0 || (rc = REGISTRY_FAILED)));
	return rc;
}

int kafka_encode_connect(struct kafka_sink *d, struct err *err)
{
	struct kafka_encoder *e = d->encoder;
	struct registry_conf conf;
	void *registry;
	enum registry_outcome rc;

	if (!e || e->has_id)
		return 0;
	conf = e->conf->registry;
	conf.retry_for_us = d->conf->sink.retry_for_us;
	conf.flag = " (--retry-for)";
	registry = d->conf->sink.registry->open(&conf, d->conf->sink.loop, err);
	if (!registry)
		return -1;
	rc = ask_id(d, registry, err);
	d->conf->sink.registry->close(registry);
	e->has_id = rc == REGISTRY_FOUND;
	if (rc == REGISTRY_NONE) {
		err->code = EX_CONFIG;
		err_in(err, "subject %s does not have the schema of %s (--register puts it there)",
		       e->subject, e->conf->schema);
	}
	return rc == REGISTRY_FOUND ? 0 : -1;
}

const char *kafka_encode_line(struct kafka_sink *d, struct slice line, struct slice *value)
{
	struct kafka_encoder *e = d->encoder;

	e->value.n = 0;
	avro_wire_put(&e->value, e->id);
	if (!e->schema) {
		buf_adds(&e->value, line);
		*value = buf_slice(&e->value);
		return json_parse(&e->json, line, &e->why) ? e->why.msg : NULL;
	}
	if (json_parse(&e->json, line, &e->why) ||
	    avro_encode(e->schema, &e->json, 0, AVRO_REFUSE_UNKNOWN, &e->value, &e->why)) {
		err_in(&e->why, "it does not fit the schema");
		return e->why.msg;
	}
	*value = buf_slice(&e->value);
	return NULL;
}
