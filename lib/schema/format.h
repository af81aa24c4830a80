/* The formats of JSON Schema that are assertions here, over decoded text in UTF-8. */
#ifndef SCHEMA_FORMAT_H
#define SCHEMA_FORMAT_H

#include "base/str.h"

enum format {
	FORMAT_DATE_TIME, /* RFC 3339 section 5.6 */
	FORMAT_DATE,
	FORMAT_TIME,
	FORMAT_UUID,  /* RFC 4122 section 3, either case, any version */
	FORMAT_EMAIL, /* RFC 5321 section 4.1.2: Mailbox, in ASCII */
	FORMAT_IPV4,  /* RFC 2673 section 3.2: four decimals without leading zeros */
	FORMAT_IPV6,  /* RFC 4291 section 2.2, no zone */
	FORMAT_URI,   /* RFC 3986, with a scheme */
	FORMAT_KNOWN, /* one that the specification has, and that is not checked here */
	FORMAT_NONE,  /* any other name: an annotation */
};

enum format format_named(struct slice name);

/* Not of FORMAT_KNOWN and FORMAT_NONE. */
bool format_check(enum format format, struct slice text);

/* The names of those that are checked, for messages. */
const char *format_names(void);

#endif
