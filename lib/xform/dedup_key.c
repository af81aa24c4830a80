/* The hash's input is built as dims_hash builds it, but that what is the same in all records
 * (length of the name, name) is copied as one piece:
 *
 *   part of the key     head                    tag  value
 *   event_id            08 00 00 00 event_id    's'  24 00 00 00 6f1c..
 *
 * A string without escapes, which nearly every key is, is copied from the line once; then XXH3 runs
 * over some fifty bytes. Cost: 25 to 40 ns a key. */
#include "xform/dedup_key.h"

#include <stdlib.h>

#include "base/dec.h"
#include "base/hash.h"
#include "base/mem.h"
#include "row/dims.h"

static const char topic_name[] = "@topic";

struct key_part {
	char *name; /* of the dimension */
	char *path; /* canonical; NULL: the topic */
	size_t field;
	struct buf head;
};

struct dedup_key {
	struct key_part *part; /* in the order of their names */
	size_t n, cap;
	const char **path;
	bool needs_topic;
	struct buf canonical, input, text;
};

/* ---- the list */

static void add_length(struct buf *out, size_t n)
{
	const uint8_t length[4] = { (uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16),
				    (uint8_t)(n >> 24) };

	buf_add(out, length, sizeof(length));
}

static int add_part(struct dedup_key *k, struct slice text, struct err *err)
{
	struct key_part part = { 0 };

	if (slice_is(text, topic_name)) {
		part.name = mem_strdup(topic_name);
		k->needs_topic = true;
	} else {
		struct path path;
		struct buf canonical = { 0 };

		if (path_parse(&path, text, err))
			return -1;
		path_canonical(&path, &canonical);
		part.name = mem_strdup(path.name);
		part.path = mem_strdup(buf_z(&canonical));
		buf_fini(&canonical);
		path_fini(&path);
	}
	add_length(&part.head, strlen(part.name));
	buf_addz(&part.head, part.name);
	mem_reserve(&k->part, &k->cap, k->n + 1, sizeof(*k->part));
	k->part[k->n++] = part;
	return 0;
}

/* The text up to a comma that stands in no quotes. */
static struct slice next_text(struct slice *rest)
{
	struct slice text = *rest;
	bool quoted = false;
	size_t i = 0;

	for (; i < rest->n && (quoted || rest->p[i] != ','); i++) {
		if (quoted && rest->p[i] == '\\' && i + 1 < rest->n)
			i++;
		else if (rest->p[i] == '"')
			quoted = !quoted;
	}
	text.n = i;
	*rest = i < rest->n ? slice(rest->p + i + 1, rest->n - i - 1) : slice(NULL, 0);
	return text;
}

static int part_cmp(const void *a, const void *b)
{
	const struct key_part *x = a, *y = b;

	return slice_cmp(slice_z(x->name), slice_z(y->name));
}

static int finish_parts(struct dedup_key *k, struct err *err)
{
	size_t fields = 0;

	qsort(k->part, k->n, sizeof(*k->part), part_cmp);
	k->path = mem_array(k->n + 1, sizeof(*k->path));
	for (size_t i = 0; i < k->n; i++) {
		struct key_part *p = &k->part[i];

		if (i && strcmp(p->name, p[-1].name) == 0)
			return err_set(err, EX_USAGE, "%s stands there twice", p->name);
		if (i)
			buf_addc(&k->canonical, ',');
		buf_addz(&k->canonical, p->path ? p->path : topic_name);
		if (p->path) {
			p->field = fields;
			k->path[fields++] = p->path;
		}
	}
	if (fields == 0)
		return err_set(err, EX_USAGE, "names no field: --key event_id");
	return 0;
}

struct dedup_key *dedup_key_new(struct slice text, struct err *err)
{
	struct dedup_key *k = mem_zalloc(sizeof(*k));
	struct slice rest = text;
	int rc = 0;

	do
		rc = add_part(k, next_text(&rest), err);
	while (rc == 0 && rest.p);
	if (rc || finish_parts(k, err)) {
		dedup_key_free(k);
		return NULL;
	}
	return k;
}

void dedup_key_free(struct dedup_key *k)
{
	if (!k)
		return;
	for (size_t i = 0; i < k->n; i++) {
		free(k->part[i].name);
		free(k->part[i].path);
		buf_fini(&k->part[i].head);
	}
	free(k->part);
	free(k->path);
	buf_fini(&k->canonical);
	buf_fini(&k->input);
	buf_fini(&k->text);
	free(k);
}

const char *const *dedup_key_paths(const struct dedup_key *k)
{
	return k->path;
}

bool dedup_key_needs_topic(const struct dedup_key *k)
{
	return k->needs_topic;
}

struct slice dedup_key_canonical(const struct dedup_key *k)
{
	return buf_slice(&k->canonical);
}

/* ---- a record */

static void add_value(struct dedup_key *k, enum dim_tag tag, struct slice value)
{
	buf_addc(&k->input, (char)tag);
	add_length(&k->input, value.n);
	buf_adds(&k->input, value);
}

static enum dedup_key_result add_field(struct dedup_key *k, const struct field *f)
{
	struct slice text = slice(f->p, f->n);

	k->text.n = 0;
	switch ((enum field_type)f->type) {
	case FIELD_STRING:
		add_value(k, DIM_STRING, text);
		return DEDUP_KEY_OK;
	case FIELD_ESCAPED:
		if (scan_unescape(text, &k->text))
			return DEDUP_KEY_SURROGATE;
		add_value(k, DIM_STRING, buf_slice(&k->text));
		return DEDUP_KEY_OK;
	case FIELD_NUMBER:
		dec_canonical(text, &k->text);
		add_value(k, DIM_NUMBER, buf_slice(&k->text));
		return DEDUP_KEY_OK;
	case FIELD_TRUE:
	case FIELD_FALSE:
		add_value(k, f->type == FIELD_TRUE ? DIM_TRUE : DIM_FALSE, slice("", 0));
		return DEDUP_KEY_OK;
	case FIELD_ARRAY:
	case FIELD_OBJECT:
		return DEDUP_KEY_STRUCTURE;
	case FIELD_MISSING:
	case FIELD_NULL:
		break;
	}
	return DEDUP_KEY_MISSING;
}

enum dedup_key_result dedup_key_make(struct dedup_key *k, const struct field *field,
				     struct slice topic, uint64_t out[2], size_t *at)
{
	uint8_t hash[16];

	k->input.n = 0;
	for (size_t i = 0; i < k->n; i++) {
		const struct key_part *p = &k->part[i];
		enum dedup_key_result r = DEDUP_KEY_OK;

		buf_adds(&k->input, buf_slice(&p->head));
		if (p->path)
			r = add_field(k, &field[p->field]);
		else
			add_value(k, DIM_STRING, topic);
		if (r != DEDUP_KEY_OK) {
			*at = i;
			return r;
		}
	}
	hash_128(k->input.p, k->input.n, hash);
	memcpy(out, hash, sizeof(hash));
	return DEDUP_KEY_OK;
}

void dedup_key_why(const struct dedup_key *k, enum dedup_key_result r, size_t at, struct err *err)
{
	static const char *const why[] = {
		[DEDUP_KEY_MISSING] = "is missing",
		[DEDUP_KEY_STRUCTURE] = "is an array or object, no key",
		[DEDUP_KEY_SURROGATE] = "has half a surrogate pair",
	};

	err_set(err, EX_DATAERR, "key: %s %s", k->part[at].name, why[r]);
}
