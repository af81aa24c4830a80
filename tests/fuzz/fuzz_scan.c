/* Every engine of the scanner against json_parse, over whatever the fuzzer makes: the first byte
 * chooses the fields, the rest is a block of lines. */
#include <stdlib.h>

#include "base/err.h"
#include "json/json.h"
#include "scan/scan.h"

static const char *const asked[][4] = {
	{ "ts", "status", "payload.price", "a.b.c" },
	{ "a", "a.b", "payload", "a" },
	{ "", "\xc3\xa9", "123456789", "a name with more than sixteen bytes" },
};

static const struct {
	enum scan_engine engine;
	bool learn;
} engines[] = {
	{ SCAN_PORTABLE, false },
	{ SCAN_PORTABLE, true },
	{ SCAN_AVX2, false },
	{ SCAN_AVX2, true },
};

enum { ASKED = 3, WIDTH = 4 };

static struct path paths[ASKED][WIDTH];
static struct scan *scans[ASKED];

static void set_up(void)
{
	for (int i = 0; i < ASKED; i++) {
		for (int k = 0; k < WIDTH; k++) {
			struct buf quoted = { 0 };
			buf_printf(&quoted, i == 2 ? ".\"%s\"" : "%s", asked[i][k]);
			if (path_parse(&paths[i][k], buf_slice(&quoted), NULL))
				BUG("path %s", asked[i][k]);
			buf_fini(&quoted);
		}
		scans[i] = scan_new(paths[i], WIDTH, NULL);
	}
}

static enum scan_status reference(struct json *j, struct slice line)
{
	size_t space = str_mark(line);
	while (space < line.n &&
	       (line.p[space] == ' ' || line.p[space] == '\t' || line.p[space] == '\r'))
		space++;
	if (space == line.n)
		return SCAN_BLANK;
	return json_parse(j, line, NULL) == 0 && j->node[0].type == JSON_OBJECT ? SCAN_OK
										: SCAN_BAD;
}

static uint32_t find(const struct json *j, const struct path *path)
{
	uint32_t at = 0;
	for (unsigned i = 0; i < path->n && (i == 0 || at); i++) {
		char step[64] = { 0 };
		memcpy(step, path->step[i].p, path->step[i].n);
		at = json_get(j, at, step);
	}
	return at;
}

static void check_field(const struct json *j, const struct path *path, const struct field *f)
{
	static const uint32_t types[] = {
		[JSON_NULL] = FIELD_NULL,     [JSON_FALSE] = FIELD_FALSE,
		[JSON_TRUE] = FIELD_TRUE,     [JSON_NUMBER] = FIELD_NUMBER,
		[JSON_STRING] = FIELD_STRING, [JSON_ARRAY] = FIELD_ARRAY,
		[JSON_OBJECT] = FIELD_OBJECT,
	};
	uint32_t at = find(j, path);
	const struct json_node *node = &j->node[at];
	uint32_t type = at == 0         ? (uint32_t)FIELD_MISSING
			: node->escaped ? (uint32_t)FIELD_ESCAPED
					: types[node->type];
	if (f->type != type || (at && (f->p != node->text.p || f->n != node->text.n)))
		BUG("%s: type %u, not %u", path->name, f->type, type);
}

static void check_block(int which, const char *p, size_t n)
{
	struct json j = { 0 };
	struct scan_batch batch;
	while (n > 0) {
		scan_lines(scans[which], p, n, &batch);
		if (batch.lines == 0 || batch.used > n)
			BUG("%u lines in %zu bytes, %zu used", batch.lines, n, batch.used);
		for (unsigned i = 0; i < batch.lines; i++) {
			struct slice line = slice(batch.start[i], batch.length[i]);
			enum scan_status want = reference(&j, line);
			if (line.p != p || p[line.n] != '\n' || scan_status(&batch, i) != want)
				BUG("status %d, not %d: %.*s", scan_status(&batch, i), want,
				    (int)line.n, line.p);
			for (int k = 0; k < WIDTH && want == SCAN_OK; k++)
				check_field(&j, &paths[which][k],
					    &batch.field[i * WIDTH + (unsigned)k]);
			struct err why = ERR_INIT;
			if (want == SCAN_BAD)
				scan_why(line, &why);
			if ((want == SCAN_BAD) != (why.code == EX_DATAERR))
				BUG("no reason: %.*s", (int)line.n, line.p);
			p += line.n + 1;
			n -= line.n + 1;
		}
	}
	json_fini(&j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n < 1)
		return 0;
	if (!scans[0])
		set_up();
	int which = data[0] % ASKED;
	char *room = malloc(n + 2 * SCAN_PAD);
	memset(room, data[0], n + 2 * SCAN_PAD);
	memcpy(room + SCAN_PAD, data + 1, n - 1);
	room[SCAN_PAD + n - 1] = '\n';
	for (size_t e = 0; e < sizeof engines / sizeof *engines; e++)
		if (scan_force(scans[which], engines[e].engine, engines[e].learn))
			check_block(which, room + SCAN_PAD, n);
	free(room);
	return 0;
}
