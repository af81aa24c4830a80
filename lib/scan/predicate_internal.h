/* What the files of the predicates share. Not for others: predicate.h is the contract.
 *
 *   predicate_parse.c    text -> nodes, fields, literals (predicate_parser.h has more)
 *   predicate.c          nodes over a batch of lines
 *   predicate_compare.c  values of a batch against literals
 *   predicate_number.c   numbers of any size and precision against each other */
#ifndef SCAN_PREDICATE_INTERNAL_H
#define SCAN_PREDICATE_INTERNAL_H

#include "base/arena.h"
#include "scan/predicate.h"
#include "scan/value.h"

/* Types as jq orders them. */
enum predicate_class {
	CLASS_NULL,
	CLASS_FALSE,
	CLASS_TRUE,
	CLASS_NUMBER,
	CLASS_STRING,
	CLASS_ARRAY,
	CLASS_OBJECT,
};

extern const uint8_t predicate_class_of[]; /* by field_type */

enum predicate_relation { LESS = 1, EQUAL = 2, MORE = 4 }; /* bits */

struct predicate_literal {
	enum predicate_class class;
	struct slice text; /* decoded; as written for a number */
	/* the first and the last 8 bytes of the text, as far as there are so many; ff for each */
	uint64_t head, head_mask, tail, tail_mask;
	dec value;
	bool exact;      /* value is all of the number */
	bool plain;      /* the number is an integer from 0 to 99999999 */
	uint64_t digits; /* its digits, one a byte, the last one lowest */
};

enum predicate_kind {
	NODE_AND,
	NODE_OR,
	NODE_NOT,
	NODE_TYPE,    /* the type decides: a path as a truth value */
	NODE_HAS,     /* the type decides, and the parent has to be an object */
	NODE_COMPARE, /* with one literal */
	NODE_IN,      /* one of several literals */
	NODE_STARTS,
	NODE_ENDS,
};

/* Sets of types: bit field_type. */
enum {
	TYPES_ALL = (1 << (FIELD_OBJECT + 1)) - 1,
	TYPES_UNTRUE = 1 << FIELD_MISSING | 1 << FIELD_NULL | 1 << FIELD_FALSE,
	TYPES_STRING = 1 << FIELD_STRING | 1 << FIELD_ESCAPED,
};

/* What a node says of a line is decided by the field's type, or the text has to be looked at. */
struct predicate_node {
	enum predicate_kind kind;
	unsigned relation;        /* NODE_COMPARE: set of predicate_relation */
	uint32_t a, b;            /* nodes below */
	uint32_t field;           /* of all but the first three */
	uint32_t literal, n;      /* the first one, and how many; of NODE_IN in order */
	uint32_t holds, compares; /* types that hold, and those to look at */
	uint32_t wrong;           /* types that are errors */
};

struct predicate_field {
	struct path path;
	struct scan *parents; /* .a and .a.b of .a.b.c; made when it is needed */
	uint8_t column;
};

struct predicate {
	struct predicate_node *node; /* the last one is the condition */
	size_t nodes, nodes_cap;
	struct predicate_literal *literal;
	size_t literals, literals_cap;
	struct predicate_field *field;
	size_t fields, fields_cap;
	struct arena texts;
	struct buf decoded; /* of a string with escapes */
};

#define BIT(i) (UINT64_C(1) << (i))
#define for_each_line(i, set)                                                                  \
	for (uint64_t left_##i = (set); left_##i; left_##i &= left_##i - 1)                    \
		for (unsigned i = (unsigned)__builtin_ctzll(left_##i), once_##i = 1; once_##i; \
		     once_##i = 0)

/* The lines whose field is of that type. */
uint64_t predicate_of_type(struct value_column c, uint64_t lines, uint32_t type);

/* The lines that hold; all are numbers. */
uint64_t predicate_numbers(const struct predicate *p, const struct predicate_node *node,
			   struct value_column c, uint64_t lines);
/* All are strings. why: NULL or where the first reason goes. */
struct predicate_sets predicate_texts(struct predicate *p, const struct predicate_node *node,
				      struct value_column c, uint64_t lines, struct err *why);

/* Below, at or above 0: a against b, both JSON numbers. Exponents beyond 1e15 are taken for
 * that. */
int predicate_number_cmp(struct slice a, struct slice b);

/* The order of NODE_IN's literals of one class; strings go by their bytes. */
int predicate_literal_cmp(const struct predicate_literal *a, const struct predicate_literal *b);

#endif
