#include "source/topics.h"

#include <stdio.h>
#include <string.h>

#include "tap.h"

static void test_good(void)
{
	static const struct {
		const char *text, *topics;
	} cases[] = {
		{ "t", "t" },         { "t1,t2", "t1|t2" },
		{ "a,b,a", "a|b|a" }, { "A.b_c-9", "A.b_c-9" },
		{ "...", "..." },     { "__consumer_offsets", "__consumer_offsets" },
		{ "-", "-" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct err err = ERR_INIT;
		const char **topic = NULL;
		char all[256] = "";
		size_t n = 0;

		ok(topics_split(cases[i].text, &topic, &n, &err) == 0, "%s %s", cases[i].text,
		   err.msg);
		for (size_t k = 0; k < n; k++) {
			strcat(all, k ? "|" : "");
			strcat(all, topic[k]);
		}
		is_str(all, cases[i].topics, "its names");
		topics_free(topic, n);
	}
}

static void refused(const char *text, const char *says)
{
	struct err err = ERR_INIT;
	const char **topic = NULL;
	size_t n = 0;

	ok(topics_split(text, &topic, &n, &err) == -1 && err.code == EX_USAGE, "\"%s\" is refused",
	   text);
	ok(strstr(err.msg, says) != NULL, "%s: %s", says, err.msg);
	topics_free(topic, n);
}

static void test_bad(void)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "", "is missing" },
		{ ",", "is missing" },
		{ "a,", "is missing" },
		{ ",a", "is missing" },
		{ "a,,b", "is missing" },
		{ "^t.*", "patterns are not supported" },
		{ "a,^b", "patterns are not" },
		{ "a b", "\"a b\" is no topic" },
		{ "a, b", "\" b\" is no topic" },
		{ "t.*", "\"t.*\" is no topic" },
		{ "a/b", "is no topic" },
		{ "a:1", "is no topic" },
		{ "\xc3\xa4", "is no topic" },
		{ "a\tb", "is no" },
		{ ".", "\".\" is no topic" },
		{ "a,..", "\"..\" is no topic" },
	};
	char text[251] = "";

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		refused(cases[i].text, cases[i].says);
	memset(text, 'x', 250);
	refused(text, "at most 249 characters, not 250");
}

static void test_longest(void)
{
	struct err err = ERR_INIT;
	const char **topic = NULL;
	char text[250] = "";
	size_t n = 0;

	memset(text, 'x', 249);
	ok(topics_split(text, &topic, &n, &err) == 0 && n == 1, "249 characters are a name");
	ok(topics_split("more", &topic, &n, &err) == 0 && n == 2, "names are appended");
	topics_free(topic, n);
}

int main(void)
{
	test_good();
	test_bad();
	test_longest();
	return done();
}
