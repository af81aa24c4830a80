/* What the files of the parser share. Not for others.
 *
 *   predicate_parse.c    the grammar
 *   predicate_nodes.c    nodes, fields and literals
 *   predicate_text.c     characters: words, strings, numbers; and what to say of a wrong place */
#ifndef SCAN_PREDICATE_PARSER_H
#define SCAN_PREDICATE_PARSER_H

#include "scan/predicate_internal.h"

struct predicate_reader {
	struct slice text;
	size_t at;
	struct err *err;
	struct predicate *p;
	struct slice context; /* the path that "." is, as path_parse reads it; empty: the line */
	unsigned depth;       /* of parentheses and pipes */
};

/* An operand, until it is known what it is one of. */
struct predicate_operand {
	enum { OPERAND_NODE, OPERAND_PATH, OPERAND_LITERAL } kind;
	size_t at; /* where it began */
	uint32_t node, literal;
	struct slice path; /* as the reader's context */
};

/* The byte at the place, 0 behind the end. */
static inline char predicate_peek(const struct predicate_reader *r)
{
	return r->at < r->text.n ? r->text.p[r->at] : '\0';
}

/* Passes over white space and comments. */
void predicate_skip(struct predicate_reader *r);
/* The identifier at the place, empty if there is none; nothing is taken. */
struct slice predicate_word(const struct predicate_reader *r);
/* Takes white space, then the text if it is next. A word has to end there; white space is taken
 * anyway. */
bool predicate_take(struct predicate_reader *r, const char *text);
bool predicate_take_word(struct predicate_reader *r, const char *word);

/* The string in quotes at the place, decoded into the arena. */
bool predicate_string(struct predicate_reader *r, struct slice *out);
/* The JSON number at the place, perhaps with a minus before white space. */
bool predicate_number(struct predicate_reader *r, struct slice *out);

/* EX_USAGE: the text, the character `at`, the reason. False. */
bool predicate_fail_at(struct predicate_reader *r, size_t at, const char *reason);
/* The same for the place, with what stands there, why it is wrong and what to write. wanted: what
 * would have been right. */
bool predicate_fail(struct predicate_reader *r, const char *wanted);

/* Adds a node, which the operand becomes. */
bool predicate_add_node(struct predicate_reader *r, struct predicate_node node,
			struct predicate_operand *out);
/* A path becomes a node that asks for its truth; a literal is an error. */
bool predicate_node_of(struct predicate_reader *r, struct predicate_operand *o);
/* The field of a path, which stands at `at`. */
bool predicate_field_of(struct predicate_reader *r, struct slice path, size_t at, uint32_t *field);
uint32_t predicate_add_literal(struct predicate *p, enum predicate_class class, struct slice text);
/* Adds to `holds` and `compares` of the node what its relation to a literal of that class says. */
void predicate_set_types(struct predicate_node *node, enum predicate_class class);

#endif
