/* A schema, a NUL, and lines of records. What holds of any: a schema is taken or refused with a
 * reason; a record is judged alike each time, with a reason where it is not valid; the quick way
 * says yes only where the tree does. */
#include "schema/schema.h"

#include "fuzz.h"

static void judge_line(const struct schema_set *set, const struct schema_scan *s,
		       struct schema_check *c, const struct scan_batch *b, unsigned line)
{
	struct slice text = slice(b->start[line], b->length[line]);
	const struct field *field = b->field;
	struct err why = ERR_INIT, again = ERR_INIT;
	size_t width = 0;

	(void)set;
	while (schema_scan_paths(s)[width])
		width++;
	bool sure = schema_scan_has(s, 0) && schema_scan_line(s, 0, field + line * width, c);
	bool valid = schema_check_text(c, 0, text, &why);
	MUST(!sure || valid);
	MUST(valid || (why.code == EX_DATAERR && why.msg[0]));
	MUST(str_utf8(why.msg, strlen(why.msg)));
	MUST(schema_check_text(c, 0, text, &again) == valid && strcmp(why.msg, again.msg) == 0);
}

static void judge_lines(const struct schema_set *set, struct slice lines)
{
	struct schema_scan *s = schema_scan_new(set, NULL);
	struct schema_check *c = schema_check_new(set);
	struct path path[SCAN_FIELDS] = { 0 };
	struct buf block = { 0 };
	struct scan_batch b;
	size_t n = 0;

	for (const char *const *p = schema_scan_paths(s); *p; p++)
		MUST(path_parse(&path[n++], slice_z(*p), NULL) == 0);
	struct scan *scan = scan_new(path, n, NULL);
	memset(buf_room(&block, SCAN_PAD), '"', SCAN_PAD);
	block.n = SCAN_PAD;
	buf_adds(&block, lines);
	buf_addc(&block, '\n');
	size_t end = block.n;
	memset(buf_room(&block, SCAN_PAD), '"', SCAN_PAD);
	for (size_t at = SCAN_PAD; at < end; at += b.used) {
		scan_lines(scan, block.p + at, end - at, &b);
		for (unsigned i = 0; i < b.lines; i++)
			if (scan_status(&b, i) == SCAN_OK)
				judge_line(set, s, c, &b, i);
	}
	while (n)
		path_fini(&path[--n]);
	scan_free(scan);
	buf_fini(&block);
	schema_check_free(c);
	schema_scan_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice s = slice((const char *)data, n), text = s;
	const char *nul = n ? memchr(s.p, '\0', s.n) : NULL;
	struct schema_set *set = schema_set_new(true);
	struct err err = ERR_INIT;

	text.n = nul ? (size_t)(nul - s.p) : s.n;
	if (schema_set_add(set, "s.json", text, &err) || schema_set_compile(set, &err)) {
		MUST(err.code == EX_CONFIG && err.msg[0]);
	} else if (nul) {
		judge_lines(set, slice(nul + 1, s.n - text.n - 1));
	}
	schema_set_free(set);
	return 0;
}
