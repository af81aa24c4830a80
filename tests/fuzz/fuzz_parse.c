/* Lines of text into records: whatever the line is, it is refused with a reason and nothing is
 * appended, or one line of JSON is, an object in UTF-8 with no key twice. It lies at the end of its
 * memory but for the bytes that a reader may touch. The first byte chooses the format; patterns,
 * and the names of CSV, come from the input too. */
#include "fuzz.h"

#include "json/json.h"
#include "scan/scan.h"
#include "text/access.h"
#include "text/csv.h"
#include "text/logfmt.h"
#include "text/pattern.h"

struct line {
	char *memory;
	struct slice text;
};

static struct line line_of(struct slice s)
{
	struct line l = { .memory = mem_alloc(s.n + 2 * SCAN_PAD) };

	memset(l.memory, '"', s.n + 2 * SCAN_PAD);
	if (s.n)
		memcpy(l.memory + SCAN_PAD, s.p, s.n);
	l.text = slice(l.memory + SCAN_PAD, s.n);
	return l;
}

/* The first line of an input, which is taken away. */
static struct slice cut_line(struct slice *s)
{
	const char *nl = s->n ? memchr(s->p, '\n', s->n) : NULL;
	struct slice line = slice(s->p, nl ? (size_t)(nl - s->p) : s->n);

	*s = slice(s->p + line.n + (nl != NULL), s->n - line.n - (nl != NULL));
	return line;
}

static void check_keys(const struct json *j)
{
	for (uint32_t a = json_first(j, 0); a < j->node[0].next; a = j->node[a + 1].next)
		for (uint32_t b = j->node[a + 1].next; b < j->node[0].next; b = j->node[b + 1].next)
			MUST(!slice_eq(j->node[a].text, j->node[b].text));
}

static void check_result(int rc, const struct buf *out, const struct err *why)
{
	struct json j = { 0 };
	struct err err = ERR_INIT;

	if (rc) {
		MUST(out->n == 0 && why->code == EX_DATAERR && why->msg[0]);
		return;
	}
	MUST(out->n > 2 && out->p[0] == '{' && out->p[out->n - 1] == '\n');
	MUST(!memchr(out->p, '\n', out->n - 1));
	if (json_parse(&j, slice(out->p, out->n - 1), &err))
		BUG("%s: %.*s", err.msg, (int)out->n, out->p);
	MUST(j.node[0].type == JSON_OBJECT);
	if (j.n < 200)
		check_keys(&j);
	json_fini(&j);
}

static void check_access(struct slice s, bool combined)
{
	struct access a = { .combined = combined };

	while (s.n) {
		struct line l = line_of(cut_line(&s));
		struct buf out = { 0 };
		struct err why = ERR_INIT;

		check_result(access_line(&a, l.text, &out, &why), &out, &why);
		free(l.memory);
		buf_fini(&out);
	}
	access_fini(&a);
}

static void check_logfmt(struct slice s)
{
	struct logfmt f = { 0 };
	struct line l = line_of(s);
	struct buf out = { 0 };
	struct err why = ERR_INIT;

	check_result(logfmt_line(&f, l.text, &out, &why), &out, &why);
	free(l.memory);
	buf_fini(&out);
	logfmt_fini(&f);
}

/* A record has a line end in quotes only, so what is open at one goes on. */
static void check_csv(struct slice s, char separator, bool is_tsv)
{
	struct csv *c = csv_new(separator, is_tsv);
	struct line names = line_of(cut_line(&s)), l = line_of(s);
	struct buf out = { 0 };
	struct err why = ERR_INIT;
	bool open;

	if (csv_header(c, names.text, &why) == 0) {
		int rc = csv_line(c, l.text, &out, &why);

		open = csv_is_open(c, l.text, false);
		check_result(rc, &out, &why);
		MUST(rc || !open);
		MUST(!csv_has_names(c) || csv_is_header(c, names.text));
	} else {
		MUST(why.code == EX_DATAERR && why.msg[0] && !csv_has_names(c));
	}
	free(names.memory);
	free(l.memory);
	buf_fini(&out);
	csv_free(c);
}

static void check_pattern(struct slice s, const struct pattern_times *times)
{
	struct slice first = cut_line(&s);
	char *text = mem_dup(first.p ? first.p : "", first.n);
	struct err why = ERR_INIT;
	struct pattern *p = pattern_new(text, times, &why);

	MUST(p || (why.code == EX_USAGE && why.msg[0]));
	while (p && s.n) {
		struct line l = line_of(cut_line(&s));
		struct buf out = { 0 };

		check_result(pattern_line(p, l.text, &out, &why), &out, &why);
		free(l.memory);
		buf_fini(&out);
	}
	pattern_free(p);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct pattern_times usual, epoch = { .both = "%s" };
	struct slice s = slice((const char *)data, n);

	switch (fuzz_byte(&s)) {
	case 'c':
		check_access(s, true);
		break;
	case 'o':
		check_access(s, false);
		break;
	case 'l':
		check_logfmt(s);
		break;
	case ',':
		check_csv(s, ',', false);
		break;
	case 't':
		check_csv(s, '\t', true);
		break;
	case 'e':
		check_pattern(s, &epoch);
		break;
	default:
		check_pattern(s, &usual);
	}
	return 0;
}
