/* Objects of all days come in the order of their keys, so partitions are mixed: each is noted with
 * the number of its partition as they came, then all are numbered and sorted anew. An object takes
 * 50 bytes beside its key: a year of epochs of five minutes and ten partitions is a million. */
#include "drv/s3/s3_catalog.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/tm.h"
#include "drv/s3/s3_key.h"

void s3_catalog_fini(struct s3_catalog *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->v[i].key);
	free(c->v);
	free(c->first);
	partitions_fini(&c->parts);
	*c = (struct s3_catalog){ 0 };
}

/* ---- the list */

struct listing {
	struct s3_catalog *catalog, *each;
	uint64_t others;
	struct partitions parts; /* as they come */
	struct s3_name name;
};

static void add_object(struct s3_catalog *c, const struct s3_listed *o, size_t part, int64_t from,
		       enum pack_kind kind)
{
	int64_t us;

	mem_reserve(&c->v, &c->cap, c->n + 1, sizeof(*c->v));
	c->v[c->n++] = (struct s3_object){
		.key = mem_dup(o->key.p, o->key.n),
		.part = part,
		.from = from,
		.bytes = o->bytes,
		.time_us = tm_parse(o->time, &us) == 0 ? us : 0,
		.kind = kind,
	};
}

static int take_object(void *arg, const struct s3_listed *o, struct err *err)
{
	struct listing *l = arg;

	(void)err;
	if (s3_key_read(o->key, &l->name)) {
		struct partition *part = partitions_add(&l->parts, buf_slice(&l->name.topic),
							l->name.partition);

		add_object(l->catalog, o, (size_t)(part - l->parts.v), l->name.from, l->name.kind);
	} else if (s3_key_is_each(o->key) && o->bytes > 0) {
		add_object(l->each, o, 0, 0, PACK_ZSTD);
	} else {
		l->others++;
	}
	return 0;
}

static int part_cmp(const struct partition *a, const struct partition *b)
{
	int c = strcmp(a->topic, b->topic);

	return c ? c : (a->partition > b->partition) - (a->partition < b->partition);
}

static int by_part(const void *a, const void *b, void *parts)
{
	const struct partition *v = parts;

	return part_cmp(&v[*(const size_t *)a], &v[*(const size_t *)b]);
}

static int by_place(const void *a, const void *b)
{
	const struct s3_object *x = a, *y = b;

	if (x->part != y->part)
		return x->part < y->part ? -1 : 1;
	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return strcmp(x->key, y->key);
}

/* Partitions in their order, and every object's number among them. */
static void number_parts(struct s3_catalog *c, const struct partitions *came)
{
	size_t *order = mem_array(came->n + 1, sizeof(*order));
	size_t *number = mem_array(came->n + 1, sizeof(*number));

	for (size_t i = 0; i < came->n; i++)
		order[i] = i;
	qsort_r(order, came->n, sizeof(*order), by_part, came->v);
	for (size_t i = 0; i < came->n; i++) {
		const struct partition *p = &came->v[order[i]];

		number[order[i]] = i;
		partitions_add(&c->parts, slice_z(p->topic), p->partition);
	}
	for (size_t i = 0; i < c->n; i++)
		c->v[i].part = number[c->v[i].part];
	free(order);
	free(number);
}

static void find_first(struct s3_catalog *c)
{
	size_t at = 0;

	c->first = mem_array(c->parts.n + 1, sizeof(*c->first));
	for (size_t p = 0; p <= c->parts.n; p++) {
		while (at < c->n && c->v[at].part < p)
			at++;
		c->first[p] = at;
	}
}

static enum s3_outcome check_names(const struct s3_catalog *c, struct err *err)
{
	for (size_t i = 1; i < c->n; i++) {
		const struct s3_object *a = &c->v[i - 1], *b = &c->v[i];

		if (a->part != b->part || a->from != b->from)
			continue;
		err_set(err, EX_DATAERR,
			"%s and %s both begin at offset %" PRId64
			": the archive has records twice; take one of them away",
			a->key, b->key, b->from);
		return S3_FATAL;
	}
	return S3_DONE;
}

static int by_key(const void *a, const void *b)
{
	const struct s3_object *x = a, *y = b;

	return strcmp(x->key, y->key);
}

static void number_each(struct s3_catalog *c, const char *topic)
{
	int64_t at = 0;

	c->each = true;
	if (!c->n)
		return;
	qsort(c->v, c->n, sizeof(*c->v), by_key);
	for (size_t i = 0; i < c->n; i++) {
		c->v[i].from = at;
		at += c->v[i].bytes + 1;
	}
	partitions_add(&c->parts, slice_z(topic), 0);
	find_first(c);
}

enum s3_outcome s3_catalog_read(struct s3_catalog *c, struct s3_catalog *each, const char *topic,
				uint64_t *others, struct s3_conn *conn, struct err *err)
{
	struct listing l = { .catalog = c, .each = each };
	enum s3_outcome o;

	s3_catalog_fini(c);
	s3_catalog_fini(each);
	o = s3_list(conn, slice_z(conn->place.prefix), take_object, &l, err);
	if (o == S3_DONE) {
		number_parts(c, &l.parts);
		if (c->n)
			qsort(c->v, c->n, sizeof(*c->v), by_place);
		find_first(c);
		number_each(each, topic);
		o = check_names(c, err);
	}
	*others = l.others;
	partitions_fini(&l.parts);
	buf_fini(&l.name.topic);
	return o;
}

size_t s3_catalog_part(const struct s3_catalog *c, const char *topic, int32_t partition)
{
	const struct partition *p = partitions_find(&c->parts, slice_z(topic), partition);

	return p ? (size_t)(p - c->parts.v) : SIZE_MAX;
}

/* ---- the order of reading */

size_t *s3_catalog_order(const struct s3_catalog *c, const size_t *next, size_t *n)
{
	size_t *at = mem_array(c->parts.n + 1, sizeof(*at));
	size_t *order = mem_array(c->n + 1, sizeof(*order));

	for (size_t p = 0; p < c->parts.n; p++)
		at[p] = next[p];
	for (*n = 0;; (*n)++) {
		size_t best = SIZE_MAX;

		for (size_t p = 0; p < c->parts.n; p++)
			if (at[p] < c->first[p + 1] &&
			    (best == SIZE_MAX || c->v[at[p]].time_us < c->v[at[best]].time_us))
				best = p;
		if (best == SIZE_MAX)
			break;
		order[*n] = at[best]++;
	}
	free(at);
	return order;
}
