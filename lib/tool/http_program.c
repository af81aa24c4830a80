#include "tool/http_program.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/log.h"

static int add_text(const char **list, size_t *n, size_t most, const char *value, struct err *err)
{
	if (*n == most)
		return err_set(err, EX_USAGE, "more than %zu of them", most);
	list[(*n)++] = value;
	return 0;
}

int http_program_add_listen(void *conf, const char *value, struct err *err)
{
	struct http_program_conf *c = conf;

	return add_text(c->listen, &c->n_listen, HTTP_LISTEN, value, err);
}

int http_program_add_host(void *conf, const char *value, struct err *err)
{
	struct http_program_conf *c = conf;

	return add_text(c->hosts, &c->n_hosts, HTTP_PROGRAM_HOSTS, value, err);
}

int http_program_check(const struct http_program_conf *c, struct err *err)
{
	if (!c->n_listen && !getenv("LISTEN_FDS"))
		return err_set(err, EX_USAGE, "-l [ADDR:]PORT is missing: where to listen");
	return http_tls_check(c, err);
}

/* ---- files */
static void read_files_anew(void *arg, int fd, short revents)
{
	struct http_program *p = arg;
	struct signalfd_siginfo info;
	struct err err = ERR_INIT;

	(void)revents;
	if (read(fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (http_keys_read(&p->keys, p->conf->keys, &err))
		log_warn("%s; the keys stay as they were", err.msg);
	else if (p->keys.keys)
		log_note("the keys were read anew");
	http_tls_reload(p);
}

int http_program_watch(struct http_program *p, struct loop *loop, struct err *err)
{
	sigset_t usr1;
	int fd;

	if (http_keys_read(&p->keys, p->conf->keys, err) || http_tls_open(p, err))
		return -1;
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	fd = signalfd(-1, &usr1, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return err_errno(err, EX_TEMPFAIL, "SIGUSR1");
	loop_watch(loop, fd, POLLIN, read_files_anew, p);
	return 0;
}

/* ---- the server */
static int check_places(struct http_program *p, struct err *err)
{
	const struct http_program_conf *c = p->conf;
	bool here = http_server_loopback_only(p->server);

	if (!here && !c->keys && !c->insecure)
		return err_set(err, EX_CONFIG,
			       "other machines would be served without keys: --keys FILE names "
			       "them, --insecure consents");
	if (!here && c->keys && !p->tls)
		log_note("keys are sent without TLS: --cert and --key, or a proxy that speaks it "
			 "in front");
	p->router.hosts = c->hosts;
	p->router.n_hosts = c->n_hosts;
	p->router.any_host = !here && !c->n_hosts;
	return 0;
}

int http_program_listen(struct http_program *p, struct loop *loop, struct err *err)
{
	const struct http_program_conf *c = p->conf;
	const struct http_conf conf = { .listen = c->listen,
					.n_listen = c->n_listen,
					.transport = http_tls_transport(p),
					.protocol = p->parts->protocol,
					.most_connections = (size_t)c->max_connections,
					.most_per_address = HTTP_PROGRAM_PER_ADDRESS,
					.budget_bytes = (size_t)c->budget };
	struct buf places = { 0 };

	router_app(&p->router, &p->app);
	p->server = http_server_new(loop, &conf, &p->app, err);
	if (!p->server || check_places(p, err))
		return -1;
	http_server_places(p->server, &places);
	log_note("listens on %s", buf_z(&places));
	buf_fini(&places);
	return 0;
}

void http_program_fini(struct http_program *p)
{
	http_server_free(p->server);
	http_keys_fini(&p->keys);
	http_tls_fini(p);
}
