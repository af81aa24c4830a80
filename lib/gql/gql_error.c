#include "gql/gql_error.h"

#include <stdarg.h>
#include <stdio.h>

#include "json/json.h"

static struct gql_error *add_error(struct gql_errors *e, struct gql_at at, struct slice message)
{
	if (e->n == GQL_ERRORS)
		return e->last;
	struct gql_error *new = arena_alloc(e->arena, sizeof(*new));

	*new = (struct gql_error){ .message = arena_copy(e->arena, message), .at = { at } };
	if (e->last)
		e->last->next = new;
	else
		e->first = new;
	e->last = new;
	e->n++;
	return new;
}

struct gql_error *gql_error(struct gql_errors *e, struct gql_at at, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return add_error(e, at, slice(text, n < (int)sizeof text ? (size_t)n : sizeof text - 1));
}

static void write_path(const struct gql_path *path, struct buf *out)
{
	if (path->above) {
		write_path(path->above, out);
		buf_addc(out, ',');
	}
	if (path->key.p)
		json_quote(out, path->key);
	else
		buf_addu(out, path->index);
}

struct gql_error *gql_error_path(struct gql_errors *e, struct gql_at at,
				 const struct gql_path *path, struct slice message)
{
	if (e->n == GQL_ERRORS)
		return e->last;
	struct gql_error *new = add_error(e, at, message);
	struct buf text = { 0 };

	buf_addc(&text, '[');
	write_path(path, &text);
	buf_addc(&text, ']');
	new->path = arena_copy(e->arena, buf_slice(&text));
	buf_fini(&text);
	return new;
}

static void write_error(const struct gql_error *e, struct buf *out)
{
	buf_addz(out, "{\"message\":");
	json_quote(out, e->message);
	if (e->at[0].line)
		buf_printf(out, ",\"locations\":[{\"line\":%u,\"column\":%u}", e->at[0].line,
			   e->at[0].column);
	if (e->at[1].line)
		buf_printf(out, ",{\"line\":%u,\"column\":%u}", e->at[1].line, e->at[1].column);
	if (e->at[0].line)
		buf_addc(out, ']');
	if (e->path.p) {
		buf_addz(out, ",\"path\":");
		buf_adds(out, e->path);
	}
	buf_addc(out, '}');
}

void gql_errors_write(const struct gql_errors *e, struct buf *out)
{
	buf_addc(out, '[');
	for (const struct gql_error *one = e->first; one; one = one->next) {
		if (one != e->first)
			buf_addc(out, ',');
		write_error(one, out);
	}
	buf_addc(out, ']');
}
