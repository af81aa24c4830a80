/* Terms against values of all types, keys to add up by, and the order of stored dimensions. */
#include "read/dims_filter.h"

#include <stdlib.h>

#include "read/stored_dims.h"
#include "tap.h"

static struct stored_dims reader;
static struct arena arena;

static struct dim *dims(const char *json, size_t *n)
{
	struct dim *d = NULL;
	struct err err = ERR_INIT;

	if (stored_dims_parse(&reader, slice_z(json), &arena, &d, n, &err))
		ok(false, "%s: %s", json, err.msg);
	return d;
}

static void matches(const char *json, const char *first, const char *second, bool want)
{
	struct dims_filter f = { 0 };
	struct err err = ERR_INIT;
	size_t n;
	const struct dim *d = dims(json, &n);

	ok(dims_filter_add(&f, first, &err) == 0, "%s", first);
	ok(!second || dims_filter_add(&f, second, &err) == 0, "%s", second ? second : "-");
	ok(dims_filter_match(&f, d, n) == want, "%s %s: %s", first, second ? second : "", json);
	dims_filter_fini(&f);
}

static void terms(void)
{
	matches("{\"a\":200}", "a=200", NULL, true);
	matches("{\"a\":\"200\"}", "a=200", NULL, true);
	matches("{\"a\":200}", "a=2.0e2", NULL, true);
	matches("{\"a\":\"200\"}", "a=2.0e2", NULL, false);
	matches("{\"a\":200}", ".a=200", NULL, true);
	matches("{\"a\":\"\"}", "a=", NULL, true);
	matches("{\"a\":null}", "a=null", NULL, true);
	matches("{\"a\":\"null\"}", "a=null", NULL, true);
	matches("{\"a\":true}", "a=true", NULL, true);
	matches("{\"a\":false}", "a=true", NULL, false);
	matches("{}", "a=", NULL, false);
	matches("{\"a\":1}", "a=1", "a=2", true);
	matches("{\"a\":3}", "a=1", "a=2", false);
	matches("{\"a\":1,\"b\":2}", "a=1", "b=2", true);
	matches("{\"a\":1,\"b\":3}", "a=1", "b=2", false);
	matches("{\"a\":9007199254740993}", "a=9007199254740992", NULL, false);
}

static void refused(int (*take)(struct dims_filter *f, const char *text, struct err *err),
		    const char *text)
{
	struct dims_filter f = { 0 };
	struct err err = ERR_INIT;

	ok(take(&f, text, &err) == -1 && err.code == EX_USAGE, "\"%s\" is refused: %s", text,
	   err.msg);
	dims_filter_fini(&f);
}

static void reduced(const char *json, const char *by, const char *want)
{
	struct dims_filter f = { 0 };
	struct err err = ERR_INIT;
	struct buf text = { 0 };
	size_t n;
	const struct dim *d = dims(json, &n);

	ok(dims_filter_by(&f, by, &err) == 0 && f.has_by, "by %s", by);
	dims_json(dims_filter_reduce(&f, d, n, &arena), f.n_by, &text);
	is_bytes(text.p, text.n, want, by);
	buf_fini(&text);
	dims_filter_fini(&f);
}

static void keys(void)
{
	reduced("{\"b\":1,\"a\":\"x\",\"c\":null}", "c,a", "{\"a\":\"x\",\"c\":null}");
	reduced("{\"b\":1}", ".b,b,a", "{\"b\":1}");
	reduced("{\"b\":1}", "", "{}");
	refused(dims_filter_by, "a,,b");
	refused(dims_filter_by, ",");
	refused(dims_filter_by, "a,");
	refused(dims_filter_add, "a");
	refused(dims_filter_add, "=a");
}

static void order(void)
{
	static const char *const sorted[] = {
		"{}",
		"{\"k\":null}",
		"{\"k\":false}",
		"{\"k\":true}",
		"{\"k\":-1e40}",
		"{\"k\":-9007199254740993}",
		"{\"k\":-9007199254740992}",
		"{\"k\":0}",
		"{\"k\":1e-300}",
		"{\"k\":9007199254740992}",
		"{\"k\":9007199254740993}",
		"{\"k\":1234567890123456789012345678901234567890}",
		"{\"k\":1234567890123456789012345678901234567891}",
		"{\"k\":1e40}",
		"{\"k\":\"\"}",
		"{\"k\":\"10\"}",
		"{\"k\":\"9\"}",
	};

	for (size_t i = 1; i < sizeof(sorted) / sizeof(*sorted); i++) {
		size_t na, nb;
		const struct dim *a = dims(sorted[i - 1], &na), *b = dims(sorted[i], &nb);

		ok(stored_dims_cmp(a, na, b, nb) < 0 && stored_dims_cmp(b, nb, a, na) > 0,
		   "%s is before %s", sorted[i - 1], sorted[i]);
	}
}

int main(void)
{
	terms();
	keys();
	order();
	stored_dims_fini(&reader);
	arena_fini(&arena);
	return done();
}
