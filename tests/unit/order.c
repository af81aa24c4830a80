/* The order of rows against a plain sort by window and key_cmp: values of all types, strings
 * that begin alike, numbers of many digits. */
#include "agg/order.h"

#include <stdlib.h>
#include <string.h>

#include "agg/key.h"
#include "tap.h"

enum { DIMS = 3, KEY_BYTES = 512 };

/* A field of one of many values: few, so that groups share them, and alike, so that prefixes do
 * not tell them apart. */
static struct field value(int kind, char *text)
{
	static const char *const words[] = { "",
					     "a",
					     "aaaaaaa",
					     "aaaaaaaa",
					     "aaaaaaaab",
					     "aaaaaaaaaaaaaaab",
					     "aaaaaaaaaaaaaaac",
					     "b",
					     "\xc3\xa9" };
	int n = 0;
	switch (kind) {
	case 0:
		n = sprintf(text, "c-%05d", rand() % 300);
		return (struct field){ .p = text, .n = (uint32_t)n, .type = FIELD_STRING };
	case 1:
		n = sprintf(text, "%s", words[(size_t)rand() % (sizeof(words) / sizeof(words[0]))]);
		return (struct field){ .p = text, .n = (uint32_t)n, .type = FIELD_STRING };
	case 2:
		n = sprintf(text, "%d", rand() % 40 - 20);
		return (struct field){ .p = text, .n = (uint32_t)n, .type = FIELD_NUMBER };
	case 3:
		n = sprintf(text, "12345678901234567%d", rand() % 100 + 100);
		return (struct field){ .p = text, .n = (uint32_t)n, .type = FIELD_NUMBER };
	case 4:
		n = sprintf(text, "https://shop.example/a/long/path/that/all/have/%d/%c",
			    rand() % 12, 'a' + rand() % 26);
		return (struct field){ .p = text, .n = (uint32_t)n, .type = FIELD_STRING };
	default:
		return (struct field){ .p = text,
				       .type = (uint8_t[]){ FIELD_MISSING, FIELD_NULL, FIELD_TRUE,
							    FIELD_FALSE }[rand() % 4] };
	}
}

static const struct table *table;
static size_t dims;

static int compare(const void *a, const void *b)
{
	const char *x = table_key(table, table_at(table, *(const uint32_t *)a)),
		   *y = table_key(table, table_at(table, *(const uint32_t *)b));
	if (key_window(x) != key_window(y))
		return key_window(x) < key_window(y) ? -1 : 1;
	return key_cmp(x, y, dims);
}

/* kinds: of each dimension; -1: any. */
static void test(const char *name, size_t records, size_t windows, size_t n_dims, const int *kinds)
{
	static char text[DIMS][256], key[KEY_BYTES + KEY_SLACK];
	const uint8_t index[DIMS] = { 0, 1, 2 };
	struct table *t = table_new((struct table_shape){ .value = false });
	struct err err = ERR_INIT;
	struct key_scratch scratch = { 0 };
	struct order o = { 0 };
	size_t at, n = 0, wrong = 0;
	for (size_t i = 0; i < records; i++) {
		struct field f[DIMS];
		const char *k = key;
		uint8_t line = 0;
		for (size_t d = 0; d < n_dims; d++)
			f[d] = value(kinds[d] < 0 ? rand() % 6 : kinds[d], text[d]);
		if (key_build(f, index, n_dims, (uint64_t)rand() % windows + 5, &scratch, key,
			      &at) != KEY_OK ||
		    table_add(t, &(struct table_batch){ .n = 1, .line = &line, .key = &k }, &err))
			exit(1);
	}
	uint32_t *want = malloc((table_groups(t) + 1) * sizeof(*want));
	for (int twice = 0; twice < 2; twice++) {
		order_clear(&o, table_groups(t));
		n = 0;
		for (const struct group *g = table_first(t); g; g = table_next(t, g)) {
			order_add(&o, table_ref(t, g));
			want[n++] = table_ref(t, g);
		}
		table = t;
		dims = n_dims;
		qsort(want, n, sizeof(*want), compare);
		order_sort(&o, t, n_dims);
		for (size_t i = 0; i < n; i++)
			wrong += o.entry[i].ref != want[i];
	}
	ok(o.n == n && n == table_groups(t), "%s: %zu groups", name, n);
	is_int(wrong, 0, "in order");
	free(want);
	key_scratch_fini(&scratch);
	order_fini(&o);
	table_free(t);
}

int main(void)
{
	srand(1);
	test("none", 0, 1, 1, (int[]){ 0 });
	test("one", 1, 1, 1, (int[]){ 0 });
	test("windows alone", 500, 100, 0, (int[]){ 0 });
	test("few", 20, 3, 2, (int[]){ 0, 1 });
	test("strings", 5000, 3, 2, (int[]){ 0, 1 });
	test("strings that end in each other", 3000, 4, 3, (int[]){ 1, 1, 1 });
	test("strings that begin alike", 5000, 2, 2, (int[]){ 4, 0 });
	test("numbers", 5000, 5, 2, (int[]){ 2, 0 });
	test("numbers that begin alike", 5000, 1, 2, (int[]){ 3, 0 });
	test("all types", 20000, 2, 3, (int[]){ -1, -1, -1 });
	return done();
}
