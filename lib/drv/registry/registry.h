/* A registry of schemas over HTTP: the interface of Confluent's, which Apicurio, Karapace and
 * Redpanda have too. URLs may have a login (http://USER:PASSWORD@HOST); on the command line it is
 * seen by everybody, so HTA_REGISTRY has the URLs where none are given, and HTA_REGISTRY_LOGIN a
 * USER:PASSWORD for URLs that have none, or HTA_REGISTRY_TOKEN a bearer token, @FILE one in a file.
 *
 * How answers are taken:
 *   200                      the schema, and what it refers to, depth first; kept for ever
 *   404 of a registry        (error_code 40401 to 40499) asked again for 10 s, since a producer may
 *                            be ahead of the node that is asked, then not there for a minute. Only
 *                            16 schemas a minute are waited for like that.
 *                            For a GUID any 404, since older registries have no words for it. Of
 *                            the look-up of an id: not there, at once.
 *   401, 403, other 3xx 4xx  EX_CONFIG
 *   all else                 no answer, 5xx, 408, 429, a 404 of somebody else: the next URL, and
 *                            behind the last a growing pause, as sink/retry.h has it */
#ifndef DRV_REGISTRY_REGISTRY_H
#define DRV_REGISTRY_REGISTRY_H

#include "tool/registry.h"

extern const struct registry_ops registry_http;

#endif
