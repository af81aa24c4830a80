#include "serve/args.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/tm.h"
#include "json/json.h"
#include "net/accept.h"
#include "net/problem.h"

void serve_args_begin(struct serve_args *a, const char *name)
{
	buf_addz(a->key, name);
	buf_addc(a->key, '\n');
}

static void add_to_key(struct serve_args *a, const char *name, struct slice value)
{
	buf_printf(a->key, "%s %zu ", name, value.n);
	buf_adds(a->key, value);
}

const char *serve_args_refuse(struct serve_args *a, const char *fmt, ...)
{
	char detail[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	if (!a->refused)
		problem_say(a->req, 422, "bad-parameter", detail);
	a->refused = true;
	return NULL;
}

static const char *refuse_escapes(struct serve_args *a, const char *name)
{
	char detail[96];

	snprintf(detail, sizeof(detail), "%s is no percent-encoded UTF-8", name);
	problem_say(a->req, 400, "bad-parameter", detail);
	a->refused = true;
	return NULL;
}

const char *serve_args_text(struct serve_args *a, const char *name)
{
	struct buf value = { 0 };
	const char *text = NULL;
	int there = a->refused ? 0 : http_param(a->req->query, name, &value);

	if (there < 0)
		refuse_escapes(a, name);
	else if (there && value.n > SERVE_TEXT_BYTES)
		serve_args_refuse(a, "%s is longer than %d bytes", name, SERVE_TEXT_BYTES);
	else if (there && value.n) {
		buf_addc(&value, '\0');
		add_to_key(a, name, slice(value.p, value.n - 1));
		text = arena_copy(a->arena, buf_slice(&value)).p;
	}
	buf_fini(&value);
	return text;
}

const char *serve_args_required(struct serve_args *a, const char *name)
{
	const char *text = serve_args_text(a, name);

	return text || a->refused ? text : serve_args_refuse(a, "%s is missing", name);
}

uint64_t serve_args_count(struct serve_args *a, const char *name, uint64_t usual, uint64_t most)
{
	const char *text = serve_args_text(a, name);
	uint64_t n = 0;

	if (!text)
		return usual;
	for (const char *p = text; *p && n <= most; p++)
		n = *p >= '0' && *p <= '9' ? n * 10 + (uint64_t)(*p - '0') : UINT64_MAX / 16;
	if (n < 1 || n > most)
		serve_args_refuse(a, "%s is no number from 1 to %" PRIu64, name, most);
	return n;
}

/* "+00:00" that was not encoded comes as " 00:00". */
static void mend_zone(char *text)
{
	size_t n = strlen(text);

	if (n > 6 && text[n - 6] == ' ' && text[n - 3] == ':')
		text[n - 6] = '+';
}

int serve_time_parse(const char *text, int64_t now_us, int64_t *us)
{
	char zoned[SERVE_TEXT_BYTES + 2];

	if (strlen(text) > SERVE_TEXT_BYTES)
		return -1;
	strcpy(zoned, text);
	mend_zone(zoned);
	if (tm_parse_human(zoned, now_us, us, NULL) == 0)
		return 0;
	strcat(zoned, "Z");
	return tm_parse_human(zoned, now_us, us, NULL);
}

int64_t serve_args_time(struct serve_args *a, const char *name, int64_t now_us, int64_t usual_us)
{
	const char *text = serve_args_text(a, name);
	int64_t us = usual_us;

	if (text && serve_time_parse(text, now_us, &us))
		serve_args_refuse(a, "%s is no time: RFC 3339, a date, @SECONDS or -2h", name);
	return us;
}

int serve_args_choice(struct serve_args *a, const char *name, const char *const *words)
{
	const char *text = serve_args_text(a, name);
	char list[160] = "";

	if (!text)
		return 0;
	for (int i = 0; words[i]; i++) {
		if (strcmp(words[i], text) == 0)
			return i;
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", i ? ", " : "",
			 words[i]);
	}
	serve_args_refuse(a, "%s is one of %s", name, list);
	return 0;
}

/* ---- dimensions */
static bool take_dim(struct arena *arena, struct dims_filter *f, const struct json *j, uint32_t key)
{
	static const enum dim_tag tags[] = {
		[JSON_NULL] = DIM_NULL,     [JSON_FALSE] = DIM_FALSE,   [JSON_TRUE] = DIM_TRUE,
		[JSON_NUMBER] = DIM_NUMBER, [JSON_STRING] = DIM_STRING,
	};
	const struct json_node *v = &j->node[key + 1];
	struct buf name = { 0 }, value = { 0 };
	bool good = v->type < JSON_ARRAY && json_string(j, key, &name) == 0;

	if (good && v->type == JSON_STRING)
		good = json_string(j, key + 1, &value) == 0;
	else if (good && v->type == JSON_NUMBER)
		dec_canonical(v->text, &value);
	if (good)
		dims_filter_exact(f,
				  &(struct dim){ arena_copy(arena, buf_slice(&name)), tags[v->type],
						 arena_copy(arena, buf_slice(&value)) });
	buf_fini(&name);
	buf_fini(&value);
	return good;
}

int serve_dims_parse(struct slice text, struct arena *arena, struct dims_filter *f)
{
	struct json j = { 0 };
	bool good = json_parse(&j, text, NULL) == 0 && j.node[0].type == JSON_OBJECT;

	for (uint32_t i = 1; good && i < j.node[0].next; i = j.node[i + 1].next)
		good = take_dim(arena, f, &j, i);
	json_fini(&j);
	return good ? 0 : -1;
}

void serve_args_dims(struct serve_args *a, struct dims_filter *f)
{
	const char *text = serve_args_text(a, "dims");

	if (text && serve_dims_parse(slice_z(text), a->arena, f))
		serve_args_refuse(a, "dims is no JSON object of texts, numbers, true, false, null");
}

int serve_args_accept(struct serve_args *a, const char *const *offers)
{
	int i = http_accept(a->req, offers);

	i = i < 0 ? 0 : i; /* problems alone are taken: the router lets that pass */
	add_to_key(a, "accept", slice_z(offers[i]));
	return i;
}
