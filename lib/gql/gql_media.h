/* Media types as GraphQL over HTTP needs them. */
#ifndef GQL_GQL_MEDIA_H
#define GQL_GQL_MEDIA_H

#include "base/str.h"

enum gql_media { GQL_MEDIA_JSON, GQL_MEDIA_GRAPHQL, GQL_MEDIA_NONE };

/* What an answer is to be, by the Accept field (n 0: there is none, then JSON): the higher weight,
 * then what the client names first, then JSON. */
enum gql_media gql_media_accept(struct slice accept);
/* Is a Content-Type application/json in UTF-8? */
bool gql_media_is_json(struct slice content_type);

#endif
