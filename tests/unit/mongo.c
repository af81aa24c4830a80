/* The pure parts of the MongoDB driver: JSON as BSON, keys of documents, the order of an index. */
#include "drv/mongo/mongo_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tap.h"

static void mongo_like(struct mongo *m, bool ferret)
{
	*m = (struct mongo){ .ferret = ferret };
	bson_init(&m->value);
}

static void mongo_done(struct mongo *m)
{
	json_fini(&m->json);
	buf_fini(&m->text);
	buf_fini(&m->keys);
	free(m->member);
	bson_destroy(&m->value);
}

/* The member "v" of the record: its type in words, and its value; "-" where it has no form. */
static void value_of(struct mongo *m, const char *record, char out[256])
{
	bson_t doc = BSON_INITIALIZER;
	bson_iter_t it, v;
	bson_decimal128_t d;
	char text[BSON_DECIMAL128_STRING];

	snprintf(out, 256, "-");
	if (mongo_value_append(m, &doc, "event", slice_z(record)) && bson_iter_init(&it, &doc) &&
	    bson_iter_find_descendant(&it, "event.v", &v)) {
		switch (bson_iter_type(&v)) {
		case BSON_TYPE_INT32:
			snprintf(out, 256, "int32 %d", bson_iter_int32(&v));
			break;
		case BSON_TYPE_INT64:
			snprintf(out, 256, "int64 %lld", (long long)bson_iter_int64(&v));
			break;
		case BSON_TYPE_DOUBLE:
			snprintf(out, 256, "double %.17g", bson_iter_double(&v));
			break;
		case BSON_TYPE_DECIMAL128:
			bson_iter_decimal128(&v, &d);
			bson_decimal128_to_string(&d, text);
			snprintf(out, 256, "decimal %s", text);
			break;
		case BSON_TYPE_UTF8:
			snprintf(out, 256, "text %s", bson_iter_utf8(&v, NULL));
			break;
		default:
			snprintf(out, 256, "type %d", bson_iter_type(&v));
		}
	}
	bson_destroy(&doc);
}

static void test_numbers(void)
{
	static const struct {
		const char *number, *mongo, *ferret;
	} cases[] = {
		{ "0", "int32 0", NULL },
		{ "-0", "double -0", NULL },
		{ "2147483647", "int32 2147483647", NULL },
		{ "-2147483648", "int32 -2147483648", NULL },
		{ "2147483648", "int64 2147483648", NULL },
		{ "9223372036854775807", "int64 9223372036854775807", NULL },
		{ "-9223372036854775808", "int64 -9223372036854775808", NULL },
		{ "9223372036854775808", "decimal 9223372036854775808",
		  "text 9223372036854775808" },
		{ "18446744073709551615", "decimal 18446744073709551615",
		  "text 18446744073709551615" },
		{ "1.0", "double 1", NULL },
		{ "1e2", "double 100", NULL },
		{ "0.1", "double 0.10000000000000001", NULL },
		{ "0.30000000000000004", "double 0.30000000000000004", NULL },
		{ "0.1234567890123456789", "decimal 0.1234567890123456789",
		  "text 0.1234567890123456789" },
		{ "1e300", "double 1.0000000000000001e+300", NULL },
		{ "1e400", "decimal 1E+400", "text 1e400" },
		{ "1e-400", "decimal 1E-400", "text 1e-400" },
		{ "1e99999", "text 1e99999", NULL },
		{ "1234567890123456789012345678901234",
		  "decimal 1234567890123456789012345678901234",
		  "text 1234567890123456789012345678901234" },
		{ "12345678901234567890123456789012345", "text 12345678901234567890123456789012345",
		  NULL },
	};
	struct mongo m, f;
	char got[256];

	mongo_like(&m, false);
	mongo_like(&f, true);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *record = mem_printf("{\"v\":%s}", cases[i].number);

		value_of(&m, record, got);
		is_str(got, cases[i].mongo, cases[i].number);
		value_of(&f, record, got);
		is_str(got, cases[i].ferret ? cases[i].ferret : cases[i].mongo, "FerretDB's");
		free(record);
	}
	mongo_done(&m);
	mongo_done(&f);
}

static void test_members(void)
{
	static const struct {
		const char *record, *json;
	} cases[] = {
		{ "{}", "{ \"event\" : {  } }" },
		{ "{\"a\":1,\"b\":2,\"a\":3}", "{ \"event\" : { \"b\" : 2, \"a\" : 3 } }" },
		{ "{\"a\":1,\"\\u0061\":[null,true]}",
		  "{ \"event\" : { \"a\" : [ null, true ] } }" },
		{ "{\"x.y\":{\"$a$.\":\"\\u00e9\"}}",
		  "{ \"event\" : { \"x\xef\xbc\x8ey\" : { \"\xef\xbc\x84"
		  "a$\xef\xbc\x8e\" : "
		  "\"\xc3\xa9\" } } }" },
		{ "{\"\":{\"\":\"\"}}", "{ \"event\" : { \"\" : { \"\" : \"\" } } }" },
		{ "{\"a\\u0000\":1}", NULL },
		{ "{\"a\":\"\\ud800\"}", NULL },
		{ "[1]", NULL },
	};
	struct mongo m;

	mongo_like(&m, false);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		bson_t doc = BSON_INITIALIZER;
		bool good = mongo_value_append(&m, &doc, "event", slice_z(cases[i].record));
		char *json = bson_as_relaxed_extended_json(&doc, NULL);

		ok(good == (cases[i].json != NULL), "%s", cases[i].record);
		is_str(json, good ? cases[i].json : "{ }", "as BSON");
		ok(bson_validate(&doc, BSON_VALIDATE_UTF8 | BSON_VALIDATE_UTF8_ALLOW_NULL, NULL),
		   "valid");
		bson_free(json);
		bson_destroy(&doc);
	}
	mongo_done(&m);
}

/* Many members, with all names twice, in objects within objects. */
static void test_many(void)
{
	struct buf record = { 0 };
	struct mongo m;
	bson_t doc = BSON_INITIALIZER;
	bson_iter_t it, v;

	mongo_like(&m, false);
	buf_addz(&record, "{\"v\":{");
	for (int i = 0; i < 2000; i++)
		buf_printf(&record, "\"k%d\":{\"n\":%d,\"n\":%d},", i % 1000, i, i + 1);
	buf_addz(&record, "\"end\":0}}");
	ok(mongo_value_append(&m, &doc, "event", buf_slice(&record)), "two thousand");
	ok(bson_iter_init(&it, &doc) && bson_iter_find_descendant(&it, "event.v.k7.n", &v) &&
		   bson_iter_int32(&v) == 1008,
	   "the last of equal ones");
	ok(bson_iter_init(&it, &doc) && bson_iter_find_descendant(&it, "event.v", &v) &&
		   bson_iter_recurse(&v, &it),
	   "an object");
	for (int n = 0;; n++)
		if (!bson_iter_next(&it)) {
			ok(n == 1001, "%d members, each name once", n);
			break;
		}
	bson_destroy(&doc);
	buf_fini(&record);
	mongo_done(&m);
}

static void test_depth(void)
{
	struct mongo m;

	mongo_like(&m, false);
	for (int depth = 85; depth < 100; depth += 10) {
		struct buf record = { 0 };
		bson_t doc = BSON_INITIALIZER;

		for (int i = 0; i < depth; i++)
			buf_addz(&record, "{\"a\":");
		buf_addz(&record, "1");
		for (int i = 0; i < depth; i++)
			buf_addc(&record, '}');
		ok(mongo_value_append(&m, &doc, "event", buf_slice(&record)) == (depth < 90),
		   "%d levels", depth);
		bson_destroy(&doc);
		buf_fini(&record);
	}
	mongo_done(&m);
}

static void test_times(void)
{
	ok(mongo_ms(1999) == 1 && mongo_ms(2000) == 2 && mongo_ms(0) == 0, "cut");
	ok(mongo_ms(-1) == -1 && mongo_ms(-1000) == -1 && mongo_ms(-1001) == -2, "before 1970");
}

/* Of a request whose documents were refused for several reasons. */
static void test_errors(void)
{
	static const struct {
		int32_t code[4];
		enum sink_result want;
		const char *name;
	} cases[] = {
		{ { 11000 }, SINK_FATAL, "somebody else's index" },
		{ { 11000, 2 }, SINK_FATAL, "with a form behind it" },
		{ { 10107 }, SINK_RETRY, "not the primary" },
		{ { 11000, 10107 }, SINK_RETRY, "the same behind a key" },
		{ { 2, 11000, 10107 }, SINK_RETRY, "behind a form and a key" },
		{ { 10107, 11000 }, SINK_RETRY, "before a key" },
		{ { 11000, 13 }, SINK_FATAL, "a right that is missing" },
	};
	struct mongo m;

	mongo_like(&m, false);
	m.host = mem_strdup("h");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		bson_t reply = BSON_INITIALIZER, list, one;
		bson_error_t why = { .domain = MONGOC_ERROR_SERVER, .code = 11000 };
		struct err err = ERR_INIT;

		bson_append_array_begin(&reply, "writeErrors", -1, &list);
		for (int k = 0; k < 4 && cases[i].code[k]; k++) {
			char key[2] = { (char)('0' + k), '\0' };

			bson_append_document_begin(&list, key, -1, &one);
			bson_append_int32(&one, "code", -1, cases[i].code[k]);
			bson_append_document_end(&list, &one);
		}
		bson_append_array_end(&reply, &list);
		is_int(mongo_write_failed(&m, &reply, &why, &err), cases[i].want, cases[i].name);
		bson_destroy(&reply);
	}
	free(m.host);
	mongo_done(&m);
}

int main(void)
{
	test_numbers();
	test_members();
	test_many();
	test_depth();
	test_times();
	test_errors();
	return done();
}
