/* Two types to a program: what the writer wrote, as the reader wants it. What of the reader's takes
 * what of the writer's is avro_resolve.c's to say.
 *
 *   record   a piece of ops of its own for each pair of records, called wherever the pair meets: so
 *            types that have themselves inside end, and a type that is used often stands once
 *   all else in place, one op a value; an op has the text before its value (`pending`) with it
 *   union    an op that goes on at the ops of the branch that was written; each ends in a jump
 *   fields   that only the reader has: their defaults are texts of JSON, made here
 *   fields   that only the writer has: ops that pass over (reader NULL below)
 *
 * What does not fit makes compile() return -1 with the reason in c->why. A branch of a union that
 * does not fit becomes an op that fails with that reason, since records may never have it; so does
 * a record that is called. For the record at the root it is the error of the whole.
 *
 * Two schemas that want to can have as many pairs as the product of their records: PAIRS bounds
 * them, OPS what they come to. */
#include "avro/avro_program.h"

#include <stdlib.h>

#include "avro/avro_resolve.h"
#include "base/mem.h"

enum { PAIRS = 4 * AVRO_MANY, OPS = 1 << 20 };

struct avro_pair {
	const struct avro_type *writer, *reader; /* reader NULL: passed over */
	uint32_t at;                             /* its first op */
};

struct avro_compiler {
	struct avro_program *program;
	struct buf pending; /* text before the next value */
	struct avro_pair *pair;
	size_t n_pairs, cap_pairs;
	const char *where;
	struct err why;
};

static int compile(struct avro_compiler *c, const struct avro_type *w, const struct avro_type *r);

/* ---- ops */

static struct slice keep_text(struct avro_compiler *c, struct slice text)
{
	char *copy = arena_alloc(&c->program->arena, text.n + AVRO_LITERAL_PAD);

	memcpy(copy, text.p ? text.p : "", text.n);
	memset(copy + text.n, 0, AVRO_LITERAL_PAD);
	return slice(copy, text.n);
}

static const char *keep_z(struct avro_compiler *c, const char *text)
{
	return keep_text(c, slice_z(text)).p;
}

/* Appends an op, which takes the pending text. Its index. */
static uint32_t emit(struct avro_compiler *c, avro_step *run)
{
	struct avro_program *p = c->program;

	mem_reserve(&p->op, &p->cap, p->n + 1, sizeof(*p->op));
	p->op[p->n] = (struct avro_op){ .run = run, .where = c->where };
	if (c->pending.n > 0)
		p->op[p->n].text = keep_text(c, buf_slice(&c->pending));
	c->pending.n = 0;
	return (uint32_t)p->n++;
}

static struct avro_op *emit_op(struct avro_compiler *c, avro_step *run)
{
	uint32_t at = emit(c, run);

	return &c->program->op[at];
}

static uint32_t here(const struct avro_compiler *c)
{
	return (uint32_t)c->program->n;
}

static int mismatch(struct avro_compiler *c, const struct avro_type *w, const struct avro_type *r)
{
	return err_set(&c->why, EX_CONFIG, "%s: the writer has %s, the reader %s", c->where,
		       w->name, r->name);
}

static int check_logical(struct avro_compiler *c, const struct avro_type *w,
			 const struct avro_type *r)
{
	if (!w->logical || !r->logical)
		return 0;
	if (w->logical != r->logical)
		return err_set(&c->why, EX_CONFIG, "%s: the writer has %s, the reader %s", c->where,
			       avro_logical_name(w->logical), avro_logical_name(r->logical));
	if (w->logical == AVRO_DECIMAL && w->scale != r->scale)
		return err_set(&c->why, EX_CONFIG,
			       "%s: the writer has a decimal of scale %u, the reader of %u",
			       c->where, w->scale, r->scale);
	return 0;
}

/* ---- numbers and texts */

/* The step for numbers of w read as r, which takes them. */
static avro_step *number_step(const struct avro_type *w, const struct avro_type *r)
{
	bool is_int = w->kind == AVRO_INT;

	if (r->kind == AVRO_FLOAT)
		return w->kind == AVRO_FLOAT ? avro_step_float
		       : is_int              ? avro_step_int_float
					     : avro_step_long_float;
	if (r->kind == AVRO_DOUBLE)
		return w->kind == AVRO_DOUBLE  ? avro_step_double
		       : w->kind == AVRO_FLOAT ? avro_step_float_double
		       : is_int                ? avro_step_int_double
					       : avro_step_long_double;
	if (r->logical)
		return is_int ? avro_step_int_time : avro_step_long_time;
	return is_int ? avro_step_int : avro_step_long;
}

static int compile_plain(struct avro_compiler *c, const struct avro_type *w,
			 const struct avro_type *r)
{
	struct avro_op *op;

	switch (r->kind) {
	case AVRO_NULL:
		emit(c, avro_step_null);
		return 0;
	case AVRO_BOOLEAN:
		emit(c, avro_step_boolean);
		return 0;
	case AVRO_STRING:
		emit(c, avro_step_string);
		return 0;
	case AVRO_BYTES:
		op = emit_op(c, r->logical ? avro_step_decimal : avro_step_bytes);
		op->n = r->scale;
		return 0;
	default:
		op = emit_op(c, number_step(w, r));
		op->logical = r->logical;
		return 0;
	}
}

static int compile_fixed(struct avro_compiler *c, const struct avro_type *w,
			 const struct avro_type *r)
{
	struct avro_op *op;

	if (w->size != r->size)
		return err_set(&c->why, EX_CONFIG, "%s: the writer has %u bytes, the reader %u",
			       c->where, w->size, r->size);
	op = emit_op(c, r->logical == AVRO_DECIMAL    ? avro_step_fixed_decimal
			: r->logical == AVRO_UUID     ? avro_step_uuid
			: r->logical == AVRO_DURATION ? avro_step_duration
						      : avro_step_fixed);
	op->n = w->size;
	op->to = r->scale;
	return 0;
}

static int compile_enum(struct avro_compiler *c, const struct avro_type *w,
			const struct avro_type *r)
{
	struct slice *symbol = arena_alloc(&c->program->arena, (w->n + 1) * sizeof(*symbol));
	struct buf quoted = { 0 };
	struct avro_op *op;

	for (size_t i = 0; i < w->n; i++) {
		const char *name = avro_symbol_of(r, w->symbol[i]);

		symbol[i] = (struct slice){ 0 };
		if (!name)
			continue;
		quoted.n = 0;
		json_quote_z(&quoted, name);
		symbol[i] = keep_text(c, buf_slice(&quoted));
	}
	buf_fini(&quoted);
	op = emit_op(c, avro_step_enum);
	op->n = (uint32_t)w->n;
	op->symbol = symbol;
	return 0;
}

/* ---- unions */

/* What one branch of the writer's union is read by; or an op that fails, in its place. */
static void compile_branch(struct avro_compiler *c, const struct avro_type *w,
			   const struct avro_type *r)
{
	uint32_t start = here(c);
	size_t pairs = c->n_pairs;

	if (compile(c, w, r) == 0)
		return;
	c->program->n = start;
	c->n_pairs = pairs;
	c->pending.n = 0;
	emit_op(c, avro_step_fail)->why = keep_z(c, c->why.msg);
}

static int compile_union(struct avro_compiler *c, const struct avro_type *w,
			 const struct avro_type *r)
{
	uint32_t *branch = arena_alloc(&c->program->arena, (w->n + 1) * sizeof(*branch));
	uint32_t *jump = arena_alloc(&c->program->arena, (w->n + 1) * sizeof(*jump));
	struct avro_op *op = emit_op(c, avro_step_union);

	op->n = (uint32_t)w->n;
	op->branch = branch;
	for (size_t i = 0; i < w->n; i++) {
		branch[i] = here(c);
		compile_branch(c, w->branch[i], r);
		jump[i] = emit(c, avro_step_jump);
	}
	for (size_t i = 0; i < w->n; i++)
		c->program->op[jump[i]].to = here(c);
	return 0;
}

/* ---- arrays and maps */

static int compile_items(struct avro_compiler *c, const struct avro_type *w,
			 const struct avro_type *r)
{
	bool is_map = w->kind == AVRO_MAP;
	const char *outside = c->where;
	uint32_t at;

	if (r)
		at = emit(c, is_map ? avro_step_map : avro_step_array);
	else
		at = emit(c, is_map ? avro_step_skip_map : avro_step_skip_array);
	struct buf where = { 0 };
	buf_printf(&where, "%s%s", outside, is_map ? "{}" : "[]");
	c->where = keep_z(c, buf_z(&where));
	buf_fini(&where);
	int result = compile(c, w->items, r ? r->items : NULL);
	c->where = outside;
	emit(c, avro_step_end);
	c->program->op[at].to = here(c);
	return result;
}

/* ---- records */

/* The place of a pair in the table; it is put there, to be compiled later, if it is new. */
static uint32_t pair_of(struct avro_compiler *c, const struct avro_type *w,
			const struct avro_type *r)
{
	for (size_t i = 0; i < c->n_pairs; i++)
		if (c->pair[i].writer == w && c->pair[i].reader == r)
			return (uint32_t)i;
	mem_reserve(&c->pair, &c->cap_pairs, c->n_pairs + 1, sizeof(*c->pair));
	c->pair[c->n_pairs] = (struct avro_pair){ w, r, 0 };
	return (uint32_t)c->n_pairs++;
}

/* to: the pair, until all are compiled. */
static int compile_call(struct avro_compiler *c, const struct avro_type *w,
			const struct avro_type *r)
{
	uint32_t pair = pair_of(c, w, r);

	if (c->n_pairs > PAIRS || c->program->n > OPS)
		return err_set(&c->why, EX_CONFIG, "%s: too many records face each other",
			       c->where);
	emit_op(c, avro_step_call)->to = pair;
	return 0;
}

static void pend_name(struct avro_compiler *c, const char *name, bool *first)
{
	buf_addc(&c->pending, *first ? '{' : ',');
	json_quote_z(&c->pending, name);
	buf_addc(&c->pending, ':');
	*first = false;
}

static void set_where(struct avro_compiler *c, const struct avro_type *record, const char *field)
{
	struct buf where = { 0 };

	buf_printf(&where, "%s.%s", avro_short(record->name), field);
	c->where = keep_z(c, buf_z(&where));
	buf_fini(&where);
}

static int pend_default(struct avro_compiler *c, const struct avro_field *field)
{
	struct avro_program program = { 0 };
	struct buf bytes = { 0 };
	int result = -1;

	if (!field->value.json)
		return err_set(&c->why, EX_CONFIG,
			       "%s: the writer does not have it, and it has no default", c->where);
	if (avro_encode_default(field, &bytes, &c->why) ||
	    avro_compile(&program, field->type, field->type, &c->why) ||
	    avro_decode(&program, buf_slice(&bytes), SIZE_MAX / 16, &c->pending, &c->why))
		err_in(&c->why, "%s: default", c->where);
	else
		result = 0;
	buf_fini(&bytes);
	free(program.op);
	arena_fini(&program.arena);
	return result;
}

static int compile_fields(struct avro_compiler *c, const struct avro_type *w,
			  const struct avro_type *r, bool *taken)
{
	bool first = true;

	for (size_t i = 0; i < w->n; i++) {
		const struct avro_field *field = r ? avro_field_for(w, w->field[i].name, r, taken)
						   : NULL;

		set_where(c, w, w->field[i].name);
		if (field) {
			taken[field - r->field] = true;
			pend_name(c, field->name, &first);
		}
		if (compile(c, w->field[i].type, field ? field->type : NULL))
			return -1;
	}
	for (size_t i = 0; r && i < r->n; i++) {
		if (taken[i])
			continue;
		set_where(c, r, r->field[i].name);
		pend_name(c, r->field[i].name, &first);
		if (pend_default(c, &r->field[i]))
			return -1;
	}
	if (r)
		buf_addz(&c->pending, first ? "{}" : "}");
	return 0;
}

/* The ops of one pair of records. */
static int compile_record(struct avro_compiler *c, size_t pair)
{
	const struct avro_type *w = c->pair[pair].writer, *r = c->pair[pair].reader;
	bool *taken = mem_array((r ? r->n : 0) + 1, sizeof(*taken));
	int result;

	c->pair[pair].at = here(c);
	result = compile_fields(c, w, r, taken);
	if (result) {
		c->program->n = c->pair[pair].at;
		c->pending.n = 0;
		emit_op(c, avro_step_fail)->why = keep_z(c, c->why.msg);
	}
	emit(c, avro_step_end);
	free(taken);
	return result;
}

/* ---- any type */

static int compile_skip(struct avro_compiler *c, const struct avro_type *w)
{
	static const uint32_t sizes[] = {
		[AVRO_NULL] = 0, [AVRO_BOOLEAN] = 1, [AVRO_FLOAT] = 4, [AVRO_DOUBLE] = 8
	};

	switch (w->kind) {
	case AVRO_INT:
	case AVRO_LONG:
	case AVRO_ENUM:
		emit(c, avro_step_skip_varint);
		return 0;
	case AVRO_BYTES:
	case AVRO_STRING:
		emit(c, avro_step_skip_bytes);
		return 0;
	case AVRO_FIXED:
		emit_op(c, avro_step_skip_fixed)->n = w->size;
		return 0;
	default:
		emit_op(c, avro_step_skip_fixed)->n = sizes[w->kind];
		return 0;
	}
}

static int compile_as(struct avro_compiler *c, const struct avro_type *w, const struct avro_type *r)
{
	if (check_logical(c, w, r))
		return -1;
	if (w->kind != r->kind)
		return avro_is_promoted(w->kind, r->kind) ? compile_plain(c, w, r)
							  : mismatch(c, w, r);
	if (w->kind == AVRO_RECORD)
		return compile_call(c, w, r);
	if (w->kind == AVRO_ARRAY || w->kind == AVRO_MAP)
		return compile_items(c, w, r);
	if (avro_is_named(w) && !avro_same_name(w, r))
		return mismatch(c, w, r);
	if (w->kind == AVRO_ENUM)
		return compile_enum(c, w, r);
	return w->kind == AVRO_FIXED ? compile_fixed(c, w, r) : compile_plain(c, w, r);
}

static int compile(struct avro_compiler *c, const struct avro_type *w, const struct avro_type *r)
{
	const struct avro_type *branch;

	if (w->kind == AVRO_UNION)
		return compile_union(c, w, r);
	if (!r && w->kind == AVRO_RECORD)
		return compile_call(c, w, NULL);
	if (!r && (w->kind == AVRO_ARRAY || w->kind == AVRO_MAP))
		return compile_items(c, w, NULL);
	if (!r)
		return compile_skip(c, w);
	if (r->kind != AVRO_UNION)
		return compile_as(c, w, r);
	branch = avro_branch_for(w, r);
	return branch ? compile_as(c, w, branch) : mismatch(c, w, r);
}

/* ---- the whole */

/* Where one goes on that comes to an op: jumps without a text are passed by. They lead forward. */
static const struct avro_op *landing(const struct avro_program *p, size_t at)
{
	while (at < p->n && p->op[at].run == avro_step_jump && p->op[at].text.n == 0)
		at = p->op[at].to;
	return p->op + at;
}

static void link_ops(struct avro_compiler *c)
{
	struct avro_op *op = c->program->op;

	for (size_t i = 0; i < c->program->n; i++) {
		op[i].next = landing(c->program, i + 1);
		if (op[i].run == avro_step_call)
			op[i].to = c->pair[op[i].to].at;
	}
}

int avro_compile(struct avro_program *program, const struct avro_type *writer,
		 const struct avro_type *reader, struct err *err)
{
	struct avro_compiler c = { .program = program };
	int result;

	c.where = keep_z(&c, avro_short(writer->name));
	result = compile(&c, writer, reader);
	emit(&c, avro_step_end);
	for (size_t i = 0; result == 0 && i < c.n_pairs; i++)
		if (compile_record(&c, i) && i == 0 && writer->kind == AVRO_RECORD)
			result = -1;
	if (result == 0)
		link_ops(&c);
	else if (err)
		err_copy(err, &c.why);
	buf_fini(&c.pending);
	free(c.pair);
	return result;
}

struct avro_program *avro_program_new(const struct avro_schema *writer,
				      const struct avro_schema *reader, struct err *err)
{
	struct avro_program *program = mem_zalloc(sizeof(*program));

	if (avro_compile(program, writer->root, reader ? reader->root : writer->root, err) == 0)
		return program;
	avro_program_free(program);
	return NULL;
}

void avro_program_free(struct avro_program *program)
{
	if (!program)
		return;
	free(program->op);
	arena_fini(&program->arena);
	free(program);
}
