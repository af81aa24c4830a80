/* Fields, parameters and escapes of a request. */
#include "net/http.h"

#include "tap.h"

static void test_fields(void)
{
	const struct http_field fields[] = {
		{ slice_z("Accept"), slice_z("text/html") },
		{ slice_z("PREFER"), slice_z("wait=5 , handling=lenient") },
		{ slice_z("prefer"), slice_z(" respond-async") },
		{ slice_z("X-Empty"), slice_z("") },
	};
	struct http_request req = { .fields = fields, .n_fields = 4 };

	ok(slice_is(http_field(&req, "accept"), "text/html"), "a field in any case");
	ok(slice_is(http_field(&req, "Prefer"), "wait=5 , handling=lenient"), "the first of two");
	ok(!http_field(&req, "acc").p && !http_field(&req, "accept2").p, "no prefix");
	ok(http_field(&req, "x-empty").p && !http_field(&req, "x-empty").n, "empty is there");
	ok(http_field_has(&req, "prefer", "Handling=Lenient"), "a token of the first line");
	ok(http_field_has(&req, "prefer", "respond-async"), "a token of the second");
	ok(!http_field_has(&req, "prefer", "wait"), "no prefix of a token");
	ok(!http_field_has(&req, "x-empty", "a") && !http_field_has(&req, "y", "a"), "none");
}

static void test_params(void)
{
	static const struct {
		const char *query, *name;
		int rc;
		const char *value;
	} cases[] = {
		{ "a=1&b=2", "a", 1, "1" },
		{ "a=1&b=2", "b", 1, "2" },
		{ "a=1&b=2", "c", 0, "" },
		{ "", "a", 0, "" },
		{ "a", "a", 1, "" },
		{ "a=", "a", 1, "" },
		{ "&&a=1&", "a", 1, "1" },
		{ "a=1&a=2", "a", 1, "1" },
		{ "aa=1&a=2", "a", 1, "2" },
		{ "a=b=c", "a", 1, "b=c" },
		{ "a=x+y%2Bz", "a", 1, "x y+z" },
		{ "a=%2B+%2b+", "a", 1, "+ + " },
		{ "a=%e2%82%AC", "a", 1, "\xe2\x82\xac" },
		{ "%61=1", "a", 1, "1" },
		{ "=1&a=2", "", 1, "1" },
		{ "a=%", "a", -1, NULL },
		{ "a=%4", "a", -1, NULL },
		{ "a=%4g", "a", -1, NULL },
		{ "a=%ff", "a", -1, NULL },
		{ "%zz=1&a=2", "a", 1, "2" },
		{ "a=%25", "a", 1, "%" },
	};
	struct buf out = { 0 };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int rc = http_param(slice_z(cases[i].query), cases[i].name, &out);
		ok(rc == cases[i].rc && (rc < 0 || slice_is(buf_slice(&out), cases[i].value)),
		   "%s of %s", cases[i].name, cases[i].query);
	}
	out.n = 0;
	buf_addz(&out, "/x");
	ok(http_unescape(slice_z("/a%2fb"), &out) == 0 && slice_is(buf_slice(&out), "/x/a/b"),
	   "added to what is there");
	ok(http_unescape(slice_z("/a%2"), &out) < 0 && slice_is(buf_slice(&out), "/x/a/b"),
	   "nothing is added where it fails");
	buf_fini(&out);
}

int main(void)
{
	test_fields();
	test_params();
	is_str(http_reason(413), "Content Too Large", "a reason");
	is_str(http_reason(299), "Unknown", "none");
	return done();
}
