/* A document's way:
 *
 *	asked --200--> here            (for ever)
 *	  |  \--404--> asked again .. 10 s .. --> none --a minute, and somebody wants it--> asked
 *	  |--no answer--> the next URL .. --> a pause, the first URL   (retry_note gives up: failed)
 *	  \--401 ..--> failed
 *
 * The next call begins in the loop when its time has come; what it brought is taken by
 * document_turn. All documents share one backoff and one minute of patience: a topic full of ids
 * that nobody knows stops its reader for 10 s a minute at most, not for each of them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/tm.h"
#include "drv/registry/registry_internal.h"

enum {
	PATIENT_US = 10 * 1000000,
	NONE_US = 60 * 1000000,
	MISS_PAUSE_US = 500000,
	PATIENT_FOR = 16, /* schemas a minute */
};

static const char accept[] = "Accept: application/vnd.schemaregistry.v1+json, application/json",
		  content[] = "Content-Type: application/vnd.schemaregistry.v1+json";

/* ---- calls */

static void begin_call(struct document *d)
{
	struct registry *r = d->registry;
	const struct registry_url *url = &r->urls.v[d->url];
	const char *token = url->login ? NULL : registry_token(r);
	size_t n = 0;

	free(d->asked);
	free(d->bearer);
	d->asked = mem_printf("%s%s", url->base, d->path);
	d->bearer = token ? mem_strdup(token) : NULL;
	d->fields[n++] = accept;
	if (d->bearer)
		d->fields[n++] = d->bearer;
	if (d->body)
		d->fields[n++] = content;
	d->call = http_call_begin(
		r->http,
		&(struct http_ask){ .method = d->body ? "POST" : "GET",
				    .url = d->asked,
				    .fields = d->fields,
				    .n_fields = n,
				    .body = d->body ? slice_z(d->body) : (struct slice){ 0 },
				    .user_password = url->login ? NULL : r->login });
}

static void time_to_ask(void *arg, int fd, short revents)
{
	struct document *d = arg;

	(void)fd, (void)revents;
	loop_unwatch(d->registry->loop, d->timer);
	d->timer = -1;
	begin_call(d);
}

static void ask_again(struct document *d, int64_t pause_us)
{
	d->state = DOCUMENT_ASKED;
	d->timer = loop_at(d->registry->loop, tm_mono_us() + pause_us, time_to_ask, d);
}

/* ---- answers */

static enum registry_outcome failed(struct document *d, struct err *err)
{
	d->state = DOCUMENT_FAILED;
	d->why = *err;
	return REGISTRY_FAILED;
}

/* The registry is back when it has answered all that it did not. */
static void answered(struct document *d)
{
	struct registry *r = d->registry;

	d->failed = 0;
	if (!d->away)
		return;
	d->away = false;
	if (--r->n_away == 0)
		retry_done(&r->away, "registry");
}

/* why: in err. */
static enum registry_outcome take_no_answer(struct document *d, struct err *err)
{
	struct registry *r = d->registry;
	struct err why = *err;

	d->url = (d->url + 1) % r->urls.n;
	if (++d->failed < r->urls.n) {
		begin_call(d);
		return REGISTRY_WAITS;
	}
	d->failed = 0;
	r->n_away += !d->away;
	d->away = true;
	if (retry_note(&r->away, "registry", r->conf.retry_for_us, r->conf.flag, &why, err))
		return failed(d, err);
	ask_again(d, retry_pause_us(&r->away));
	return REGISTRY_WAITS;
}

/* Whether a schema that is missing for the first time is waited for. */
static bool may_be_patient(struct registry *r, int64_t now_us)
{
	if (now_us - r->patience_from_us > NONE_US || r->patience_from_us == 0) {
		r->patience_from_us = now_us;
		r->patience = 0;
	}
	return r->patience++ < PATIENT_FOR;
}

static enum registry_outcome take_missing(struct document *d, const char *message, struct err *err)
{
	struct registry *r = d->registry;
	int64_t now = tm_mono_us();

	answered(d);
	if (d->body)
		d->patient_us = now; /* who is to register it does so first */
	if (!d->patient_us)
		d->patient_us = may_be_patient(r, now) ? now + PATIENT_US : now;
	if (now < d->patient_us) {
		d->url = (d->url + 1) % r->urls.n;
		ask_again(d, MISS_PAUSE_US);
		return REGISTRY_WAITS;
	}
	d->state = DOCUMENT_NONE;
	d->again_us = now + NONE_US;
	err_set(&d->why, EX_DATAERR, "the registry has no %s%s", d->path, message);
	err_copy(err, &d->why);
	return REGISTRY_NONE;
}

/* A registry that knows no GUIDs has no words of its own for one. */
static bool is_missing(const struct document *d, int status, int code)
{
	enum { FIRST = 40400, LAST = 40499, NO_SUCH_PATH = 404 };

	return status == NO_SUCH_PATH &&
	       ((code >= FIRST && code <= LAST) || strncmp(d->path, "/schemas/guids/", 15) == 0);
}

static bool is_trouble(int status)
{
	return status >= 500 || status == 404 || status == 408 || status == 429;
}

static enum registry_outcome take_refusal(struct document *d, int status, struct slice body,
					  struct err *err)
{
	struct registry *r = d->registry;
	struct buf message = { 0 };
	int code = registry_answer_code(r, body, &message);
	const char *shown = r->urls.v[d->url].shown, *words = buf_z(&message);
	enum registry_outcome rc;

	if (is_missing(d, status, code)) {
		rc = take_missing(d, words, err);
	} else {
		err_set(err, is_trouble(status) ? EX_TEMPFAIL : EX_CONFIG, "%s%s: status %d%s%s",
			shown, d->path, status, words,
			status == 401 || status == 403 ? ", the login is refused"
			: status == 404                ? ", which is no registry's"
						       : "");
		rc = is_trouble(status) ? take_no_answer(d, err) : REGISTRY_FAILED;
		if (!is_trouble(status)) {
			err_in(err, "registry");
			rc = failed(d, err);
		}
	}
	buf_fini(&message);
	return rc;
}

static void forget_answer(struct document *d)
{
	for (size_t i = 0; i < d->n_refs; i++)
		free(d->ref[i]);
	free(d->ref);
	free(d->text);
	free(d->type);
	d->ref = NULL;
	d->text = d->type = NULL;
	d->n_refs = 0;
}

static enum registry_outcome take_answer(struct document *d, struct http_call *call,
					 struct err *err)
{
	struct registry *r = d->registry;
	int status = http_call_status(call);

	if (status != 200)
		return take_refusal(d, status, http_call_body(call), err);
	if (registry_answer_read(d, http_call_body(call), err)) {
		forget_answer(d);
		err_in(err, "%s%s", r->urls.v[d->url].shown, d->path);
		return take_no_answer(d, err);
	}
	d->state = DOCUMENT_HERE;
	r->url = d->url;
	answered(d);
	return REGISTRY_FOUND;
}

static enum registry_outcome take_call(struct document *d, struct err *err)
{
	struct http_call *call = d->call;
	enum http_outcome outcome = call ? http_call_outcome(call, err) : HTTP_UNDER_WAY;
	const char *shown = d->registry->urls.v[d->url].shown;
	enum registry_outcome rc = REGISTRY_FAILED;

	if (outcome == HTTP_UNDER_WAY)
		return REGISTRY_WAITS;
	d->call = NULL;
	if (outcome == HTTP_ANSWERED) {
		rc = take_answer(d, call, err);
	} else {
		err_in(err, "%s", shown);
		if (outcome == HTTP_LOST) {
			rc = take_no_answer(d, err);
		} else {
			err_in(err, "registry");
			failed(d, err);
		}
	}
	http_call_end(call);
	return rc;
}

/* ---- documents */

struct document *document_new(struct registry *r, const char *path, const char *body)
{
	struct document *d = mem_zalloc(sizeof(*d));

	d->registry = r;
	d->path = mem_strdup(path);
	d->body = body ? mem_strdup(body) : NULL;
	d->timer = -1;
	d->url = r->url;
	begin_call(d);
	return d;
}

void document_free(struct document *d)
{
	if (d->timer >= 0)
		loop_unwatch(d->registry->loop, d->timer);
	http_call_end(d->call);
	forget_answer(d);
	free(d->asked);
	free(d->texts);
	free(d->bearer);
	free(d->path);
	free(d->body);
	free(d);
}

enum registry_outcome document_turn(struct document *d, struct err *err)
{
	switch (d->state) {
	case DOCUMENT_ASKED:
		return take_call(d, err);
	case DOCUMENT_HERE:
		return REGISTRY_FOUND;
	case DOCUMENT_FAILED:
		err_copy(err, &d->why);
		return REGISTRY_FAILED;
	case DOCUMENT_NONE:
		break;
	}
	err_copy(err, &d->why);
	if (tm_mono_us() < d->again_us)
		return REGISTRY_NONE;
	d->state = DOCUMENT_ASKED;
	d->url = d->registry->url;
	begin_call(d);
	return REGISTRY_WAITS;
}
