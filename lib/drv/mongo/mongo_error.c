/* What errors of libmongoc and of servers come to. A number of the server decides; what is in no
 * list is tried again: it has a name and a text, which are said when time is up. Of TLS there is
 * text only. */
#include <stdio.h>

#include "drv/mongo/mongo_internal.h"

/* Numbers of MongoDB's error_codes.yml. */
static bool is_config(uint32_t code)
{
	static const uint32_t codes[] = {
		13,    18,  /* rights, login */
		20,         /* not of this kind of server */
		26,         /* no such collection */
		59,    115, /* no such command: another server */
		67,    72,  /* an index, an option that it does not take */
		73,         /* a name that it does not take */
		85,    86,  /* an index of that name is another one */
		101,        /* a compound key */
		121,        /* the collection's own validation */
		166,        /* it is a view */
		8000,       /* login of a hosted service */
		11000,      /* an index of somebody else's allows no two of it */
		13297,      /* the database's name in other letters */
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if (codes[i] == code)
			return true;
	return false;
}

bool mongo_error_is_form(int64_t code)
{
	return code == 2 || code == 9 || code == 14 || code == 15 || code == 22 || code == 52 ||
	       code == 57;
}

/* The first line of a text. Of servers that were looked for in vain what each of them did, which
 * stands in brackets. */
static int say_error(const struct mongo *m, int code, const char *text, struct err *err)
{
	const char *each = strncmp(text, "No suitable servers", 19) == 0 ? strchr(text, '[') : NULL;
	size_t n;

	text = each ? each : text;
	n = strcspn(text, "\r\n");
	return err_set(err, code, "%s: %.*s", m->host, (int)n, text);
}

static bool is_login(const bson_error_t *why)
{
	return (why->domain == MONGOC_ERROR_CLIENT &&
		why->code == MONGOC_ERROR_CLIENT_AUTHENTICATE) ||
	       why->domain == MONGOC_ERROR_SASL || why->domain == MONGOC_ERROR_SCRAM;
}

/* Certificates do not become valid by waiting, nor files readable. */
static bool is_trust(const bson_error_t *why)
{
	return strstr(why->message, "certificate verify failed") ||
	       strstr(why->message, "TLS cannot begin") ||
	       strstr(why->message, "Failed certificate verification");
}

static bool is_server(const bson_error_t *why)
{
	return why->domain == MONGOC_ERROR_SERVER || why->domain == MONGOC_ERROR_WRITE_CONCERN;
}

static enum sink_result stopped(const struct mongo *m, struct err *err)
{
	err_copy(err, &m->stopped);
	return SINK_FATAL;
}

enum sink_result mongo_failed(const struct mongo *m, const bson_error_t *why, struct err *err)
{
	bool old = why->domain == MONGOC_ERROR_PROTOCOL &&
		   why->code == MONGOC_ERROR_PROTOCOL_BAD_WIRE_VERSION;

	if (m->stopped.code)
		return stopped(m, err);
	if (is_login(why) || is_trust(why) || old || (is_server(why) && is_config(why->code))) {
		say_error(m, EX_CONFIG, why->message, err);
		return SINK_FATAL;
	}
	if (is_server(why) && mongo_error_is_form(why->code)) {
		say_error(m, EX_SOFTWARE, why->message, err);
		return SINK_FATAL;
	}
	say_error(m, EX_TEMPFAIL, why->message, err);
	return SINK_RETRY;
}

static void take_error(const bson_iter_t *each, bson_error_t *out)
{
	bson_iter_t field;

	*out = (bson_error_t){ .domain = MONGOC_ERROR_SERVER };
	if (bson_iter_recurse(each, &field) && bson_iter_find(&field, "code"))
		out->code = (uint32_t)bson_iter_as_int64(&field);
	if (bson_iter_recurse(each, &field) && bson_iter_find(&field, "errmsg") &&
	    BSON_ITER_HOLDS_UTF8(&field))
		snprintf(out->message, sizeof(out->message), "%s", bson_iter_utf8(&field, NULL));
}

/* What decides over a request whose documents were refused for several reasons: the first that
 * concerns more than its document. Only where there is none, the first of all. */
static bool deciding_error(const bson_t *reply, const char *list, bson_error_t *out)
{
	bson_iter_t it, each;
	bool any = false;

	if (!bson_iter_init_find(&it, reply, list) || !BSON_ITER_HOLDS_ARRAY(&it) ||
	    !bson_iter_recurse(&it, &each))
		return false;
	while (bson_iter_next(&each)) {
		bson_error_t one;

		take_error(&each, &one);
		if (!any)
			*out = one;
		any = true;
		if (one.code == MONGOC_ERROR_DUPLICATE_KEY || mongo_error_is_form(one.code))
			continue;
		*out = one;
		break;
	}
	return any;
}

enum sink_result mongo_write_failed(const struct mongo *m, const bson_t *reply,
				    const bson_error_t *why, struct err *err)
{
	bson_error_t one, unsure;
	bool wrong, late;

	if (m->stopped.code)
		return mongo_failed(m, why, err);
	wrong = deciding_error(reply, "writeErrors", &one);
	late = deciding_error(reply, "writeConcernErrors", &unsure);
	if (late && (!wrong || one.code == MONGOC_ERROR_DUPLICATE_KEY))
		return mongo_failed(m, &unsure, err);
	return mongo_failed(m, wrong ? &one : why, err);
}

bool mongo_keys_were_there(const bson_t *reply)
{
	bson_error_t one;

	return deciding_error(reply, "writeErrors", &one) &&
	       one.code == MONGOC_ERROR_DUPLICATE_KEY &&
	       !deciding_error(reply, "writeConcernErrors", &one);
}
