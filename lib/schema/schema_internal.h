/* What the files of the schema share. Not for others: schema.h is the contract.
 *
 *   schema_load.c     files, and what in them can be referred to: resources, anchors
 *   schema_refs.c     from a reference to a node
 *   schema_compile.c  schemas to operations: applicators and references
 *   schema_words.c    the same: assertions
 *   schema_circles.c  references that would never end
 *   schema_check.c    a value by operations
 *   schema_leaf.c     the operations that need nothing but a scalar
 *   schema_why.c      what is wrong, in words
 *   schema_scan.c     the quick way
 *
 * A schema is a stretch of the set's operations; all of them must hold. Schemas are numbered as
 * they are asked for. */
#ifndef SCHEMA_SCHEMA_INTERNAL_H
#define SCHEMA_SCHEMA_INTERNAL_H

#include "base/dec.h"
#include "schema/format.h"
#include "schema/instance.h"
#include "schema/number.h"
#include "schema/regex.h"
#include "schema/schema.h"

enum { NO_SCHEMA = UINT32_MAX };

enum schema_kind {
	SCHEMA_FALSE,
	/* leaves: the value's own node decides */
	SCHEMA_TYPE,
	SCHEMA_SCALARS, /* const, enum without arrays and objects */
	SCHEMA_MINIMUM,
	SCHEMA_MAXIMUM,
	SCHEMA_ABOVE, /* exclusiveMinimum */
	SCHEMA_BELOW,
	SCHEMA_MULTIPLE,
	SCHEMA_MIN_LENGTH,
	SCHEMA_MAX_LENGTH,
	SCHEMA_PATTERN,
	SCHEMA_FORMAT,
	/* the others */
	SCHEMA_VALUES, /* const, enum */
	SCHEMA_MIN_ITEMS,
	SCHEMA_MAX_ITEMS,
	SCHEMA_UNIQUE,
	SCHEMA_ITEMS,
	SCHEMA_CONTAINS,
	SCHEMA_MIN_MEMBERS,
	SCHEMA_MAX_MEMBERS,
	SCHEMA_MEMBERS,
	SCHEMA_NEEDS,        /* dependentRequired */
	SCHEMA_NEEDS_SCHEMA, /* dependentSchemas */
	SCHEMA_REF,
	SCHEMA_ALL,
	SCHEMA_ANY,
	SCHEMA_ONE,
	SCHEMA_NOT,
	SCHEMA_IF,
};

static inline bool schema_is_leaf(enum schema_kind kind)
{
	return kind >= SCHEMA_TYPE && kind <= SCHEMA_FORMAT;
}

/* A set of types: bit json_type of each, and one for numbers that are integers. */
enum { TYPE_INTEGER = 7 };

/* A name that `properties` or `required` has; name.p NULL: an empty slot. */
struct schema_member {
	struct slice name;
	uint32_t schema; /* NO_SCHEMA: only required */
	bool required;
};

struct schema_by_pattern {
	struct regex *pattern;
	uint32_t at; /* its name's node */
	uint32_t schema;
};

struct schema_members {
	struct schema_member *slot; /* by hash, open addressing; mask + 1 of them */
	uint32_t mask;
	uint32_t required;    /* how many are */
	uint32_t required_at; /* the keyword's node */
	struct schema_by_pattern *pattern;
	size_t patterns;
	uint32_t additional, names; /* schemas of the others, and of names; NO_SCHEMA */
};

struct schema_op {
	uint8_t kind;
	uint8_t types;      /* TYPE */
	uint8_t format;     /* FORMAT */
	bool bound_exact;   /* bound is the number */
	uint32_t doc;       /* the file, */
	uint32_t at;        /* and the node of the keyword's value in it */
	uint32_t other;     /* a schema: items, contains, not, if, $ref */
	uint32_t then, or ; /* schemas of if */
	uint64_t min, max;  /* lengths and counts; the one that there is */
	dec bound;          /* MINIMUM .. BELOW */
	struct number_divisor divisor;
	struct regex *pattern;
	uint32_t *list; /* schemas; owned */
	size_t n;
	struct schema_members *members; /* owned */
};

struct schema_code {
	uint32_t doc, at;  /* where it stands */
	uint32_t first, n; /* its operations */
	uint8_t mark;      /* while circles are looked for */
};

/* What has an absolute URI of its own: a file, or a schema with $id. */
struct schema_resource {
	char *uri;
	uint32_t doc, at;
};

struct schema_anchor {
	uint32_t resource;
	struct slice name; /* in the file's instance */
	uint32_t doc, at;
};

struct schema_doc {
	char *name, *text;
	struct instance in;
	uint32_t *resource; /* of each node */
	uint32_t *schema;   /* of each node; NO_SCHEMA */
};

struct schema_set {
	bool assert_formats;
	struct schema_doc *doc;
	size_t docs, docs_cap;
	struct schema_resource *resource;
	size_t resources, resources_cap;
	struct schema_anchor *anchor;
	size_t anchors, anchors_cap;
	struct schema_code *code;
	size_t codes, codes_cap;
	struct schema_op *op;
	size_t ops, ops_cap;
	struct regex **pattern;
	size_t patterns, patterns_cap;
};

/* What subschemas a word has. */
enum schema_below { BELOW_NONE, BELOW_ONE, BELOW_LIST, BELOW_NAMED };
enum schema_below schema_below(struct slice word);

/* The schema at a node, which is compiled later; its number. */
uint32_t schema_want(struct schema_set *set, uint32_t doc, uint32_t at);

/* NULL: none. */
const struct schema_resource *schema_resource_named(const struct schema_set *set, struct slice uri);

/* The node that a reference from a schema means. EX_CONFIG. */
int schema_resolve(struct schema_set *set, uint32_t doc, uint32_t at, struct slice reference,
		   uint32_t *to_doc, uint32_t *to_at, struct err *err);

/* EX_CONFIG with the node's place in front. Returns -1. */
int schema_fail(const struct schema_set *set, uint32_t doc, uint32_t at, struct err *err,
		const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* A schema at work, while it is compiled. */
struct schema_compiler {
	struct schema_set *set;
	uint32_t doc, at; /* the schema's own node */
	struct err *err;
};

/* The value of a word of the schema at work; 0: none. */
uint32_t schema_word(const struct schema_compiler *c, const char *word);
/* One more operation, of the word whose value is at the node. */
struct schema_op *schema_add(struct schema_compiler *c, enum schema_kind kind, uint32_t at);
/* A pattern that the set owns; NULL: err. at: for the message. */
struct regex *schema_pattern(struct schema_compiler *c, uint32_t at);
/* A count at a node; -1: err. */
int schema_count(struct schema_compiler *c, uint32_t at, uint64_t *out);
int schema_type_error(struct schema_compiler *c, uint32_t at, const char *want);

/* Those words that are assertions: their operations. */
int schema_assertions(struct schema_compiler *c);

/* When all are compiled: no chain of references and branches comes back to its start, or is longer
 * than a bound, without going down into the value. EX_CONFIG. */
int schema_circles(struct schema_set *set, struct err *err);

/* ---- judging */

struct schema_check {
	const struct schema_set *set;
	struct instance in;
	uint64_t fuel;  /* what is left */
	unsigned depth; /* schemas that are at work */
	unsigned quiet; /* whether branches hold is asked, not why not */
	bool stopped;   /* the value is bad, whatever the branch is in */
	uint32_t doc;   /* whose schema it is */
	struct err *why;
};

/* Before each value: all fuel, nothing stopped. */
void schema_check_begin(struct schema_check *c, struct err *why);

/* A leaf by a node. `at` is where it stands in c->in, for messages. */
bool schema_leaf(struct schema_check *c, const struct schema_op *op, const struct json_node *node,
		 uint32_t at);

/* Whether a part of the value at work is valid by a schema, by its text alone; without a reason. */
bool schema_check_part(struct schema_check *c, uint32_t schema, struct slice json);

/* What is wrong with the value at a node, in words; returns false. */
bool schema_wrong(struct schema_check *c, const struct schema_op *op, uint32_t at, const char *fmt,
		  ...) __attribute__((format(printf, 4, 5)));
/* The same by the operation alone. */
bool schema_wrong_op(struct schema_check *c, const struct schema_op *op, uint32_t at);
/* The value is bad whatever else holds. */
bool schema_stop(struct schema_check *c, const struct schema_op *op, uint32_t at,
		 const char *reason);

#endif
