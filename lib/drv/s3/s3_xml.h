/* XML as S3 answers with it, strictly: elements with texts, attributes that are passed over, the
 * five entities of XML and numbered characters. A document type, an entity of its own, a comment, a
 * CDATA section, a processing instruction other than the declaration are refused: no answer has
 * them, and nothing is ever expanded. Pure. */
#ifndef DRV_S3_S3_XML_H
#define DRV_S3_S3_XML_H

#include "base/err.h"
#include "base/str.h"

enum { XML_DEPTH = 16, XML_PATH_BYTES = 512 };

/* An element has ended. path: the names from the root down, "ListBucketResult/Contents/Key",
 * without prefixes of namespaces. text: decoded, of this element itself, valid during the call. */
typedef void xml_fn(void *arg, const char *path, struct slice text);

/* EX_DATAERR with the byte (the first is 1): it is no such document; elements that ended before
 * that place were told. */
int xml_read(struct slice document, xml_fn *ended, void *arg, struct err *err);

#endif
