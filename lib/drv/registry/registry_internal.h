/* What the files of the registry share: documents, each of which is what a path answers, to GET or
 * to POST of a schema.
 *   registry.c         life; a schema with all that it refers to
 *   registry_ask.c     a document's way from the question to the answer
 *   registry_answer.c  what answers say
 *   registry_urls.c    where the registry is */
#ifndef DRV_REGISTRY_REGISTRY_INTERNAL_H
#define DRV_REGISTRY_REGISTRY_INTERNAL_H

#include "drv/registry/registry.h"
#include "json/json.h"
#include "net/http_client.h"
#include "sink/retry.h"

enum { REGISTRY_URLS = 16, REGISTRY_REFS = 256 };

struct registry_url {
	char *base;  /* as it is asked, with its login, no slash at its end */
	char *shown; /* without */
	bool login;
};

struct registry_urls {
	struct registry_url v[REGISTRY_URLS];
	size_t n;
};

/* EX_USAGE; the URL is not quoted where it may have a password. *login: one of them has one. */
int registry_urls_parse(const char *text, struct registry_urls *out, bool *login, struct err *err);
void registry_urls_fini(struct registry_urls *urls);
/* Appends text with all but letters, digits and -._~ percent-encoded. */
void registry_url_put(struct buf *out, const char *text);

enum document_state {
	DOCUMENT_ASKED, /* a call is under way, or its next one has its time */
	DOCUMENT_HERE,
	DOCUMENT_NONE, /* until again_us */
	DOCUMENT_FAILED,
};

struct document {
	char *path;
	char *body; /* of POST; NULL: GET */
	enum document_state state;
	struct http_call *call;
	char *asked;  /* its URL, with a login */
	char *bearer; /* a header of the call, or NULL */
	const char *fields[3];
	int timer;          /* a watch, or -1 */
	size_t url;         /* of the call */
	size_t failed;      /* URLs that gave no answer in this round */
	bool away;          /* no URL gave one in the last round */
	int64_t patient_us; /* 404 is not believed before; 0: it was not heard yet */
	int64_t again_us;
	struct err why; /* DOCUMENT_NONE, DOCUMENT_FAILED */

	/* DOCUMENT_HERE */
	uint32_t id;
	char *type, *text;
	size_t text_bytes;
	char **ref; /* paths */
	size_t n_refs;

	/* a schema with all below it: found once */
	bool whole;
	struct slice *texts;
	size_t n_texts;
	uint64_t seen;         /* walk that came by */
	bool within;           /* ... and is below it now */
	struct document *next; /* of equal hash */
	struct registry *registry;
};

struct registry {
	struct registry_conf conf;
	struct loop *loop;
	struct http_client *http;
	struct registry_urls urls;
	const char *login; /* NULL: none */
	/* a header with the token; NULL: none. token_file: where it is read anew */
	char *token;
	const char *token_file;
	size_t url; /* asked first: the last that answered */
	struct document **slot;
	size_t slots, n;
	struct retry away;
	size_t n_away;            /* documents that are */
	int64_t patience_from_us; /* of the minute in which so many schemas were waited for */
	unsigned patience;
	uint64_t walks;
	struct json json; /* scratch */
};

/* ---- registry_ask.c */
/* Makes a document of that path, and asks for it. body: of POST; NULL: GET. */
struct document *document_new(struct registry *r, const char *path, const char *body);
void document_free(struct document *d);
/* Takes what has come. REGISTRY_FOUND: it is here; *err of NONE and FAILED. */
enum registry_outcome document_turn(struct document *d, struct err *err);

/* ---- registry_answer.c */
/* Reads an answer of 200 into d. EX_DATAERR: it is no schema. */
int registry_answer_read(struct document *d, struct slice body, struct err *err);
/* error_code of an answer, 0: it has none. *message: appended, if there is one. */
int registry_answer_code(struct registry *r, struct slice body, struct buf *message);

/* ---- registry_token.c */

/* set: HTA_REGISTRY_TOKEN, "TOKEN" or "@FILE"; NULL: none. EX_CONFIG */
int registry_token_open(struct registry *r, const char *set, struct err *err);
/* The header with the token of now, valid until the next call; NULL: there is none. */
const char *registry_token(struct registry *r);

#endif
