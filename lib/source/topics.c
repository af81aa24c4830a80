#include "source/topics.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { NAME_BYTES = 249 };

static int check_topic(const char *text, const char *name, struct err *err)
{
	static const char legal[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	if (!*name)
		return err_set(err, EX_USAGE, "-t %s: a topic's name is missing",
			       *text ? text : "\"\"");
	if (name[0] == '^')
		return err_set(err, EX_USAGE,
			       "-t %s: patterns are not supported: name each topic, "
			       "-t NAME,NAME",
			       text);
	if (name[strspn(name, legal)])
		return err_set(err, EX_USAGE,
			       "-t %s: \"%s\" is no topic: a name has letters, digits, "
			       "\".\", \"_\" and \"-\" only (several: -t NAME,NAME)",
			       text, name);
	if (strlen(name) > NAME_BYTES)
		return err_set(err, EX_USAGE,
			       "-t %s: a topic's name has at most %d characters, not %zu", text,
			       NAME_BYTES, strlen(name));
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return err_set(err, EX_USAGE, "-t %s: \"%s\" is no topic", text, name);
	return 0;
}

int topics_split(const char *text, const char ***topic, size_t *n, struct err *err)
{
	for (const char *p = text;; p++) {
		size_t length = strcspn(p, ",");
		char *name = mem_dup(p, length);

		if (check_topic(text, name, err)) {
			free(name);
			return -1;
		}
		*topic = mem_grow(*topic, *n + 1, sizeof(**topic));
		(*topic)[(*n)++] = name;
		p += length;
		if (!*p)
			return 0;
	}
}

void topics_free(const char **topic, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free((char *)(uintptr_t)topic[i]);
	free(topic);
}
