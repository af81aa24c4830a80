/* Shapes of dimensions: tables of fields and what becomes of them. */
#include "agg/shape.h"

#include "tap.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define UNITS(n) ((dec)(n)*1000000000)

static dec fifty[] = { UNITS(10), UNITS(50) }, fine[] = { UNITS(-1), UNITS(1) / 2 };
static const struct shape hundred = { .class_step = 100 }, ten = { .class_step = 10 },
			  ranges = { .bound = fifty, .bounds = 2 },
			  near_zero = { .bound = fine, .bounds = 2 }, lower = { .lower = true },
			  cut4 = { .bytes_max = 4 }, both = { .lower = true, .bytes_max = 4 };

/* want NULL: no number; else "TYPE text" */
static const struct value {
	const struct shape *shape;
	enum field_type type;
	const char *text, *want;
	enum shape_result result;
} values[] = {
	{ &hundred, FIELD_NUMBER, "503", "5xx", SHAPE_OK },
	{ &hundred, FIELD_NUMBER, "500", "5xx", SHAPE_OK },
	{ &hundred, FIELD_NUMBER, "499.9", "4xx", SHAPE_OK },
	{ &hundred, FIELD_NUMBER, "99", "0xx", SHAPE_OK },
	{ &hundred, FIELD_NUMBER, "0", "0xx", SHAPE_OK },
	{ &hundred, FIELD_NUMBER, "-1", "-1xx", SHAPE_OK },
	{ &hundred, FIELD_NUMBER, "-100", "-1xx", SHAPE_OK },
	{ &hundred, FIELD_NUMBER, "-100.5", "-2xx", SHAPE_OK },
	{ &hundred, FIELD_NUMBER, "2e3", "20xx", SHAPE_OK },
	{ &hundred, FIELD_NUMBER, "1e20", "1000000000000000000xx", SHAPE_OK },
	{ &hundred, FIELD_STRING, "404", "4xx", SHAPE_OK },
	{ &ten, FIELD_NUMBER, "42", "4x", SHAPE_OK },
	{ &hundred, FIELD_NUMBER, "1e21", NULL, SHAPE_NO_NUMBER },
	{ &hundred, FIELD_STRING, "ok", NULL, SHAPE_NO_NUMBER },
	{ &hundred, FIELD_TRUE, "true", NULL, SHAPE_NO_NUMBER },
	{ &hundred, FIELD_OBJECT, "{}", NULL, SHAPE_NO_NUMBER },
	{ &ranges, FIELD_NUMBER, "9.999", "<10", SHAPE_OK },
	{ &ranges, FIELD_NUMBER, "-3", "<10", SHAPE_OK },
	{ &ranges, FIELD_NUMBER, "10", "10..50", SHAPE_OK },
	{ &ranges, FIELD_NUMBER, "49.999999999", "10..50", SHAPE_OK },
	{ &ranges, FIELD_NUMBER, "49.9999999999", ">=50", SHAPE_OK },
	{ &ranges, FIELD_NUMBER, "5e1", ">=50", SHAPE_OK },
	{ &near_zero, FIELD_NUMBER, "-1.5", "<-1", SHAPE_OK },
	{ &near_zero, FIELD_NUMBER, "0", "-1..0.5", SHAPE_OK },
	{ &near_zero, FIELD_NUMBER, "0.5", ">=0.5", SHAPE_OK },
	{ &lower, FIELD_STRING, "GET /Caf\xc3\x89[@`", "get /caf\xc3\x89[@`", SHAPE_OK },
	{ &lower, FIELD_ESCAPED, "A\\u00c9\\n\\\"B", "a\xc3\x89\n\"b", SHAPE_OK },
	{ &lower, FIELD_STRING, "", "", SHAPE_OK },
	{ &cut4, FIELD_STRING, "abcd", "abcd", SHAPE_OK },
	{ &cut4, FIELD_STRING, "ABCDE", "ABCD", SHAPE_CUT },
	{ &cut4, FIELD_STRING, "abc\xc3\xa9", "abc", SHAPE_CUT },
	{ &cut4, FIELD_STRING, "ab\xc3\xa9x", "ab\xc3\xa9", SHAPE_CUT },
	{ &cut4, FIELD_STRING, "a\xf0\x9f\x98\x80", "a", SHAPE_CUT },
	{ &cut4, FIELD_ESCAPED, "a\\ud83d\\ude00", "a", SHAPE_CUT },
	{ &cut4, FIELD_ESCAPED, "\\u0061bc\\u0064", "abcd", SHAPE_OK },
	{ &both, FIELD_STRING, "ABCDE", "abcd", SHAPE_CUT },
};

/* Those that stay as they are. */
static const struct value kept[] = {
	{ &hundred, FIELD_MISSING, "", NULL, SHAPE_OK },
	{ &ranges, FIELD_NULL, "null", NULL, SHAPE_OK },
	{ &both, FIELD_NUMBER, "1234567", NULL, SHAPE_OK },
	{ &both, FIELD_FALSE, "false", NULL, SHAPE_OK },
	{ &both, FIELD_ARRAY, "[\"ABCDE\"]", NULL, SHAPE_OK },
	{ &both, FIELD_ESCAPED, "A\\u0000BCDE", NULL, SHAPE_OK },
	{ &both, FIELD_ESCAPED, "A\\ud83dBCDE", NULL, SHAPE_OK },
};

static struct field field_in(struct buf *room, enum field_type type, const char *text)
{
	memset(buf_room(room, SCAN_PAD), 0, SCAN_PAD);
	room->n = SCAN_PAD;
	buf_addz(room, text);
	memset(buf_room(room, SCAN_PAD), 0, SCAN_PAD);
	return (struct field){ room->p + SCAN_PAD, (uint32_t)room->n - SCAN_PAD, type };
}

static void values_and_their_shapes(void)
{
	struct shape_texts texts = { .decoded = { 0 } };
	struct buf room = { 0 };
	struct field out;

	for (size_t i = 0; i < COUNT(values); i++) {
		const struct value *v = &values[i];
		struct field f = field_in(&room, v->type, v->text);

		is_int(shape_field(v->shape, &f, &texts, &out), v->result, v->text);
		if (!v->want)
			continue;
		is_int(out.type, FIELD_STRING, v->text);
		is_bytes(out.p, out.n, v->want, v->text);
	}
	for (size_t i = 0; i < COUNT(kept); i++) {
		struct field f = field_in(&room, kept[i].type, kept[i].text);

		is_int(shape_field(kept[i].shape, &f, &texts, &out), SHAPE_OK, kept[i].text);
		ok(out.p == f.p && out.n == f.n && out.type == f.type, "%s stays", kept[i].text);
	}
	shape_texts_fini(&texts);
	buf_fini(&room);
}

/* "TYPE:text" of each element, with ; behind it */
static const struct {
	const char *array, *want;
} arrays[] = {
	{ "[]", "" },
	{ "[ \t ]", "" },
	{ "[1]", "4:1;" },
	{ "[\"a\",\"b\"]", "5:a;5:b;" },
	{ "[ \"a\" , null,true ,false, -1.5e3 ]", "5:a;1:null;3:true;2:false;4:-1.5e3;" },
	{ "[\"a,]\\\"\",\"[\",\"\"]", "6:a,]\\\";5:[;5:;" },
	{ "[\"\\\\\",\"x\"]", "6:\\\\;5:x;" },
	{ "[[1,[2]],{\"a\":[\"]\",\"}\"]},3]", "7:[1,[2]];8:{\"a\":[\"]\",\"}\"]};4:3;" },
};

static void elements_of_arrays(void)
{
	for (size_t i = 0; i < COUNT(arrays); i++) {
		struct slice left = slice_z(arrays[i].array);
		struct buf got = { 0 };
		struct field f;

		while (shape_element(&left, &f))
			buf_printf(&got, "%u:%.*s;", f.type, (int)f.n, f.p);
		is_str(buf_z(&got), arrays[i].want, arrays[i].array);
		buf_fini(&got);
	}
}

static void texts_and_sameness(void)
{
	const struct shape all = { .lower = true, .explode = true, .bytes_max = 64 };
	const struct shape *const each[] = { &hundred, &ten,  &ranges, &near_zero,
					     &lower,   &cut4, &both,   &all };
	struct buf canonical = { 0 }, members = { 0 };
	struct shape copy;

	for (size_t i = 0; i < COUNT(each); i++) {
		shape_canonical(each[i], &canonical);
		shape_describe(each[i], &members);
		shape_copy(each[i], &copy);
		for (size_t k = 0; k < COUNT(each); k++)
			ok(shape_same(&copy, each[k]) == (i == k), "%zu is %zu", i, k);
		shape_fini(&copy);
		ok(shape_is_plain(&copy) && !shape_is_plain(each[i]), "%zu is not plain", i);
	}
	is_str(buf_z(&canonical),
	       " class 100 class 10 ranges 10 50 ranges -1 0.5 lower max 4 lower max 4"
	       " lower max 64 explode",
	       "canonical texts");
	is_str(buf_z(&members),
	       ",\"class\":100,\"class\":10,\"class\":[10,50],\"class\":[-1,0.5],\"lower\":true"
	       ",\"max\":4,\"lower\":true,\"max\":4,\"lower\":true,\"max\":64,\"explode\":true",
	       "members");
	buf_fini(&canonical);
	buf_fini(&members);
}

int main(void)
{
	values_and_their_shapes();
	elements_of_arrays();
	texts_and_sameness();
	return done();
}
