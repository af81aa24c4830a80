/* Errors of a request: messages with the places in the document and the path in the answer. */
#ifndef GQL_GQL_ERROR_H
#define GQL_GQL_ERROR_H

#include "base/arena.h"
#include "base/str.h"

/* More than these are not kept: the answer stays small whatever is asked. */
enum { GQL_ERRORS = 50 };

/* A place in the document. Both count from 1; a column is a character; line 0: none. */
struct gql_at {
	uint32_t line, column;
};

/* Where in the answer: a key, or an index where key.p is NULL. */
struct gql_path {
	const struct gql_path *above;
	struct slice key;
	size_t index;
};

struct gql_error {
	struct gql_error *next;
	struct slice message;
	struct gql_at at[2];
	struct slice path; /* a JSON array; p NULL: none */
};

struct gql_errors {
	struct arena *arena;
	struct gql_error *first, *last;
	unsigned n;
	bool refused; /* one of them is a limit of ours, not a rule of the language */
};

/* Adds one, all copied into the arena. What is printed of names is bounded by the caller:
 * GQL_NAME(slice) gives the two arguments of a %.*s. */
struct gql_error *gql_error(struct gql_errors *e, struct gql_at at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The same with a path. */
struct gql_error *gql_error_path(struct gql_errors *e, struct gql_at at,
				 const struct gql_path *path, struct slice message);
/* The JSON array of all. */
void gql_errors_write(const struct gql_errors *e, struct buf *out);

static inline int gql_name_bytes(struct slice s)
{
	return s.n < 80 ? (int)s.n : 80;
}
#define GQL_NAME(s) gql_name_bytes(s), (s).p

#endif
