/* The table of cases that the stores' views obey, tests/store/finality.tsv, over the pure rule. */
#include "proto/finality.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

enum { COLUMNS = 6 };

static int64_t us_of(const char *seconds)
{
	double s = strtod(seconds, NULL);

	return *seconds == '-' ? POS_NONE : (int64_t)(s * 1e6 + 0.5);
}

/* "WATERMARK[i]" by blanks; those of another sink are not the metric's sink's. */
static void positions_of(char *text, struct positions *out)
{
	char *save = NULL;

	for (char *one = strtok_r(text, " ", &save); one; one = strtok_r(NULL, " ", &save)) {
		struct position *p;

		if (*one == 'x')
			continue;
		p = positions_add(out, slice_z("t"), (int32_t)out->n);
		p->watermark_us = us_of(one);
		p->idle = one[strlen(one) - 1] == 'i';
	}
}

/* "SINCE..UNTIL" by blanks. */
static void spans_of(char *text, int64_t lateness_us, struct finality *f)
{
	char *save = NULL;

	for (char *one = strtok_r(text, " ", &save); one; one = strtok_r(NULL, " ", &save))
		finality_add_span(f, us_of(one), us_of(strstr(one, "..") + 2), lateness_us);
}

static void check_case(char *const column[COLUMNS])
{
	struct positions p = { 0 };
	bool plain = strcmp(column[1], "plain") == 0, nojob = strcmp(column[1], "nojob") == 0;
	int64_t start_us = us_of(column[4]), end_us = us_of(strstr(column[4], "..") + 2);
	struct finality f;

	if (!plain && !nojob && strcmp(column[1], "none") != 0)
		positions_of(column[1], &p);
	f = plain ? finality_plain()
		  : finality_of_job(nojob ? NULL : &p, us_of(column[2]),
				    strstr(column[3], "..") ? POS_NONE : us_of(column[3]));
	if (strstr(column[3], ".."))
		spans_of(column[3], us_of(column[2]), &f);
	is_str(finality_final(&f, start_us, end_us) ? "final"
	       : finality_open(&f, end_us)          ? "open"
						    : "cut",
	       column[5], column[0]);
	positions_fini(&p);
}

static int read_cases(FILE *file)
{
	char line[512], *column[COLUMNS], *save;
	int cases = 0;

	while (fgets(line, sizeof(line), file)) {
		size_t n = 0;

		line[strcspn(line, "\n")] = 0;
		if (*line == '#')
			continue;
		for (char *c = strtok_r(line, "\t", &save); c && n < COLUMNS;
		     c = strtok_r(NULL, "\t", &save))
			column[n++] = c;
		ok(n == COLUMNS, "a case has %d columns", COLUMNS);
		if (n == COLUMNS)
			check_case(column);
		cases++;
	}
	return cases;
}

int main(void)
{
	const char *top = getenv("srcdir");
	char *path = mem_printf("%s/tests/store/finality.tsv", top ? top : ".");
	FILE *file = fopen(path, "r");

	ok(file != NULL, "opens %s", path);
	if (file) {
		ok(read_cases(file) >= 40, "all cases were read");
		fclose(file);
	}
	free(path);
	return done();
}
