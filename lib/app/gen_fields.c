/* The file of fields is read once, into a tree (gen_fields_internal.h). What does not change is
 * text already: names with their quotes and colon, values to pick from, the text before a number.
 * The bytes that each value may need are added up on the way, so the longest event is known before
 * the first. */
#include "app/gen_fields_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/dec.h"
#include "base/mem.h"
#include "json/json.h"

enum { LINE_MOST = 256 << 10, LIST_MOST = 1000, NUMBER_BYTES = 24, DIGITS_MOST = 9 };
enum { UUID_BYTES = 38, STAMP_BYTES = 26, CUSTOMER_BYTES = 12 };

struct fields_reader {
	struct gen_fields *f;
	struct json json;
	struct buf place; /* the field at work: order.items */
	struct err *err;
};

static int read_generator(struct fields_reader *r, uint32_t at, struct gen_field *out,
			  size_t *bytes);

/* ---- what is wrong */

static int fail_field(struct fields_reader *r, const char *what)
{
	return err_set(r->err, EX_CONFIG, "field %s: %s",
		       r->place.n ? buf_z(&r->place) : "(the event)", what);
}

/* The text of a value in the file; of a string with its quotes. */
static struct slice json_text_of(const struct fields_reader *r, uint32_t at)
{
	const struct json_node *n = &r->json.node[at];

	return n->type == JSON_STRING ? slice(n->text.p - 1, n->text.n + 2) : n->text;
}

static bool is_type(const struct fields_reader *r, uint32_t at, enum json_type type)
{
	return r->json.node[at].type == type;
}

/* Of an object, from a member's name to the next one's. */
static uint32_t next_member(const struct fields_reader *r, uint32_t name)
{
	return r->json.node[r->json.node[name].next].next;
}

/* Members that a generator does not know are mistakes. */
static int check_members(struct fields_reader *r, uint32_t at, const char *const *known)
{
	const struct json_node *node = r->json.node;

	for (uint32_t i = json_first(&r->json, at); i < node[at].next; i = next_member(r, i)) {
		bool found = false;
		char what[128];

		for (size_t k = 0; known[k] && !found; k++)
			found = slice_is(node[i].text, known[k]);
		if (found || slice_is(node[i].text, "missing") || slice_is(node[i].text, "null"))
			continue;
		snprintf(what, sizeof(what), "\"%.*s\" is not for {\"%s\": ..}",
			 (int)(node[i].text.n < 60 ? node[i].text.n : 60), node[i].text.p,
			 known[0]);
		return fail_field(r, what);
	}
	return 0;
}

static int take_probability(struct fields_reader *r, uint32_t at, const char *what, uint64_t *cut)
{
	double p;
	char *end, text[64] = "";
	struct slice s = r->json.node[at].text;

	if (s.n < sizeof(text))
		memcpy(text, s.p, s.n);
	p = strtod(text, &end);
	if (!is_type(r, at, JSON_NUMBER) || end == text || !(p >= 0 && p <= 1))
		return fail_field(r, what);
	*cut = gen_cut(p);
	return 0;
}

static int take_share(struct fields_reader *r, uint32_t at, const char *name, uint64_t *cut)
{
	uint32_t node = json_get(&r->json, at, name);
	char what[64];

	snprintf(what, sizeof(what), "\"%s\" is a probability, 0 to 1", name);
	return node ? take_probability(r, node, what, cut) : 0;
}

/* Two numbers, the lower one first, in units of 10^-digits. */
static int take_range(struct fields_reader *r, uint32_t at, unsigned digits, struct gen_field *out)
{
	dec unit = 1000000000 /* of decimals */, low, high;
	uint32_t a = json_first(&r->json, at), b;

	for (unsigned i = 0; i < digits; i++)
		unit /= 10;
	if (!is_type(r, at, JSON_ARRAY) || a >= r->json.node[at].next ||
	    (b = r->json.node[a].next) >= r->json.node[at].next ||
	    r->json.node[b].next != r->json.node[at].next || !is_type(r, a, JSON_NUMBER) ||
	    !is_type(r, b, JSON_NUMBER) || dec_parse(r->json.node[a].text, &low) != DEC_OK ||
	    dec_parse(r->json.node[b].text, &high) != DEC_OK || low % unit || high % unit ||
	    low > high)
		return fail_field(
			r, "[LOW, HIGH] is wanted, two numbers of no more digits than it has");
	low /= unit;
	high /= unit;
	if (low < -INT64_C(1000000000000000) || high > INT64_C(1000000000000000))
		return fail_field(r, "numbers of more than 15 digits");
	out->low = (int64_t)low;
	out->span = (int64_t)(high - low) + 1;
	return 0;
}

/* A whole number within bounds. */
static int take_whole(struct fields_reader *r, uint32_t at, const char *name, int64_t least,
		      int64_t most, int64_t *out)
{
	uint32_t node = json_get(&r->json, at, name);
	char what[96];

	if (!node || (is_type(r, node, JSON_NUMBER) && json_i64(&r->json, node, out) &&
		      *out >= least && *out <= most))
		return 0;
	snprintf(what, sizeof(what), "\"%s\" is a whole number from %lld to %lld", name,
		 (long long)least, (long long)most);
	return fail_field(r, what);
}

/* ---- generators. `at` is the object, `value` its first kind of member */

static int read_time(struct fields_reader *r, uint32_t at, uint32_t value, struct gen_field *out,
		     size_t *bytes)
{
	static const struct {
		const char *name;
		int64_t us;
	} units[] = { { "s", 1000000 }, { "ms", 1000 }, { "us", 1 } };

	(void)at;
	out->kind = MADE_TIME_NUMBER;
	*bytes = NUMBER_BYTES;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (json_is(&r->json, value, slice_z(units[i].name))) {
			out->unit = units[i].us;
			return 0;
		}
	return fail_field(r, "\"time\" is \"s\", \"ms\" or \"us\"");
}

static int read_id(struct fields_reader *r, uint32_t at, uint32_t value, struct gen_field *out,
		   size_t *bytes)
{
	struct slice text = json_text_of(r, value);
	uint32_t zipf = json_get(&r->json, at, "zipf");
	char *end, number[64] = "";
	int64_t of = 1000;
	double s = 0;

	if (!is_type(r, value, JSON_STRING))
		return fail_field(r, "\"id\" is the text before the number");
	if (take_whole(r, at, "of", 1, 10000000, &of))
		return -1;
	out->kind = MADE_ID;
	out->of = (uint32_t)of;
	out->digits = gen_fields_digits(of);
	out->text = arena_copy(&r->f->arena, slice(text.p, text.n - 1));
	*bytes = text.n + out->digits;
	if (!zipf)
		return 0;
	if (r->json.node[zipf].text.n < sizeof(number))
		memcpy(number, r->json.node[zipf].text.p, r->json.node[zipf].text.n);
	s = strtod(number, &end);
	if (!is_type(r, zipf, JSON_NUMBER) || end == number || !(s >= 0 && s <= 10))
		return fail_field(r, "\"zipf\" is a number from 0 to 10");
	out->weights = gen_alias_new(out->of, s);
	r->f->weights = mem_grow(r->f->weights, r->f->n_weights + 1, sizeof(*r->f->weights));
	r->f->weights[r->f->n_weights++] = out->weights;
	return 0;
}

/* A newline within a value is white space. */
static struct slice one_line(struct fields_reader *r, uint32_t at)
{
	struct slice text = arena_copy(&r->f->arena, json_text_of(r, at));
	char *p = (char *)(uintptr_t)text.p;

	for (size_t i = 0; i < text.n; i++)
		if (p[i] == '\n' || p[i] == '\r')
			p[i] = ' ';
	return text;
}

static int read_choices(struct fields_reader *r, uint32_t first, uint32_t end,
			struct gen_field *out, size_t *bytes)
{
	struct slice *choice;
	uint32_t n = 0;

	for (uint32_t i = first; i < end; i = r->json.node[i].next)
		n++;
	if (n == 0)
		return fail_field(r, "there is nothing to pick from");
	choice = arena_alloc(&r->f->arena, n * sizeof(*choice));
	out->kind = MADE_PICK;
	out->choice = choice;
	out->of = n;
	for (uint32_t i = first; i < end; i = r->json.node[i].next, choice++) {
		*choice = one_line(r, i);
		*bytes = choice->n > *bytes ? choice->n : *bytes;
	}
	return 0;
}

static int read_pick(struct fields_reader *r, uint32_t at, uint32_t value, struct gen_field *out,
		     size_t *bytes)
{
	(void)at;
	if (!is_type(r, value, JSON_ARRAY))
		return fail_field(r, "\"pick\" is a list of values");
	return read_choices(r, json_first(&r->json, value), r->json.node[value].next, out, bytes);
}

static int read_const(struct fields_reader *r, uint32_t at, uint32_t value, struct gen_field *out,
		      size_t *bytes)
{
	(void)at;
	return read_choices(r, value, r->json.node[value].next, out, bytes);
}

static int read_int(struct fields_reader *r, uint32_t at, uint32_t value, struct gen_field *out,
		    size_t *bytes)
{
	(void)at;
	out->kind = MADE_NUMBER;
	*bytes = NUMBER_BYTES;
	return take_range(r, value, 0, out);
}

static int read_decimal(struct fields_reader *r, uint32_t at, uint32_t value, struct gen_field *out,
			size_t *bytes)
{
	int64_t digits = 2;

	if (take_whole(r, at, "digits", 1, DIGITS_MOST, &digits))
		return -1;
	out->kind = MADE_NUMBER;
	out->digits = (unsigned)digits;
	*bytes = NUMBER_BYTES;
	return take_range(r, value, out->digits, out);
}

static int read_bool(struct fields_reader *r, uint32_t at, uint32_t value, struct gen_field *out,
		     size_t *bytes)
{
	(void)at;
	out->kind = MADE_BOOL;
	*bytes = sizeof("false");
	return take_probability(r, value, "\"bool\" is a probability, 0 to 1", &out->true_cut);
}

static int read_field(struct fields_reader *r, uint32_t name, struct gen_field *out, size_t *bytes)
{
	struct slice text = json_text_of(r, name);
	size_t before = r->place.n, own = 0;
	struct buf quoted = { 0 };
	int rc;

	if (before)
		buf_addc(&r->place, '.');
	buf_adds(&r->place, r->json.node[name].text);
	buf_adds(&quoted, text);
	buf_addc(&quoted, ':');
	rc = read_generator(r, r->json.node[name].next, out, &own);
	out->name = arena_copy(&r->f->arena, buf_slice(&quoted));
	*bytes += quoted.n + own + 1;
	buf_fini(&quoted);
	r->place.n = rc ? r->place.n : before;
	return rc;
}

static int read_fields(struct fields_reader *r, uint32_t at, struct gen_field *out, size_t *bytes)
{
	struct gen_field *child;
	uint32_t end = r->json.node[at].next;

	if (!is_type(r, at, JSON_OBJECT))
		return fail_field(r, "an object of fields is wanted");
	for (uint32_t i = json_first(&r->json, at); i < end; i = next_member(r, i))
		out->of++;
	child = arena_alloc(&r->f->arena, (out->of + 1) * sizeof(*child));
	out->kind = MADE_OBJECT;
	out->child = child;
	*bytes += 2;
	for (uint32_t i = json_first(&r->json, at); i < end; i = next_member(r, i), child++) {
		*child = (struct gen_field){ 0 };
		if (read_field(r, i, child, bytes))
			return -1;
		for (const struct gen_field *k = out->child; k < child; k++)
			if (slice_eq(k->name, child->name))
				return fail_field(r, "two fields of one name");
	}
	return 0;
}

static int read_object(struct fields_reader *r, uint32_t at, uint32_t value, struct gen_field *out,
		       size_t *bytes)
{
	(void)at;
	return read_fields(r, value, out, bytes);
}

static int read_list(struct fields_reader *r, uint32_t at, uint32_t value, struct gen_field *out,
		     size_t *bytes)
{
	struct gen_field *child = arena_alloc(&r->f->arena, sizeof(*child));
	int64_t least = 1, most = 3;
	size_t one = 0;

	if (take_whole(r, at, "min", 0, LIST_MOST, &least))
		return -1;
	most = most < least ? least : most;
	if (take_whole(r, at, "max", least, LIST_MOST, &most))
		return -1;
	*child = (struct gen_field){ 0 };
	out->kind = MADE_LIST;
	out->child = child;
	out->low = least;
	out->span = most - least + 1;
	if (read_generator(r, value, child, &one))
		return -1;
	if (child->missing_cut)
		return fail_field(r, "\"missing\" is for fields, not for elements of a list");
	*bytes = 2 + (size_t)most * (one + 1);
	return 0;
}

/* A generator in braces: the member that names it, those that go with it. */
static const struct generator {
	const char *known[4];
	int (*read)(struct fields_reader *r, uint32_t at, uint32_t value, struct gen_field *out,
		    size_t *bytes);
} generators[] = {
	{ { "time" }, read_time },
	{ { "id", "of", "zipf" }, read_id },
	{ { "pick" }, read_pick },
	{ { "const" }, read_const },
	{ { "int" }, read_int },
	{ { "decimal", "digits" }, read_decimal },
	{ { "bool" }, read_bool },
	{ { "object" }, read_object },
	{ { "list", "min", "max" }, read_list },
};

static int read_word(struct fields_reader *r, uint32_t at, struct gen_field *out, size_t *bytes)
{
	static const struct {
		const char *name;
		enum field_kind kind;
		size_t bytes;
	} words[] = { { "uuid", MADE_UUID, UUID_BYTES },
		      { "time", MADE_TIME, STAMP_BYTES },
		      { "customer", MADE_CUSTOMER, CUSTOMER_BYTES } };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (json_is(&r->json, at, slice_z(words[i].name))) {
			out->kind = words[i].kind;
			*bytes = words[i].bytes;
			return 0;
		}
	return fail_field(r, "a string is \"uuid\", \"time\" or \"customer\"; a text of its own is "
			     "{\"const\": ..}");
}

static int read_generator(struct fields_reader *r, uint32_t at, struct gen_field *out,
			  size_t *bytes)
{
	int rc = -1;

	if (is_type(r, at, JSON_STRING))
		return read_word(r, at, out, bytes);
	if (!is_type(r, at, JSON_OBJECT))
		return fail_field(r,
				  "how is its value made? \"uuid\", \"time\", \"customer\", or an "
				  "object like {\"int\": [1, 9]}");
	for (size_t i = 0; i < sizeof(generators) / sizeof(*generators); i++) {
		uint32_t value = json_get(&r->json, at, generators[i].known[0]);

		if (!value)
			continue;
		rc = check_members(r, at, generators[i].known) ||
				     generators[i].read(r, at, value, out, bytes) ||
				     take_share(r, at, "missing", &out->missing_cut) ||
				     take_share(r, at, "null", &out->null_cut)
			     ? -1
			     : 0;
		*bytes = *bytes < sizeof("null") ? sizeof("null") : *bytes;
		if (rc == 0 && *bytes > LINE_MOST)
			return fail_field(r, "events of more than 256 KiB");
		return rc;
	}
	return fail_field(
		r, "none of time, id, pick, const, int, decimal, bool, object, list is there");
}

struct gen_fields *gen_fields_new(struct slice text, struct err *err)
{
	struct gen_fields *f = mem_zalloc(sizeof(*f));
	struct fields_reader r = { .f = f, .err = err };
	int rc;

	f->event = arena_alloc(&f->arena, sizeof(*f->event));
	*f->event = (struct gen_field){ 0 };
	rc = json_parse(&r.json, text, err);
	if (rc)
		err->code = EX_CONFIG;
	else
		rc = read_fields(&r, 0, f->event, &f->bytes);
	if (rc == 0 && f->bytes > LINE_MOST)
		rc = fail_field(&r, "events of more than 256 KiB");
	json_fini(&r.json);
	buf_fini(&r.place);
	if (rc == 0)
		return f;
	gen_fields_free(f);
	return NULL;
}

void gen_fields_free(struct gen_fields *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->n_weights; i++)
		free(f->weights[i]);
	free(f->weights);
	arena_fini(&f->arena);
	free(f);
}

size_t gen_fields_bytes(const struct gen_fields *f)
{
	return f->bytes;
}
