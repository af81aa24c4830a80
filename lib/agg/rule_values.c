/* Values of a rule in JSON, whatever member they belong to, and the walk over an object's members.
 * Each says what is wrong as FILE:LINE:COLUMN, as editors and people jump to it; lines are counted
 * only then, from the start of the text. */
#include "agg/rule_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "json/path.h"

/* ---- errors */

int rule_fail_at(struct rule_reader *r, const char *at, const char *fmt, ...)
{
	unsigned line = 1;
	const char *start = r->text.p;
	char text[ERR_MSG_BYTES];
	va_list ap;

	for (const char *p = start; p < at; p++)
		if (*p == '\n') {
			line++;
			start = p + 1;
		}
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set(r->err, EX_CONFIG, "%s:%u:%zu: %s", r->file, line, (size_t)(at - start) + 1,
		       text);
}

bool rule_go_on(struct rule_reader *r)
{
	if (!r->broken)
		return false;
	if (r->err->code) {
		r->broken(r->broken_arg, r->err);
		r->errors++;
	}
	err_clear(r->err);
	return true;
}

/* Puts the place in front of a message that is made already. */
int rule_place_error(struct rule_reader *r, uint32_t at)
{
	struct err why = *r->err;

	return rule_fail_at(r, r->json.node[at].text.p, "%s", why.msg);
}

int rule_wrong_type(struct rule_reader *r, uint32_t at, const char *want)
{
	return rule_fail_at(r, r->json.node[at].text.p, "must be %s", want);
}

/* ---- values */

int rule_take_text(struct rule_reader *r, uint32_t at, const char *want, struct slice *out)
{
	struct buf b = { 0 };

	if (r->json.node[at].type != JSON_STRING || !r->json.node[at].text.n)
		return rule_wrong_type(r, at, want);
	if (json_string(&r->json, at, &b) || memchr(b.p, 0, b.n)) {
		buf_fini(&b);
		return rule_fail_at(r, r->json.node[at].text.p,
				    "has half of a surrogate pair or a NUL");
	}
	*out = arena_copy(&r->set->arena, buf_slice(&b));
	buf_fini(&b);
	return 0;
}

int rule_take_path(struct rule_reader *r, uint32_t at, struct slice *out)
{
	struct path p;

	if (rule_take_text(r, at, "a path such as \"payload.price\"", out))
		return -1;
	if (path_parse(&p, *out, r->err))
		return rule_place_error(r, at);
	path_fini(&p);
	return 0;
}

int rule_take_duration(struct rule_reader *r, uint32_t at, int64_t *us)
{
	struct slice text;

	if (rule_take_text(r, at, "a duration with its unit, in quotes: \"10m\"", &text))
		return -1;
	return rule_duration(text, us, EX_CONFIG, r->err) ? rule_place_error(r, at) : 0;
}

int rule_take_bool(struct rule_reader *r, uint32_t at, bool *out)
{
	enum json_type type = r->json.node[at].type;

	if (type != JSON_TRUE && type != JSON_FALSE)
		return rule_wrong_type(r, at, "true or false");
	*out = type == JSON_TRUE;
	return 0;
}

int rule_take_count(struct rule_reader *r, uint32_t at, uint64_t least, uint64_t *out)
{
	if (r->json.node[at].type != JSON_NUMBER || !json_u64(&r->json, at, out) || *out < least ||
	    *out > RULE_COUNT_MOST)
		return rule_wrong_type(
			r, at, least ? "a whole number from 1 on" : "a whole number from 0 on");
	return 0;
}

int rule_take_numbers(struct rule_reader *r, uint32_t at, dec **out, size_t *n)
{
	const struct json *j = &r->json;

	if (j->node[at].type != JSON_ARRAY)
		return rule_wrong_type(r, at, "an array of numbers");
	for (uint32_t i = json_first(j, at); i < j->node[at].next; i = j->node[i].next) {
		*out = rule_grow(&r->set->arena, *out, *n, sizeof(**out));
		if (j->node[i].type != JSON_NUMBER ||
		    dec_parse(j->node[i].text, &(*out)[*n]) != DEC_OK)
			return rule_wrong_type(r, i, "a number of at most nine decimals");
		++*n;
	}
	return 0;
}

/* No key of an object stands there twice: which one would hold? */
int rule_check_twins(struct rule_reader *r, uint32_t at)
{
	const struct json *j = &r->json;
	struct buf a = { 0 }, b = { 0 };
	uint32_t twin = 0;

	for (uint32_t i = json_first(j, at); i < j->node[at].next; i = j->node[i + 1].next)
		for (uint32_t k = json_first(j, at); k < i && !twin; k = j->node[k + 1].next) {
			a.n = b.n = 0;
			if (json_string(j, i, &a) == 0 && json_string(j, k, &b) == 0 &&
			    slice_eq(buf_slice(&a), buf_slice(&b)))
				twin = i;
		}
	buf_fini(&a);
	buf_fini(&b);
	if (!twin)
		return 0;
	return rule_fail_at(r, j->node[twin].text.p, "\"%.*s\" stands here twice",
			    (int)j->node[twin].text.n, j->node[twin].text.p);
}

static int unknown_member(struct rule_reader *r, const struct rule_member *table, uint32_t at)
{
	const char *names[MEMBERS_MAX + 1] = { 0 }, *near;
	char *word = mem_dup(r->json.node[at].text.p, r->json.node[at].text.n);

	for (size_t k = 0; table[k].name; k++)
		names[k] = table[k].name;
	near = str_nearest(word, names);
	rule_fail_at(r, r->json.node[at].text.p,
		     near ? "unknown member \"%s\" (did you mean \"%s\"?)"
			  : "unknown member \"%s\"",
		     word, near);
	free(word);
	return -1;
}

const struct rule_member *rule_find_member(const struct json *j, const struct rule_member *table,
					   uint32_t key)
{
	for (; table->name; table++)
		if (json_is(j, key, slice_z(table->name)))
			return table;
	return NULL;
}

int rule_take_members(struct rule_reader *r, const struct rule_member *table, void *into,
		      uint32_t at, const char *what)
{
	const struct json *j = &r->json;
	int rc = 0;

	if (j->node[at].type != JSON_OBJECT)
		return rule_wrong_type(r, at, what);
	if (rule_check_twins(r, at))
		return -1;
	for (uint32_t i = json_first(j, at); i < j->node[at].next; i = j->node[i + 1].next) {
		const struct rule_member *m = rule_find_member(j, table, i);

		if (m ? m->take(r, into, i + 1) : unknown_member(r, table, i))
			rc = -1;
		if (rc && !rule_go_on(r))
			return -1;
	}
	return rc;
}
