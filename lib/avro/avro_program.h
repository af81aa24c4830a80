/* Programs: what avro_compile.c makes and avro_decode.c runs. */
#ifndef AVRO_AVRO_PROGRAM_H
#define AVRO_AVRO_PROGRAM_H

#include "avro/avro_internal.h"

enum { AVRO_LITERAL_PAD = 16 };

struct avro_run;
struct avro_op;

/* Does its part and returns the op that comes next, NULL: the end, or an error. */
typedef const struct avro_op *avro_step(struct avro_run *run, const struct avro_op *op);

/* One step: a text of ours, then what is read. Which members count is told at the steps below. */
struct avro_op {
	avro_step *run;
	const struct avro_op *next; /* the op behind it, or where a jump from there leads */
	struct slice text;          /* written first; AVRO_LITERAL_PAD readable bytes behind it */
	uint32_t n;                 /* bytes of a fixed; symbols; branches; scale */
	uint32_t to;                /* index of an op */
	enum avro_logical logical;
	union {
		const struct slice *symbol; /* in quotes; p NULL: the reader has none such */
		const uint32_t *branch;     /* index of the first op of each */
		const char *why;
	};
	const char *where; /* "Order.total", for errors */
};

struct avro_program {
	struct arena arena;
	struct avro_op *op;
	size_t n, cap;
};

/* Reading and writing: `text` first, then the value. */
avro_step avro_step_null, avro_step_boolean, avro_step_int, avro_step_long, avro_step_float,
	avro_step_double, avro_step_string, avro_step_bytes;
/* An int or a long as a float, a double; a float as a double. */
avro_step avro_step_int_float, avro_step_long_float, avro_step_int_double, avro_step_long_double,
	avro_step_float_double;
/* logical: a date, time or timestamp. */
avro_step avro_step_int_time, avro_step_long_time;
/* n: scale, bytes. */
avro_step avro_step_decimal, avro_step_fixed;
/* n: bytes, to: scale. */
avro_step avro_step_fixed_decimal;
avro_step avro_step_uuid, avro_step_duration;
/* n, symbol */
avro_step avro_step_enum;

/* Reading only, text is empty. n: bytes of skip_fixed. */
avro_step avro_step_skip_varint, avro_step_skip_bytes, avro_step_skip_fixed;

/* The items' ops are behind it, up to an end; to: the op behind that. */
avro_step avro_step_array, avro_step_map, avro_step_skip_array, avro_step_skip_map;
/* n, branch: goes on there */
avro_step avro_step_union;
/* to: goes on there; runs from there to an end and goes on behind itself */
avro_step avro_step_jump, avro_step_call;
/* why: nothing can be read */
avro_step avro_step_fail;
avro_step avro_step_end;

/* A program for two types. reader NULL is not allowed. -1: EX_CONFIG. */
int avro_compile(struct avro_program *program, const struct avro_type *writer,
		 const struct avro_type *reader, struct err *err);

#endif
