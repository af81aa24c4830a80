/* Schema resolution, as Avro's specification calls it: which of the reader's types, branches,
 * symbols and fields takes what the writer has. w: the writer's, r: the reader's. Pure. */
#ifndef AVRO_AVRO_RESOLVE_H
#define AVRO_AVRO_RESOLVE_H

#include "avro/avro_internal.h"

/* Of two types with names, without their namespaces: by the reader's name or an alias of its. */
bool avro_same_name(const struct avro_type *w, const struct avro_type *r);
/* Another type than was written takes it: an int as a long, bytes as a string. */
bool avro_is_promoted(enum avro_kind w, enum avro_kind r);
/* The branch of the reader's union that takes it, the same type before another; NULL: none. */
const struct avro_type *avro_branch_for(const struct avro_type *w, const struct avro_type *r);
/* The reader's symbol of that name, else its default; NULL: it has neither. */
const char *avro_symbol_of(const struct avro_type *r, const char *name);
/* The reader's field for a field of the writer: by its name, else by an alias of one whose own name
 * the writer does not have. taken: the reader's fields that have been read. NULL: none, or one of
 * those. */
const struct avro_field *avro_field_for(const struct avro_type *w, const char *name,
					const struct avro_type *r, const bool *taken);

#endif
