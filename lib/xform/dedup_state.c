/* Which state an option means: "lmdb:DIR" by what stands before its colon, all else is a file. */
#include "xform/dedup_state.h"

#include <limits.h>
#include <string.h>

#include "base/str.h"

/* The bytes of "lmdb:" in "lmdb:DIR". 0: it is the name of a file. */
static size_t scheme_bytes(const char *where)
{
	size_t n = strspn(where, "abcdefghijklmnopqrstuvwxyz");

	return n > 1 && where[n] == ':' ? n + 1 : 0;
}

/* What has an @ may have a password. */
static void refuse_state(const struct dedup_state *const *states, const char *text, struct err *err)
{
	size_t named = scheme_bytes(text);
	bool secret = strchr(text, '@');
	struct buf all = { 0 };

	for (size_t i = 0; states[i]; i++)
		buf_printf(&all, "%s%s", i ? " or " : "",
			   states[i]->scheme ? states[i]->scheme : "a file");
	err_set(err, EX_CONFIG, "--state %.*s: this build keeps keys in %s%s%s",
		secret ? (int)named : INT_MAX, text, all.n ? buf_z(&all) : "nothing",
		named && !secret ? "; a file of that name is ./" : "",
		named && !secret ? text : "");
	buf_fini(&all);
}

const struct dedup_state *dedup_state_find(const struct dedup_state *const *states,
					   const char *text, const char **where, struct err *err)
{
	size_t named = scheme_bytes(text);

	for (size_t i = 0; states[i]; i++) {
		const char *scheme = states[i]->scheme;

		if (scheme ? named != strlen(scheme) || strncmp(text, scheme, named) != 0 : named)
			continue;
		*where = text + named;
		return states[i];
	}
	refuse_state(states, text, err);
	return NULL;
}
