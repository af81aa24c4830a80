/* A pattern is checked and written in its canonical spelling once, when the form is made. Reading
 * (timeform_read.c) walks the canonical pattern and need not know of directives that are missing,
 * that stand twice or that are short for others. */
#include "base/timeform_internal.h"

#include <stdlib.h>

#include "base/mem.h"

enum { TEXT_MAX = 200 };

static const char *const clf[] = { "%d/%b/%Y:%H:%M:%S %z", "[%d/%b/%Y:%H:%M:%S %z]", NULL };
static const char *const http[] = { "%a, %d %b %Y %H:%M:%S GMT", "%a, %d-%b-%y %H:%M:%S GMT",
				    "%a %b %e %H:%M:%S %Y", NULL };

static const struct {
	char letter;
	const char *means;
} short_for[] = {
	{ 'F', "%Y-%m-%d" }, { 'T', "%H:%M:%S" }, { 'R', "%H:%M" },
	{ 'D', "%m/%d/%y" }, { 'B', "%b" },       { 'A', "%a" },
};

static void add_blank(struct buf *out)
{
	if (!out->n || out->p[out->n - 1] != ' ')
		buf_addc(out, ' ');
}

/* The letter behind a percent sign. */
static int add_letter(char letter, struct buf *out, struct err *err)
{
	for (size_t i = 0; i < sizeof(short_for) / sizeof(short_for[0]); i++)
		if (letter == short_for[i].letter) {
			buf_addz(out, short_for[i].means);
			return 0;
		}
	if (letter == 'n' || letter == 't') {
		add_blank(out);
		return 0;
	}
	if (!letter || !strchr("YymbedjHIMSfpazZs%", letter))
		return err_set(
			err, EX_USAGE,
			"%%%.1s is not known, there are %%Y y m b B d e j H I M S f p a A z Z s "
			"F T R D n t %%",
			&letter);
	buf_addc(out, '%');
	buf_addc(out, letter);
	return 0;
}

/* The canonical pattern. */
static int expand(const char *text, struct buf *out, struct err *err)
{
	for (const char *p = text; *p; p++) {
		if (timeform_is_blank(*p))
			add_blank(out);
		else if (*p != '%')
			buf_addc(out, *p);
		else if (add_letter(*++p, out, err))
			return -1;
	}
	return 0;
}

/* The %LETTER of a canonical pattern, NULL: it has none. */
static const char *find_timeform(const char *pattern, char letter)
{
	for (const char *p = strchr(pattern, '%'); p; p = strchr(p + 2, '%'))
		if (p[1] == letter)
			return p;
	return NULL;
}

static bool timeform_has(const char *pattern, const char *letters)
{
	for (; *letters; letters++)
		if (find_timeform(pattern, *letters))
			return true;
	return false;
}

/* Letters that say the same thing: one of each at most. */
static int check_twice(const char *pattern, struct err *err)
{
	static const char *const same[] = { "Yy", "mb", "de", "HI", "j", "M", "S",
					    "f",  "p",  "a",  "z",  "Z", "s", NULL };

	for (size_t i = 0; same[i]; i++) {
		unsigned n = 0;

		for (const char *letter = same[i]; *letter; letter++)
			for (const char *p = find_timeform(pattern, *letter); p;
			     p = find_timeform(p + 2, *letter))
				n++;
		if (n > 1 && same[i][1])
			return err_set(err, EX_USAGE, "it has more than one of %%%c and %%%c",
				       same[i][0], same[i][1]);
		if (n > 1)
			return err_set(err, EX_USAGE, "it has %%%c twice", same[i][0]);
	}
	return 0;
}

static int check_pattern(const char *p, struct err *err)
{
	if (check_twice(p, err))
		return -1;
	if (find_timeform(p, 's') && timeform_has(p, "YymbdejHIMSpa"))
		return err_set(err, EX_USAGE,
			       "%%s is a time by itself, with %%f, %%z and %%Z at most");
	if (find_timeform(p, 's'))
		return 0;
	if (!timeform_has(p, "Yy"))
		return err_set(err, EX_USAGE, "it has no year (%%Y), so it fixes no time");
	if (find_timeform(p, 'j') && timeform_has(p, "mbde"))
		return err_set(err, EX_USAGE,
			       "it has the day of the year (%%j) and a month or day besides");
	if (!find_timeform(p, 'j') && (!timeform_has(p, "mb") || !timeform_has(p, "de")))
		return err_set(err, EX_USAGE, "it has no %s, so it fixes no time",
			       timeform_has(p, "mb") ? "day (%d)" : "month (%m)");
	if (!find_timeform(p, 'I') != !find_timeform(p, 'p'))
		return err_set(err, EX_USAGE, "%%I and %%p go together");
	if ((find_timeform(p, 'M') && !timeform_has(p, "HI")) ||
	    (find_timeform(p, 'S') && !find_timeform(p, 'M')) ||
	    (find_timeform(p, 'f') && !find_timeform(p, 'S')))
		return err_set(err, EX_USAGE, "hour, %%M, %%S and %%f need the ones before them");
	return 0;
}

static struct timeform *finish_timeform(const char *name, const char *const *patterns, bool utc)
{
	struct timeform *f = mem_zalloc(sizeof(*f));

	f->name = mem_strdup(name);
	if (!patterns)
		f->pattern[0] = f->name;
	for (size_t i = 0; patterns && patterns[i]; i++)
		f->pattern[i] = patterns[i];
	for (size_t i = 0; f->pattern[i]; i++)
		f->seconds[i] = find_timeform(f->pattern[i], 'S');
	f->utc = utc;
	f->is_local = !utc && !timeform_has(f->pattern[0], "zZs");
	f->year_day = find_timeform(f->pattern[0], 'j');
	f->half_day = find_timeform(f->pattern[0], 'I');
	return f;
}

struct timeform *timeform_new(const char *text, struct err *err)
{
	struct timeform *f = NULL;
	struct buf pattern = { 0 };

	if (strcmp(text, "clf") == 0)
		return finish_timeform(text, clf, false);
	if (strcmp(text, "http") == 0)
		return finish_timeform(text, http, true);
	if (!strchr(text, '%') || !str_utf8(text, strlen(text)))
		err_set(err, EX_USAGE,
			"\"%s\" is neither clf nor http nor a pattern (%%d/%%m/%%Y %%H:%%M:%%S)",
			text);
	else if (expand(text, &pattern, err) || check_pattern(buf_z(&pattern), err))
		err_in(err, "\"%s\"", text);
	else if (pattern.n > TEXT_MAX)
		err_set(err, EX_USAGE,
			"a pattern has at most %d bytes, with %%F, %%T, %%R and %%D written out",
			TEXT_MAX);
	else
		f = finish_timeform(pattern.p, NULL, false);
	buf_fini(&pattern);
	return f;
}

void timeform_free(struct timeform *f)
{
	if (!f)
		return;
	free(f->name);
	free(f);
}

/* ---- asking */

const char *timeform_name(const struct timeform *f)
{
	return f->name;
}

bool timeform_is_local(const struct timeform *f)
{
	return f->is_local;
}

const char *timeform_guess(struct slice text)
{
	static const char *const known[] = { "%Y-%m-%d",
					     "%Y/%m/%d %H:%M:%S",
					     "%Y/%m/%d %H:%M:%S.%f",
					     "%a, %d %b %Y %H:%M:%S %z",
					     "%Y%m%dT%H%M%S%z",
					     "%a %b %d %H:%M:%S %Z %Y",
					     NULL };

	for (size_t i = 0; clf[i]; i++)
		if (timeform_fits(clf[i], text))
			return "clf";
	for (size_t i = 0; http[i]; i++)
		if (timeform_fits(http[i], text))
			return "http";
	for (size_t i = 0; known[i]; i++)
		if (timeform_fits(known[i], text))
			return known[i];
	return NULL;
}
