#include "base/log.h"
#include "tool/http_counts.h"
#include "tool/http_program.h"

int http_tls_check(const struct http_program_conf *c, struct err *err)
{
	if (!c->tls.cert != !c->tls.key)
		return err_set(err, EX_USAGE, "--cert and --key go together");
	if (c->tls.client_ca && !c->tls.cert)
		return err_set(err, EX_USAGE, "--client-ca goes with --cert");
	if (c->tls.client_ca && !c->keys)
		return err_set(err, EX_USAGE,
			       "--client-ca goes with --keys, whose lines say what clients may");
	return 0;
}

int http_tls_open(struct http_program *p, struct err *err)
{
	if (!p->conf->tls.cert)
		return 0;
	p->files = p->conf->tls;
	p->files.http2 = p->parts->protocol != NULL;
	p->tls = p->parts->tls->open(&p->files, err);
	return p->tls ? 0 : -1;
}

void http_tls_reload(struct http_program *p)
{
	struct err err = ERR_INIT;

	if (!p->tls)
		return;
	if (p->parts->tls->reload(p->tls, &err))
		log_warn("%s; the certificate stays as it was", err.msg);
	else
		log_note("the certificate was read anew");
}

const struct http_transport *http_tls_transport(struct http_program *p)
{
	return p->tls ? p->parts->tls->transport(p->tls) : NULL;
}

void http_tls_metric(const struct http_program *p, struct buf *b)
{
	if (p->tls)
		prometheus_value(b, "hta_tls_not_after_seconds", "gauge",
				 "until when the certificate is good, in seconds since 1970",
				 (uint64_t)p->parts->tls->not_after_s(p->tls));
}

void http_tls_fini(struct http_program *p)
{
	if (p->tls)
		p->parts->tls->free(p->tls);
	p->tls = NULL;
}
