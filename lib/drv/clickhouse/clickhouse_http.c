/* Requests to ClickHouse's HTTP interface, one at a time, and what an answer means.
 *
 *   query alone          POST /?..             body: the query
 *   query with rows      POST /?query=..&..    body: the rows
 *
 * An answer is good where its status is 200 and it has no field X-ClickHouse-Exception-Code: a
 * query that fails late may have said 200 before. wait_end_of_query has the server hold the answer
 * back until it knows. Every exception has a number, which decides; its text is for people.
 *
 * What an insert asks for, wherever the server's defaults are: not to be gathered with others'
 * (async_insert), to be read by one thread and to stay one block, of any size and any number of
 * days. */
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/num.h"
#include "drv/clickhouse/clickhouse_internal.h"

enum { OK_STATUS = 200, SAID_BYTES = 600 };

static const char insert_params[] =
	"&async_insert=0&input_format_parallel_parsing=0&max_insert_block_size=1000000000"
	"&min_insert_block_size_rows=0&min_insert_block_size_bytes=0"
	"&max_partitions_per_insert_block=0";

/* ---- texts of queries */

void clickhouse_name(struct buf *out, const char *name)
{
	buf_addc(out, '`');
	for (; *name; name++) {
		if (*name == '`' || *name == '\\')
			buf_addc(out, '\\');
		buf_addc(out, *name);
	}
	buf_addc(out, '`');
}

void clickhouse_literal(struct buf *out, struct slice text)
{
	buf_addc(out, '\'');
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\'' || text.p[i] == '\\')
			buf_addc(out, '\\');
		buf_addc(out, text.p[i]);
	}
	buf_addc(out, '\'');
}

char *clickhouse_literal_of(const char *text)
{
	struct buf b = { 0 };

	clickhouse_literal(&b, slice_z(text));
	buf_z(&b);
	return b.p;
}

static void add_encoded(struct buf *out, struct slice text)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (isalnum(c) || c == '-' || c == '_' || c == '.' || c == '~')
			buf_addc(out, (char)c);
		else
			buf_printf(out, "%%%02X", c);
	}
}

/* ---- what answers mean */

/* Numbers of ErrorCodes.cpp. What is in no list is tried again: it has a name and a text, which are
 * said when time is up. */
static bool is_config(uint64_t code)
{
	static const unsigned codes[] = {
		16,            /* no such column in the table */
		36,            /* bad arguments */
		46,            /* unknown function: an old server */
		47,            /* unknown identifier */
		60,            /* unknown table */
		62,            /* syntax: an old server */
		81,            /* unknown database */
		115,           /* unknown setting: an old server */
		164,           /* readonly */
		192, 193, 194, /* user, password */
		497, 516,      /* rights, login */
		511, 531,
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if (codes[i] == code)
			return true;
	return false;
}

static bool is_our_bug(uint64_t code)
{
	return code == 26 || code == 27 || code == 33 || code == 38 || code == 41 || code == 53 ||
	       code == 117;
}

/* The first line of what it said, without its version. */
static struct slice said(const struct http_call *call)
{
	struct slice body = http_call_body(call);
	const char *end = memchr(body.p ? body.p : "", '\n', body.n), *version;
	size_t n = end ? (size_t)(end - body.p) : body.n;

	version = n ? memmem(body.p, n, " (version ", 10) : NULL;
	n = version ? (size_t)(version - body.p) : n;
	return slice(body.p ? body.p : "", n < SAID_BYTES ? n : SAID_BYTES);
}

static enum sink_result judge_answer(const struct clickhouse *c, struct err *err)
{
	struct slice field = http_call_field(c->call, "X-ClickHouse-Exception-Code"),
		     text = said(c->call);
	int status = http_call_status(c->call);
	uint64_t code = 0;
	unsigned exit_code;

	for (size_t i = 0; i < field.n && i < 9 && isdigit((unsigned char)field.p[i]); i++)
		code = code * 10 + (uint64_t)(field.p[i] - '0');
	if (status == OK_STATUS && !field.p)
		return SINK_OK;
	if (!field.p && status < 500 && status != 429 && status != 408) {
		err_set(err, EX_CONFIG, "%s: answers %d: is it the HTTP port of a ClickHouse? %.*s",
			c->url.host, status, (int)text.n, text.p);
		return SINK_FATAL;
	}
	exit_code = is_config(code) ? EX_CONFIG : is_our_bug(code) ? EX_SOFTWARE : EX_TEMPFAIL;
	err_set(err, (int)exit_code, "%s: %.*s", c->url.host, (int)text.n, text.p);
	if (!text.n)
		err_set(err, (int)exit_code, "%s: answers %d", c->url.host, status);
	return exit_code == EX_TEMPFAIL ? SINK_RETRY : SINK_FATAL;
}

static enum sink_result judge_outcome(const struct clickhouse *c, enum http_outcome outcome,
				      struct err *err)
{
	switch (outcome) {
	case HTTP_ANSWERED:
		return judge_answer(c, err);
	case HTTP_LOST:
		err_in(err, "%s", c->url.host);
		return SINK_RETRY;
	case HTTP_REFUSED:
		err_in(err, "%s", c->url.host);
		return SINK_FATAL;
	default:
		return SINK_FATAL;
	}
}

/* ---- asking */

static void write_address(struct clickhouse *c, const struct clickhouse_ask *ask)
{
	c->address.n = 0;
	buf_addz(&c->address, c->url.address);
	buf_addz(&c->address, "?wait_end_of_query=1");
	if (c->url.database) {
		buf_addz(&c->address, "&database=");
		add_encoded(&c->address, slice_z(c->url.database));
	}
	if (ask->params)
		buf_addz(&c->address, ask->params);
	if (ask->body.p) {
		buf_addz(&c->address, "&query=");
		add_encoded(&c->address, slice_z(ask->query));
	}
}

enum sink_result clickhouse_ask(struct clickhouse *c, const struct clickhouse_ask *ask,
				struct slice *answer, struct err *err)
{
	struct http_ask http = { .method = "POST",
				 .fields = (const char *const *)c->field,
				 .n_fields = c->fields,
				 .body = ask->body.p ? ask->body : slice_z(ask->query) };
	enum sink_result r;

	write_address(c, ask);
	http.url = buf_z(&c->address);
	http_call_end(c->call);
	c->call = http_call_begin(c->http, &http);
	r = judge_outcome(c, http_call_wait(c->call, err), err);
	if (r == SINK_OK && answer)
		*answer = http_call_body(c->call);
	return r;
}

enum sink_result clickhouse_query(struct clickhouse *c, struct rowbinary *answer, struct err *err,
				  const char *fmt, ...)
{
	struct clickhouse_ask ask = { .params = answer ? "&default_format=RowBinary" : NULL };
	struct slice bytes = slice("", 0);
	enum sink_result r;
	char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		BUG("no text of a query");
	ask.query = text;
	r = clickhouse_ask(c, &ask, &bytes, err);
	free(text);
	if (answer)
		*answer = rowbinary_of(bytes.p ? bytes : slice("", 0));
	return r;
}

enum sink_result clickhouse_insert(struct clickhouse *c, const char *table, const char *columns,
				   struct slice rows, const char *token, struct err *err)
{
	char *query = mem_printf("INSERT INTO %s (%s) FORMAT RowBinary", table, columns),
	     *params = token ? mem_printf("%s&insert_deduplicate=1&insert_deduplication_token=%s"
					  "&query_id=%s",
					  insert_params, token, token)
			     : mem_strdup(insert_params);
	struct clickhouse_ask ask = { .query = query, .body = rows, .params = params };
	enum sink_result r = clickhouse_ask(c, &ask, NULL, err);

	free(query);
	free(params);
	return r;
}
