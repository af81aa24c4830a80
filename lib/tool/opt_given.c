/* A second pass over the command line, word by word as opt_parse goes, that no error stops. */
#include "tool/opt_internal.h"

/* One word of options, "--name=value" or "-abc". Takes the next word too where that is the
 * value. True: it has the option. */
static bool in_long(const struct opt_group *groups, size_t n, const char *arg, char ***next,
		    const char *name)
{
	size_t length = strcspn(arg + 2, "=");
	void *self;
	const struct opt *o = opt_by_name(groups, n, arg + 2, length, &self);

	if (o && opt_takes_value(o) && !arg[2 + length] && **next)
		++*next;
	return o && name && strcmp(o->name, name) == 0;
}

static bool in_letters(const struct opt_group *groups, size_t n, const char *arg, char ***next,
		       const char *name)
{
	bool found = false, value = false;

	for (const char *at = arg + 1; *at && !value; at++) {
		void *self;
		const struct opt *o = opt_by_letter(groups, n, *at, &self);

		found |= o && name && strcmp(o->name, name) == 0;
		value = o && opt_takes_value(o);
		if (value && !at[1] && **next)
			++*next;
	}
	return found;
}

bool opt_given(const struct opt_group *groups, size_t n, int argc, char **argv, const char *name)
{
	char **next = argv + (argc > 0);
	bool options = true;

	while (*next) {
		const char *arg = *next++;
		bool found;

		if (!options || arg[0] != '-' || !arg[1])
			found = !name && strcmp(arg, "-") != 0;
		else if (strcmp(arg, "--") == 0)
			found = options = false;
		else if (arg[1] == '-')
			found = in_long(groups, n, arg, &next, name);
		else
			found = in_letters(groups, n, arg, &next, name);
		if (found)
			return true;
	}
	return false;
}
