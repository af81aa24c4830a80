/* What a driver finds out about a server when somebody asks, before anything depends on it: a
 * finding is one line for people, which begins with what it is about ("topic events: ..") and,
 * where something is not as it has to be, ends with what to do. Looking changes nothing. */
#ifndef TOOL_PROBE_H
#define TOOL_PROBE_H

enum probe_level {
	PROBE_GOOD,
	PROBE_WARNING, /* works, with a risk */
	PROBE_BAD,     /* does not work */
};

typedef void probe_found_fn(void *arg, enum probe_level level, const char *text);

/* Who listens. */
struct probe {
	probe_found_fn *found;
	void *arg;
};

void probe_say(const struct probe *p, enum probe_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
