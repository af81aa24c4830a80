/* The forms of an error:
 *
 *   READONLY You can't write ...
 * out of a script, from 7.0 on and before it:
 *   READONLY You can't write ... script: SHA, on @user_script:5.
 *   ERR Error running script (call to f_SHA): @user_script:5: READONLY ...
 *   ERR Error running script (call to f_SHA): @user_script:5: @user_script: 5: -OOM ...
 *
 * The place stands before anything that a user could have named. */
#include "drv/redis/redis_error.h"

#include <string.h>

static bool redis_begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* "@user_script:5: " or "@user_script: 5: "; text where it is none. */
static const char *behind_place(const char *text)
{
	const char *p = text;

	if (!redis_begins(p, "@user_script:"))
		return text;
	p += strlen("@user_script:");
	p += strspn(p, " 0123456789");
	return redis_begins(p, ": ") ? p + 2 : text;
}

/* Out of a script, without what an older server puts in front. */
static const char *inner(const char *text)
{
	const char *p, *next;

	if (!redis_begins(text, "ERR Error running script") || !(p = strstr(text, "): ")))
		return text;
	for (p += 3; (next = behind_place(p)) != p; p = next)
		;
	return *p == '-' ? p + 1 : p;
}

static bool has_code(const char *text, const char *word)
{
	size_t n = strlen(word);

	return redis_begins(text, word) && (text[n] == ' ' || text[n] == 0);
}

static bool has_any(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (has_code(text, *words))
			return true;
	return false;
}

static bool begins_any(const char *text, const char *const *phrases)
{
	for (; *phrases; phrases++)
		if (redis_begins(text, *phrases))
			return true;
	return false;
}

bool redis_error_is(const char *text, const char *word)
{
	return has_code(inner(text), word);
}

/* NOPERM this user has no permissions to run the 'script|load' command
 * NOPERM this user has no permissions to access one of the keys used as arguments
 * From 7.2 on a user is named, whose name may hold anything: the last quotes count. */
bool redis_error_right(const char *text, struct slice *command)
{
	static const char run[] = " to run the '";
	const char *at = NULL;

	if (!redis_begins(text, "NOPERM "))
		return false;
	for (const char *p = text; (p = strstr(p, run)); at = p)
		p += sizeof(run) - 1;
	*command = at ? slice(at, strcspn(at, "'")) : slice("", 0);
	return at || strstr(text, " access ") || strstr(text, " key");
}

enum sink_result redis_error_means(const char *text, int *code)
{
	static const char *const temporary[] = {
		"ASK",      "BUSY",     "CLUSTERDOWN", "LOADING",  "MASTERDOWN",
		"MISCONF",  "MOVED",    "NOREPLICAS",  "NOSCRIPT", "OOM",
		"READONLY", "TRYAGAIN", "UNBLOCKED",   NULL,
	};
	static const char *const settings[] = {
		"DENIED", "NOAUTH", "NOPERM", "WRONGPASS", "WRONGTYPE", NULL,
	};
	/* Redis has no code for these. The first comes unasked, before the connection is closed;
	 * the second is an operator's SCRIPT KILL. */
	static const char *const temporary_text[] = {
		"max number of clients",
		"Script killed by user",
		NULL,
	};
	static const char *const settings_text[] = {
		"unknown command",
		"Unknown Redis command",
		"The user executing the script",
		NULL,
	};
	const char *p = inner(text), *rest = has_code(p, "ERR") ? p + 3 + strspn(p + 3, " ") : p;
	bool none = rest != p || p != text;

	if (has_any(p, temporary) || (none && begins_any(rest, temporary_text)))
		return *code = EX_TEMPFAIL, SINK_RETRY;
	*code = EX_SOFTWARE;
	if (has_any(p, settings) || (none && begins_any(rest, settings_text)))
		*code = EX_CONFIG;
	return SINK_FATAL;
}
