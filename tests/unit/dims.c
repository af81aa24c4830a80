/* The hash of dimensions is stored for ever: these vectors were made by another implementation
 * (python-xxhash over struct.pack) and never change. */
#include "row/dims.h"
#include "json/json.h"
#include "tap.h"

enum { MOST = 3 };

static const struct {
	size_t n;
	struct {
		const char *name, *value;
		char tag;
	} d[MOST];
	const char *hash, *json;
} vectors[] = {
	{ 0, { { 0 } }, "99aa06d3014798d86001c324468d497f", "{}" },
	{ 2,
	  { { "endpoint", "/a", 's' }, { "status", "200", 'n' } },
	  "3a3e2af82e33c119f953af6c4ad21bf8",
	  "{\"endpoint\":\"/a\",\"status\":200}" },
	{ 3,
	  { { "customer", "", 's' }, { "payload.price", "-0.5", 'n' }, { "region", "", '-' } },
	  "47693b1b53377d55b51dd797812376be",
	  "{\"customer\":\"\",\"payload.price\":-0.5}" },
	{ 3,
	  { { "customer", "", '0' }, { "payload.price", "", 't' }, { "region", "", 'f' } },
	  "d0d4eb955a42f1c46ea7125de430a8a5",
	  "{\"customer\":null,\"payload.price\":true,\"region\":false}" },
	{ 3,
	  { { "Z",
	      "Gr\xc3\xbc\xc3\x9f"
	      "e \xf0\x9f\x98\x80 \"q\"\n",
	      's' },
	    { "a.b", "1e400", 'n' },
	    { "\xc3\xa9t\xc3\xa9", "200", 's' } },
	  "f539aec11b1b904ed67355a9616d97b6",
	  "{\"Z\":\"Gr\xc3\xbc\xc3\x9f"
	  "e \xf0\x9f\x98\x80 \\\"q\\\"\\n\",\"a.b\":1e400,\"\xc3\xa9t\xc3\xa9\":\"200\"}" },
	{ 1, { { "a", "200", 's' } }, "a22bd4bd7102ecd63ee6ab5d0142a664", "{\"a\":\"200\"}" },
	{ 1, { { "a", "200", 'n' } }, "881e94b11bf8f480ce610d533ab85dd1", "{\"a\":200}" },
};

static size_t fill(struct dim d[MOST], size_t v)
{
	for (size_t i = 0; i < vectors[v].n; i++)
		d[i] = (struct dim){ slice_z(vectors[v].d[i].name),
				     (enum dim_tag)vectors[v].d[i].tag,
				     slice_z(vectors[v].d[i].value) };
	return vectors[v].n;
}

static void test_vectors(void)
{
	struct buf scratch = { 0 }, text = { 0 };
	struct json j = { 0 };
	for (size_t v = 0; v < sizeof(vectors) / sizeof(*vectors); v++) {
		struct dim d[MOST];
		uint8_t hash[16];
		size_t n = fill(d, v);
		dims_hash(d, n, &scratch, hash);
		text.n = 0;
		buf_hex(&text, hash, sizeof(hash));
		is_bytes(text.p, text.n, vectors[v].hash, "hash");
		text.n = 0;
		dims_json(d, n, &text);
		is_bytes(text.p, text.n, vectors[v].json, "JSON");
		ok(json_parse(&j, buf_slice(&text), NULL) == 0, "which is JSON");
	}
	buf_fini(&scratch);
	buf_fini(&text);
	json_fini(&j);
}

/* What must not be confused: kinds of nothing, and where one piece ends. */
static void test_differ(void)
{
	static const struct dim d[] = {
		{ { "a", 1 }, DIM_MISSING, { "", 0 } }, { { "a", 1 }, DIM_NULL, { "", 0 } },
		{ { "a", 1 }, DIM_STRING, { "", 0 } },  { { "a", 1 }, DIM_FALSE, { "", 0 } },
		{ { "a", 1 }, DIM_STRING, { "0", 1 } }, { { "a", 1 }, DIM_NUMBER, { "0", 1 } },
		{ { "as", 2 }, DIM_STRING, { "", 0 } }, { { "a", 1 }, DIM_STRING, { "a", 1 } },
	};
	enum { N = sizeof(d) / sizeof(*d) };
	uint8_t hash[N][16], again[16];
	struct buf scratch = { 0 };
	for (size_t i = 0; i < N; i++)
		dims_hash(&d[i], 1, &scratch, hash[i]);
	for (size_t i = 0; i < N; i++)
		for (size_t k = 0; k < i; k++)
			ok(memcmp(hash[i], hash[k], 16) != 0, "%zu and %zu differ", i, k);
	const struct dim null = { { "a", 1 }, DIM_NULL, { "left over", 9 } };
	dims_hash(&null, 1, &scratch, again);
	ok(memcmp(again, hash[1], 16) == 0, "the value of a null is not looked at");
	is_int(scratch.n, 4 + 1 + 1 + 4, "the input of a null");
	buf_fini(&scratch);
}

/* Canonical numbers in the order of their size, and what they have without an exponent. */
static void test_numbers(void)
{
	static const struct {
		const char *text;
		uint64_t chars;
	} rising[] = {
		{ "-1e99999999999999999999", 0 },
		{ "-9e40000", 40001 },
		{ "-1e40000", 40001 },
		{ "-1000000000000", 13 },
		{ "-20", 2 },
		{ "-3", 1 },
		{ "-2.5", 3 },
		{ "-0.5", 3 },
		{ "-1e-40000", 40002 },
		{ "0", 1 },
		{ "1e-99999999999999999999", 0 },
		{ "9e-40001", 40003 },
		{ "1e-40000", 40002 },
		{ "1.5e-400", 403 },
		{ "0.00049", 7 },
		{ "0.05", 4 },
		{ "0.5", 3 },
		{ "2", 1 },
		{ "2.0000000000001", 15 },
		{ "2.5", 3 },
		{ "19", 2 },
		{ "200", 3 },
		{ "1000", 4 },
		{ "1234567890123456789012345678901234567890", 40 },
		{ "1.23456789012345678901234567890123456789e40", 41 },
		{ "1."
		  "234567890123456789012345678901234567890123456789012345678901234567890123456789e7"
		  "8",
		  79 },
		{ "1."
		  "2345678901234567890123456789012345678901234567890123456789012345678901234567891e"
		  "78",
		  81 },
		{ "9.99e299", 300 },
		{ "1e300", 301 },
		{ "9e399", 400 },
		{ "1e400", 401 },
		{ "1.5e400", 401 },
		{ "1.5e40000", 40001 },
		{ "1e99999999999999999999", 0 },
	};
	enum { N = sizeof(rising) / sizeof(*rising) };
	for (size_t i = 0; i < N; i++) {
		struct slice a = slice_z(rising[i].text);
		uint64_t chars = dims_number_chars(a);
		ok(rising[i].chars ? chars == rising[i].chars : chars > 1000000000,
		   "%s has %llu characters", rising[i].text, (unsigned long long)chars);
		for (size_t k = 0; k < N; k++) {
			int want = (i > k) - (i < k),
			    got = dims_number_cmp(a, slice_z(rising[k].text));
			if ((got > 0) - (got < 0) != want)
				ok(false, "%s against %s: %d", rising[i].text, rising[k].text, got);
		}
	}
}

int main(void)
{
	test_vectors();
	test_numbers();
	test_differ();
	return done();
}
