/* Keys: the hash is dims_hash of the same values, whatever form they have in the line. */
#include "tap.h"

#include <stdlib.h>

#include "base/mem.h"
#include "row/dims.h"
#include "scan/scan.h"
#include "xform/dedup_key.h"

static char block[4096];

/* Makes the key of a line. */
static enum dedup_key_result key_of(const char *list, const char *line, const char *topic,
				    uint64_t out[2], struct err *why)
{
	struct err err;
	struct dedup_key *k = dedup_key_new(slice_z(list), &err);
	const char *const *text = dedup_key_paths(k);
	struct path path[8];
	size_t n = 0, at, bytes = strlen(line);
	struct scan_batch b;
	struct scan *s;
	enum dedup_key_result r;

	for (; text[n]; n++)
		path_parse(&path[n], slice_z(text[n]), &err);
	s = scan_new(path, n, &err);
	memset(block, 0, sizeof(block));
	memcpy(block + SCAN_PAD, line, bytes);
	block[SCAN_PAD + bytes] = '\n';
	scan_lines(s, block + SCAN_PAD, bytes + 1, &b);
	r = dedup_key_make(k, b.field, slice_z(topic), out, &at);
	if (r != DEDUP_KEY_OK && why)
		dedup_key_why(k, r, at, why);
	while (n)
		path_fini(&path[--n]);
	scan_free(s);
	dedup_key_free(k);
	return r;
}

static void against_dims(void)
{
	const struct dim d[] = { { slice_z("@topic"), DIM_STRING, slice_z("events") },
				 { slice_z("a.b"), DIM_NUMBER, slice_z("10") },
				 { slice_z("id"), DIM_STRING, slice_z("x\xc3\xa9") } };
	static const char *const list[] = { "id,a.b,@topic", "@topic,.id,.a.b", "a.b,@topic,id" };
	static const char *const line[] = { "{\"id\":\"x\\u00e9\",\"a\":{\"b\":10}}",
					    "{\"a\":{\"b\":1e1},\"id\":\"x\xc3\xa9\"}",
					    "{\"id\":0,\"a\":{\"b\":10.0},\"id\":\"x\\u00E9\"}" };
	struct buf scratch = { 0 };
	uint8_t want[16];

	dims_hash(d, 3, &scratch, want);
	buf_fini(&scratch);
	for (int i = 0; i < 3; i++) {
		uint64_t got[2] = { 0 };

		ok(key_of(list[i], line[i], "events", got, NULL) == DEDUP_KEY_OK &&
			   memcmp(got, want, 16) == 0,
		   "%s of %s is dims_hash", list[i], line[i]);
	}
}

static void types_differ(void)
{
	static const char *const line[] = {
		"{\"id\":1}",        "{\"id\":\"1\"}", "{\"id\":true}",
		"{\"id\":\"true\"}", "{\"id\":\"\"}",  "{\"id\":false}"
	};
	uint64_t key[6][2];

	for (int i = 0; i < 6; i++) {
		bool unlike = key_of("id", line[i], "", key[i], NULL) == DEDUP_KEY_OK;

		for (int k = 0; k < i; k++)
			unlike = unlike && memcmp(key[i], key[k], sizeof(key[i])) != 0;
		ok(unlike, "%s is like no other", line[i]);
	}
}

static void no_keys(void)
{
	static const struct {
		const char *line, *why;
		enum dedup_key_result result;
	} t[] = {
		{ "{\"a\":1}", "key: id is missing", DEDUP_KEY_MISSING },
		{ "{\"id\":null,\"a\":1}", "key: id is missing", DEDUP_KEY_MISSING },
		{ "{\"id\":1}", "key: a is missing", DEDUP_KEY_MISSING },
		{ "{\"id\":[1],\"a\":1}", "key: id is an array or object, no key",
		  DEDUP_KEY_STRUCTURE },
		{ "{\"id\":\"\\ud800\",\"a\":1}", "key: id has half a surrogate pair",
		  DEDUP_KEY_SURROGATE },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct err why = ERR_INIT;
		uint64_t key[2];

		is_int(key_of("id,a", t[i].line, "", key, &why), t[i].result, t[i].line);
		is_str(why.msg, t[i].why, "... and says why");
	}
}

static void lists(void)
{
	static const struct {
		const char *text, *canonical; /* NULL: it is none */
	} t[] = {
		{ "id", ".id" },  { "b,a", ".a,.b" }, { "@topic,.\"x,y\".z", "@topic,.\"x,y\".z" },
		{ "a,.a", NULL }, { "@topic", NULL }, { "", NULL },
		{ "a,", NULL },   { "a,,b", NULL },   { ".a[", NULL },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct err err = ERR_INIT;
		struct dedup_key *k = dedup_key_new(slice_z(t[i].text), &err);

		ok(!k == !t[i].canonical && (k || err.code == EX_USAGE), "list \"%s\"", t[i].text);
		if (k && t[i].canonical)
			ok(slice_is(dedup_key_canonical(k), t[i].canonical), "... is %s",
			   t[i].canonical);
		dedup_key_free(k);
	}
}

int main(void)
{
	against_dims();
	types_differ();
	no_keys();
	lists();
	return done();
}
