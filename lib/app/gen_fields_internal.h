/* Inside of events of a file: gen_fields.c reads the file into a tree of fields, gen_fields_write.c
 * walks over it, once an event. */
#ifndef APP_GEN_FIELDS_INTERNAL_H
#define APP_GEN_FIELDS_INTERNAL_H

#include "app/gen_fields.h"
#include "base/arena.h"

enum field_kind {
	MADE_UUID,
	MADE_TIME,
	MADE_TIME_NUMBER,
	MADE_CUSTOMER,
	MADE_ID,
	MADE_PICK,
	MADE_NUMBER,
	MADE_BOOL,
	MADE_OBJECT,
	MADE_LIST,
};

struct gen_field {
	enum field_kind kind;
	struct slice name;              /* "name": */
	uint64_t missing_cut, null_cut; /* 0: never, and no dice */
	int64_t low, span;              /* NUMBER: of 10^-digits; LIST: of elements */
	unsigned digits;                /* ID: of a number; NUMBER: behind the point */
	int64_t unit;                   /* TIME_NUMBER: microseconds */
	uint64_t true_cut;              /* BOOL */
	const struct slice *choice;     /* PICK */
	struct slice text;              /* ID: what stands before the number, a quote in front */
	struct gen_alias *weights;      /* ID, NULL: uniform */
	uint32_t of;                    /* ID: numbers; PICK: choices; OBJECT: fields */
	const struct gen_field *child;  /* OBJECT: its fields; LIST: one */
};

struct gen_fields {
	struct arena arena;
	struct gen_field *event;
	struct gen_alias **weights; /* all of them */
	size_t n_weights;
	size_t bytes;
};

/* Of v >= 0, at least 1. */
unsigned gen_fields_digits(int64_t v);

#endif
