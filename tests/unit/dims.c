/* The hash of dimensions is stored for ever: these vectors were made by another implementation (python-xxhash over struct.pack) and never change. */
#include "rec/dims.h"
#include "rec/json.h"
#include "tap.h"

enum { MOST = 3 };

static const struct { size_t n; struct { const char *name, *value; char tag; } d[MOST]; const char *hash, *json; } vectors[] = {
	{ 0, { { 0 } }, "99aa06d3014798d86001c324468d497f", "{}" },
	{ 2, { { "endpoint", "/a", 's' }, { "status", "200", 'n' } }, "3a3e2af82e33c119f953af6c4ad21bf8", "{\"endpoint\":\"/a\",\"status\":200}" },
	{ 3, { { "customer", "", 's' }, { "payload.price", "-0.5", 'n' }, { "region", "", '-' } },
	  "47693b1b53377d55b51dd797812376be", "{\"customer\":\"\",\"payload.price\":-0.5}" },
	{ 3, { { "customer", "", '0' }, { "payload.price", "", 't' }, { "region", "", 'f' } },
	  "d0d4eb955a42f1c46ea7125de430a8a5", "{\"customer\":null,\"payload.price\":true,\"region\":false}" },
	{ 3, { { "Z", "Gr\xc3\xbc\xc3\x9f""e \xf0\x9f\x98\x80 \"q\"\n", 's' }, { "a.b", "1e400", 'n' }, { "\xc3\xa9t\xc3\xa9", "200", 's' } },
	  "f539aec11b1b904ed67355a9616d97b6", "{\"Z\":\"Gr\xc3\xbc\xc3\x9f""e \xf0\x9f\x98\x80 \\\"q\\\"\\n\",\"a.b\":1e400,\"\xc3\xa9t\xc3\xa9\":\"200\"}" },
	{ 1, { { "a", "200", 's' } }, "a22bd4bd7102ecd63ee6ab5d0142a664", "{\"a\":\"200\"}" },
	{ 1, { { "a", "200", 'n' } }, "881e94b11bf8f480ce610d533ab85dd1", "{\"a\":200}" },
};

static size_t fill(struct dim d[MOST], size_t v)
{
	for (size_t i = 0; i < vectors[v].n; i++)
		d[i] = (struct dim){ slice_z(vectors[v].d[i].name), (enum dim_tag)vectors[v].d[i].tag, slice_z(vectors[v].d[i].value) };
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
		{ { "a", 1 }, DIM_MISSING, { "", 0 } }, { { "a", 1 }, DIM_NULL, { "", 0 } }, { { "a", 1 }, DIM_STRING, { "", 0 } },
		{ { "a", 1 }, DIM_FALSE, { "", 0 } }, { { "a", 1 }, DIM_STRING, { "0", 1 } }, { { "a", 1 }, DIM_NUMBER, { "0", 1 } },
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

int main(void)
{
	test_vectors();
	test_differ();
	return done();
}
