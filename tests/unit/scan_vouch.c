/* The scanner asks about the names of a line once a shape, and vouches for the lines like it. */
#include "scan_engines.h"

static unsigned questions;

static bool no_b(struct slice line)
{
	questions++;
	return !memmem(line.p, line.n, "\"b\"", 3);
}

/* A question about names is asked once a shape; arrays may hold any names, so none is asked. An
 * object that is wanted does not keep its lines from being learned. */
static void vouching(void)
{
	static const char *const wanted[] = { "o" };
	static const char *const shapes[][2] = { { "a", "7" }, { "b", "7" }, { "a", "[7]" } };
	struct path *paths = paths_of(wanted, 1);
	struct scan *s = scan_new(paths, 1, NULL);
	struct scan_batch batch;
	scan_vouch(s, no_b);
	for (size_t k = 0; k < COUNT(shapes); k++) {
		struct buf b = { 0 };
		unsigned vouched = 0, objects = 0, lines = 0;
		for (unsigned i = 0; i < 10 * SCAN_BATCH; i++)
			buf_printf(&b, "{\"%s\":%u,\"o\":{\"x\":%s,\"y\":%u}}\n", shapes[k][0], i,
				   shapes[k][1], i * 3);
		char *room = padded(&b, 0), *p = room + SCAN_PAD;
		scan_force(s, SCAN_AUTO, true);
		questions = 0;
		for (size_t at = 0; at < b.n; at += batch.used, lines += batch.lines) {
			scan_lines(s, p + at, b.n - at, &batch);
			vouched += (unsigned)__builtin_popcountll(batch.vouched);
			for (unsigned i = 0; i < batch.lines; i++) {
				const struct field *f = &batch.field[i];
				objects += f->type == FIELD_OBJECT && f->p[0] == '{' &&
					   f->p[f->n - 1] == '}' && f->p[f->n] == '}';
			}
		}
		ok(k == 0 ? vouched >= lines - 4 : vouched == 0,
		   "shape %zu: %u of %u lines are vouched for", k, vouched, lines);
		ok(objects == lines && questions == (k == 2 ? 0 : questions) && questions < 5,
		   "%u objects, %u questions", objects, questions);
		free(room);
		buf_fini(&b);
	}
	scan_free(s);
	paths_free(paths, 1);
}

int main(void)
{
	vouching();
	return done();
}
