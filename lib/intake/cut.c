/* A body to lines.
 *
 *	body   [{"a":1}, {"b":
 *	2}]                            newlines within: spaces
 *	lines   {"a":1}. {"b": 2}.     . is \n; the offsets are the body's
 *
 * The walk knows strings and the depth of brackets, nothing more: what an element is, the scanner
 * says. It takes brackets of either kind for the same, so that a pair that does not match stays
 * inside of one element, where the scanner finds it. A newline inside a string is not valid; it
 * becomes another control byte, so that lines stay lines and the scanner finds that too.
 *
 * This is the slow walk, a byte at a time, that takes all bodies; cut_avx2.c takes those that
 * well-behaved clients send. */
#include "intake/cut.h"

#include <stdlib.h>

#include "base/mem.h"
#include "intake/cut_internal.h"
#include "scan/scan.h"

enum { CUT_CONTROL = 1 };

void cut_fini(struct cut *c)
{
	free(c->room);
	*c = (struct cut){ 0 };
}

bool cut_has(enum cut_engine engine)
{
#ifdef __x86_64__
	if (engine == CUT_AVX2)
		return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("pclmul") &&
		       __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
#endif
	return engine != CUT_AVX2;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t skip_space(struct slice s, size_t at)
{
	while (at < s.n && is_space(s.p[at]))
		at++;
	return at;
}

/* ---- the slow walk */

/* From the opening quote to the closing one, or the end. */
static char *walk_string(char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++) {
		if (*p == '\n')
			*p = CUT_CONTROL;
		else if (*p == '\\' && p + 1 < end && *++p == '\n')
			*p = CUT_CONTROL;
	}
	return p;
}

/* Newlines of one value. */
static void walk_value(char *p, const char *end)
{
	for (; p < end; p++) {
		if (*p == '"')
			p = walk_string(p, end);
		else if (*p == '\n')
			*p = ' ';
	}
}

/* The bracket that ends the array, or the end of the text; elements end in \n. *last: something
 * stands behind the last comma. */
static char *walk_elements(struct cut_walk *w, bool *last)
{
	char *p = w->text + w->from;
	const char *end = w->text + w->n;
	size_t depth = 1;

	for (*last = false; p < end && w->pieces <= w->max; p++) {
		if (*p == ',' && depth == 1) {
			*p = '\n';
			w->pieces++;
			*last = false;
			continue;
		}
		if ((*p == ']' || *p == '}') && --depth == 0)
			break;
		depth += *p == '[' || *p == '{';
		*last |= !is_space(*p);
		if (*p == '"')
			p = walk_string(p, end);
		else if (*p == '\n')
			*p = ' ';
	}
	return p < end ? p : w->text + w->n;
}

static void cut_array_portable(struct cut_walk *w)
{
	bool last;
	char *stop;

	memcpy(w->text + w->from, w->body + w->from, w->n - w->from);
	w->pieces = 0;
	stop = walk_elements(w, &last);
	w->close = (size_t)(stop - w->text);
	if (last || w->pieces > 0)
		w->pieces++;
	*stop = '\n';
}

/* ---- bodies */

/* Offset behind the [ of {"events":[, 0 if the body does not begin so. */
static size_t wrapped_at(struct slice body, size_t at)
{
	static const char *const words[] = { "{", "\"events\"", ":", "[" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		size_t n = strlen(words[i]);

		at = skip_space(body, at);
		if (body.n - at < n || memcmp(body.p + at, words[i], n) != 0)
			return 0;
		at += n;
	}
	return at;
}

/* What is wrong behind the elements, if anything is. */
static void array_end(struct cut *c, struct slice body, size_t close)
{
	size_t at = close;

	c->fault_text = c->pieces ? ", or ] expected" : "a value or ] expected";
	if (at < body.n && body.p[at] == ']') {
		c->fault_text = "} expected";
		at = skip_space(body, at + 1);
		if (c->form != CUT_WRAPPED || (at < body.n && body.p[at] == '}')) {
			at = skip_space(body, at + (c->form == CUT_WRAPPED));
			c->fault_text = "something follows the value";
			c->fault = at < body.n ? at : CUT_NO_FAULT;
			return;
		}
	}
	c->fault = at;
}

static void cut_array(struct cut *c, struct slice body, size_t from, uint32_t max,
		      enum cut_engine engine)
{
	struct cut_walk w = {
		.body = body.p, .n = body.n, .text = c->room + SCAN_PAD, .from = from, .max = max
	};
	bool done = false;

#ifdef __x86_64__
	if (engine != CUT_PORTABLE && cut_has(CUT_AVX2))
		done = cut_array_avx2(&w);
#else
	(void)engine;
#endif
	if (!done)
		cut_array_portable(&w);
	c->pieces = w.pieces;
	c->too_many = w.pieces > max;
	c->offset = from;
	c->lines = slice(w.text + from, w.pieces ? w.close + 1 - from : 0);
	if (!c->too_many)
		array_end(c, body, w.close);
}

/* One value, or lines. */
static void cut_whole(struct cut *c, struct slice body, size_t from, enum cut_form form)
{
	char *text = c->room + SCAN_PAD;

	c->form = form;
	c->fault = CUT_NO_FAULT;
	c->pieces = 0;
	memcpy(text + from, body.p + from, body.n - from);
	text[body.n] = '\n';
	c->offset = from;
	c->lines = slice(text + from, body.n - from);
	if (form == CUT_ONE && memchr(c->lines.p, '\n', c->lines.n))
		walk_value(text + from, text + body.n);
	if (form == CUT_ONE || (c->lines.n > 0 && text[body.n - 1] != '\n'))
		c->lines.n++;
}

void cut_body(struct cut *c, struct slice body, unsigned forms, uint32_t max,
	      enum cut_engine engine)
{
	size_t from, first, wrapped = 0;

	body.p = body.n ? body.p : "";
	from = str_mark(body);
	first = skip_space(body, from);
	mem_reserve(&c->room, &c->cap, body.n + 3 * SCAN_PAD, 1);
	memset(c->room, ' ', SCAN_PAD);
	memset(c->room + SCAN_PAD + body.n, ' ', 2 * SCAN_PAD);
	c->too_many = false;
	c->fault = CUT_NO_FAULT;
	while (body.n > first && is_space(body.p[body.n - 1]))
		body.n--;
	if (forms & CUT_WRAPPED)
		wrapped = wrapped_at(body, first);
	if (forms & CUT_LINES) {
		cut_whole(c, body, from, CUT_LINES);
	} else if (wrapped) {
		c->form = CUT_WRAPPED;
		cut_array(c, body, wrapped, max, engine);
		/* other members, or nonsense: a value like any other */
		if (c->fault != CUT_NO_FAULT && body.p[body.n - 1] == '}')
			cut_whole(c, body, first, CUT_ONE);
	} else if (forms & CUT_ARRAY && first < body.n && body.p[first] == '[') {
		c->form = CUT_ARRAY;
		cut_array(c, body, first + 1, max, engine);
	} else {
		cut_whole(c, body, first, CUT_ONE);
	}
}
