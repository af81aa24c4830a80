/* A schema that a message names is an entry: asked for, once there compiled into a program, and
 * then found by its id. A topic has nearly always one or two, so the last one is compared first.
 *
 *	value 00 00 00 00 07 ..  ->  entry 7  ->  waits | program | JSON | bad (a reason)
 *
 * Where a topic's newest schema is the reader's (latest), its entries are its own: the reader is a
 * part of their key. A reason that came from the registry ("it has no such schema") is asked anew
 * with each record, which costs a look-up; the registry knows when it looks again itself.
 *
 * --decode json has no entries and no registry. */
#include "source/decode.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "avro/avro.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/num.h"
#include "io/fd.h"
#include "tool/rules_files.h"

enum {
	FIRST_SLOTS = 64,
	MOST_ENTRIES = 65536,
	AHEAD = 16, /* schemas asked for side by side */
	NAME_BYTES = 16 + REGISTRY_GUID_TEXT,
};

enum entry_state { ENTRY_WAITS, ENTRY_PROGRAM, ENTRY_JSON, ENTRY_MISSING, ENTRY_BAD };

struct decode_reader {
	const char *topic; /* NULL: of all */
	struct avro_schema *schema;
};

struct decode_entry {
	struct registry_key key;
	const struct decode_reader *reader; /* NULL: none */
	enum entry_state state;
	struct avro_program *program;
	char *why;
	struct decode_entry *next; /* of equal hash */
};

struct decode {
	const struct decode_conf *conf;
	struct loop *loop;
	void *registry; /* NULL: none is asked */
	struct decode_reader *reader;
	size_t n_readers;
	struct decode_entry **slot;
	size_t slots, n;
	struct decode_entry *last;
	struct err err; /* scratch: why */
};

/* ---- entries */

static uint64_t key_hash(const struct registry_key *key, const struct decode_reader *reader)
{
	uint64_t of[] = { key->id, (uintptr_t)reader };

	return key->by == REGISTRY_BY_GUID ? hash_64(key->guid, sizeof(key->guid)) ^ of[1]
					   : hash_64(of, sizeof(of));
}

static bool is_entry(const struct decode_entry *e, const struct registry_key *key,
		     const struct decode_reader *reader)
{
	return e->reader == reader && e->key.by == key->by && e->key.id == key->id &&
	       (key->by == REGISTRY_BY_ID ||
		memcmp(e->key.guid, key->guid, sizeof(key->guid)) == 0);
}

static void entry_free(struct decode_entry *e)
{
	avro_program_free(e->program);
	free(e->why);
	free(e);
}

static void grow_slots(struct decode *d)
{
	struct decode_entry **old = d->slot;
	size_t n = d->slots;

	d->slots = n ? 2 * n : FIRST_SLOTS;
	d->slot = mem_array(d->slots, sizeof(*d->slot));
	for (size_t i = 0; i < n; i++)
		for (struct decode_entry *e = old[i], *next; e; e = next) {
			struct decode_entry *
				*at = &d->slot[key_hash(&e->key, e->reader) & (d->slots - 1)];

			next = e->next;
			e->next = *at;
			*at = e;
		}
	free(old);
}

static struct decode_entry *entry_of(struct decode *d, const struct registry_key *key,
				     const struct decode_reader *reader)
{
	struct decode_entry **at, *e;

	if (d->last && is_entry(d->last, key, reader))
		return d->last;
	if (d->n >= d->slots)
		grow_slots(d);
	at = &d->slot[key_hash(key, reader) & (d->slots - 1)];
	for (e = *at; e && !is_entry(e, key, reader);)
		e = e->next;
	if (!e) {
		e = mem_zalloc(sizeof(*e));
		*e = (struct decode_entry){ .key = *key, .reader = reader, .next = *at };
		*at = e;
		d->n++;
	}
	d->last = e;
	return e;
}

static bool is_known(const struct decode_entry *e)
{
	return e->state == ENTRY_PROGRAM || e->state == ENTRY_JSON;
}

/* Ids that nobody knows are endless. */
static void drop_useless(struct decode *d)
{
	d->last = NULL;
	for (size_t i = 0; i < d->slots; i++)
		for (struct decode_entry **at = &d->slot[i]; *at;) {
			struct decode_entry *e = *at;

			if (is_known(e)) {
				at = &e->next;
				continue;
			}
			*at = e->next;
			entry_free(e);
			d->n--;
		}
}

/* ---- what an entry becomes */

static const char *type_name(const char *type)
{
	return strcmp(type, "PROTOBUF") == 0 ? "Protobuf"
	       : strcmp(type, "JSON") == 0   ? "JSON Schema"
					     : type;
}

static void name_key(const struct registry_key *key, char out[NAME_BYTES])
{
	int n = snprintf(out, NAME_BYTES, "schema ");

	if (key->by == REGISTRY_BY_ID)
		snprintf(out + n, (size_t)(NAME_BYTES - n), "%" PRIu32, key->id);
	else
		registry_guid(key->guid, out + n);
}

static void say_why(struct decode_entry *e, enum entry_state state, const char *why)
{
	char name[NAME_BYTES];

	name_key(&e->key, name);
	free(e->why);
	e->why = mem_printf("%s: %s", name, why);
	e->state = state;
}

/* A schema that is not of Avro. */
static void take_other(struct decode_entry *e, const char *type, bool both)
{
	bool json = strcmp(type, "JSON") == 0;
	char why[96];

	if (json && both) {
		e->state = ENTRY_JSON;
		return;
	}
	snprintf(why, sizeof(why), "is of %s, not of Avro%s", type_name(type),
		 json   ? ": --decode json reads it"
		 : both ? " or JSON Schema"
			: "");
	say_why(e, ENTRY_BAD, why);
}

static void compile_entry(struct decode_entry *e, const struct registry_schema *schema,
			  struct err *err)
{
	struct avro_schema *writer;

	writer = avro_schema_new(schema->text, schema->refs, schema->n_refs, err);
	if (writer)
		e->program = avro_program_new(writer, e->reader ? e->reader->schema : NULL, err);
	avro_schema_free(writer);
	if (e->program)
		e->state = ENTRY_PROGRAM;
	else
		say_why(e, ENTRY_BAD, err->msg);
}

/* -1: the registry has failed. */
static int turn_entry(struct decode *d, struct decode_entry *e, struct err *err)
{
	struct registry_schema schema;

	if (is_known(e) || e->state == ENTRY_BAD)
		return 0;
	switch (d->conf->ops->find(d->registry, &e->key, &schema, err)) {
	case REGISTRY_FAILED:
		return -1;
	case REGISTRY_WAITS:
		e->state = ENTRY_WAITS;
		break;
	case REGISTRY_NONE:
		say_why(e, ENTRY_MISSING, err->msg);
		break;
	case REGISTRY_FOUND:
		if (strcmp(schema.type, "AVRO") == 0)
			compile_entry(e, &schema, err);
		else
			take_other(e, schema.type, d->conf->as == DECODE_REGISTRY);
		break;
	}
	err_clear(err);
	return 0;
}

/* ---- records */

static struct slice schema_header(const struct input_extra *x)
{
	for (size_t i = x->n; i-- > 0;)
		if (slice_is(x->header[i].name, AVRO_WIRE_HEADER) && x->header[i].value.p)
			return x->header[i].value;
	return (struct slice){ 0 };
}

static const struct decode_reader *reader_of(const struct decode *d, const struct partition *part)
{
	for (size_t i = 0; i < d->n_readers; i++)
		if (!d->reader[i].topic || strcmp(d->reader[i].topic, part->topic) == 0)
			return &d->reader[i];
	return NULL;
}

static struct registry_key key_of(const struct avro_wire *wire)
{
	struct registry_key key = { .by = REGISTRY_BY_ID, .id = wire->id };

	if (wire->has_guid) {
		key.by = REGISTRY_BY_GUID;
		memcpy(key.guid, wire->guid, sizeof(key.guid));
	}
	return key;
}

/* NULL: the record names no schema; why is in err. */
static struct decode_entry *entry_of_record(struct decode *d, const struct partition *part,
					    const struct input_record *r, struct slice header,
					    struct avro_wire *wire, struct err *err)
{
	struct registry_key key;

	if (avro_wire_read(r->value, header, wire, err))
		return NULL;
	key = key_of(wire);
	return entry_of(d, &key, reader_of(d, part));
}

int decode_ready(struct decode *d, const struct input *log, const struct partition *part,
		 const struct input_record *v, size_t n, size_t *ready, struct err *err)
{
	size_t waiting = 0;

	*ready = n;
	if (decode_is_json(d))
		return 0;
	if (d->n > MOST_ENTRIES)
		drop_useless(d);
	for (size_t i = 0; i < n && waiting < AHEAD; i++) {
		struct input_extra x = { 0 };
		struct decode_entry *e;
		struct avro_wire wire;

		if (!v[i].value.p || v[i].dead)
			continue;
		if (v[i].headers)
			log->ops->extra(log->self, &v[i], &x);
		e = entry_of_record(d, part, &v[i], schema_header(&x), &wire, &d->err);
		if (!e || is_known(e))
			continue;
		if (turn_entry(d, e, err))
			return -1;
		if (e->state == ENTRY_WAITS && waiting++ == 0)
			*ready = i;
	}
	return 0;
}

static int take_json(struct decode *d, const struct avro_wire *wire, struct slice *line)
{
	struct registry_key key = key_of(wire);
	char name[NAME_BYTES];

	*line = wire->body;
	if (avro_wire_begins_json(wire->body))
		return 0;
	name_key(&key, name);
	return err_set(&d->err, EX_DATAERR, "%s: not JSON behind the schema id%s", name,
		       decode_is_json(d) ? ": --decode avro reads Avro" : "");
}

static int line_of_json(struct decode *d, const struct input_record *r, struct slice header,
			struct slice *line)
{
	struct avro_wire wire;

	*line = r->value;
	if (decode_take_frame(line))
		return 0;
	return avro_wire_read(r->value, header, &wire, &d->err) ? -1 : take_json(d, &wire, line);
}

static int line_of_avro(struct decode *d, const struct decode_entry *e, struct slice body,
			size_t most_bytes, struct buf *scratch, struct slice *line)
{
	char name[NAME_BYTES];

	scratch->n = 0;
	if (avro_decode(e->program, body, most_bytes, scratch, &d->err)) {
		name_key(&e->key, name);
		return err_in(&d->err, "%s", name);
	}
	*line = buf_slice(scratch);
	return 0;
}

int decode_line(struct decode *d, const struct partition *part, const struct input_record *r,
		const struct input_extra *x, size_t most_bytes, struct buf *scratch,
		struct slice *line, const char **why)
{
	struct slice header = schema_header(x);
	struct avro_wire wire;
	struct decode_entry *e;

	*why = d->err.msg;
	if (decode_is_json(d))
		return line_of_json(d, r, header, line);
	e = entry_of_record(d, part, r, header, &wire, &d->err);
	if (!e)
		return -1;
	if (e->state == ENTRY_JSON)
		return take_json(d, &wire, line);
	if (e->state == ENTRY_PROGRAM)
		return line_of_avro(d, e, wire.body, most_bytes, scratch, line);
	*why = e->why;
	return -1;
}

/* ---- readers */

static int add_reader(struct decode *d, const char *topic, struct slice text,
		      const struct slice *refs, size_t n_refs, struct err *err)
{
	struct avro_schema *schema = avro_schema_new(text, refs, n_refs, err);

	if (!schema)
		return -1;
	d->reader = mem_grow(d->reader, d->n_readers + 1, sizeof(*d->reader));
	d->reader[d->n_readers++] = (struct decode_reader){ .topic = topic, .schema = schema };
	return 0;
}

static int get_reader(struct decode *d, const struct registry_key *key, const char *topic,
		      struct err *err)
{
	struct registry_schema s;
	enum registry_outcome rc;

	while ((rc = d->conf->ops->find(d->registry, key, &s, err)) == REGISTRY_WAITS)
		if (loop_turn(d->loop, INT64_MAX, err) < 0)
			return -1;
	if (rc == REGISTRY_FAILED)
		return -1;
	if (rc == REGISTRY_NONE) {
		err->code = EX_CONFIG;
		return err_in(err, "--schema %s", d->conf->schema);
	}
	err_clear(err);
	if (strcmp(s.type, "AVRO") != 0)
		return err_set(err, EX_CONFIG, "--schema %s: is of %s, not of Avro",
			       d->conf->schema, type_name(s.type));
	return add_reader(d, topic, s.text, s.refs, s.n_refs, err)
		       ? err_in(err, "--schema %s", d->conf->schema)
		       : 0;
}

static bool is_id(const char *text, uint32_t *id)
{
	uint64_t v;

	if (!*text || text[strspn(text, "0123456789")] || num_count(text, &v, NULL) ||
	    v > UINT32_MAX)
		return false;
	*id = (uint32_t)v;
	return true;
}

static bool is_latest(const char *text)
{
	return strcmp(text, "latest") == 0;
}

int decode_begin(struct decode *d, const char *const *topics, size_t n, struct err *err)
{
	struct registry_key key = { .by = REGISTRY_BY_ID };
	int rc = 0;

	if (!d->conf->schema || d->n_readers)
		return 0;
	if (!is_latest(d->conf->schema))
		return is_id(d->conf->schema, &key.id) ? get_reader(d, &key, NULL, err) : 0;
	key.by = REGISTRY_BY_SUBJECT;
	for (size_t i = 0; i < n && rc == 0; i++) {
		char *subject = mem_printf("%s-value", topics[i]);

		key.subject = subject;
		rc = get_reader(d, &key, topics[i], err);
		free(subject);
	}
	return rc;
}

static int read_file(struct decode *d, const char *path, struct err *err)
{
	struct buf text = { 0 };
	int fd = fd_open(path, err), rc;

	if (fd < 0)
		return -1;
	rc = rules_files_read(fd, path, &text, err);
	close(fd);
	if (rc == 0 && add_reader(d, NULL, buf_slice(&text), NULL, 0, err))
		rc = err_in(err, "%s", path);
	buf_fini(&text);
	return rc;
}

/* ---- life */

struct decode *decode_new(const struct decode_conf *conf, struct loop *loop, struct err *err)
{
	struct decode *d = mem_zalloc(sizeof(*d));
	uint32_t id;

	d->conf = conf;
	d->loop = loop;
	if (decode_is_json(d))
		return d;
	d->registry = conf->ops->open(&conf->registry, loop, err);
	if (d->registry && (!conf->schema || is_latest(conf->schema) || is_id(conf->schema, &id) ||
			    read_file(d, conf->schema, err) == 0))
		return d;
	decode_free(d);
	return NULL;
}

void decode_free(struct decode *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->slots; i++)
		for (struct decode_entry *e = d->slot[i], *next; e; e = next) {
			next = e->next;
			entry_free(e);
		}
	free(d->slot);
	for (size_t i = 0; i < d->n_readers; i++)
		avro_schema_free(d->reader[i].schema);
	free(d->reader);
	if (d->registry)
		d->conf->ops->close(d->registry);
	free(d);
}

bool decode_is_json(const struct decode *d)
{
	return d->conf->as == DECODE_JSON;
}
