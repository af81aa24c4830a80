#include "tool/http_program.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/tm.h"

enum { FILES_US = 10 * TM_S, OTHER_DESCRIPTORS = 64 };

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

/* An origin has no path, and a browser writes it in small letters. */
int http_program_add_origin(void *conf, const char *value, struct err *err)
{
	struct http_program_conf *c = conf;
	size_t scheme = strncmp(value, "https://", 8) == 0 ? 8 : 7;

	if ((scheme == 7 && strncmp(value, "http://", 7) != 0) || !value[scheme] ||
	    strpbrk(value + scheme, "/*?# "))
		return err_set(err, EX_USAGE,
			       "\"%s\" is no origin: http:// or https://, a name, and a port where "
			       "it has one",
			       value);
	return add_text(c->origins, &c->n_origins, HTTP_PROGRAM_HOSTS, value, err);
}

int http_program_check(const struct http_program_conf *c, struct err *err)
{
	if (!c->n_listen && !getenv("LISTEN_FDS"))
		return err_set(err, EX_USAGE, "-l [ADDR:]PORT is missing: where to listen");
	return http_tls_check(c, err);
}

/* ---- files */
/* True: one has changed since the last time. A file that is away for a moment is as it was. */
static bool have_files_changed(struct http_program *p)
{
	const struct http_program_conf *c = p->conf;
	const char *const files[] = { c->keys, c->tls.cert, c->tls.key, c->tls.client_ca };
	bool changed = false;

	for (size_t i = 0; i < HTTP_PROGRAM_FILES; i++) {
		struct http_file_stamp now, *was = &p->stamps[i];
		struct stat st;

		if (!files[i] || stat(files[i], &st))
			continue;
		now = (struct http_file_stamp){
			st.st_mtim.tv_sec * TM_S + st.st_mtim.tv_nsec / 1000, st.st_size, st.st_ino
		};
		changed = changed || now.us != was->us || now.bytes != was->bytes ||
			  now.inode != was->inode;
		*was = now;
	}
	return changed;
}

static void read_files_anew(struct http_program *p)
{
	struct err err = ERR_INIT;

	have_files_changed(p);
	if (http_keys_read(&p->keys, p->conf->keys, &err))
		log_warn("%s; the keys stay as they were", err.msg);
	else if (p->keys.keys)
		log_note("the keys were read anew");
	http_tls_reload(p);
}

static void read_at_signal(void *arg, int fd, short revents)
{
	struct signalfd_siginfo info;

	(void)revents;
	if (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		read_files_anew(arg);
}

static void read_where_changed(void *arg, int fd, short revents)
{
	(void)fd, (void)revents;
	if (have_files_changed(arg))
		read_files_anew(arg);
}

int http_program_watch(struct http_program *p, struct loop *loop, struct err *err)
{
	sigset_t usr1;
	int fd;

	if (http_keys_read(&p->keys, p->conf->keys, err) || http_tls_open(p, err))
		return -1;
	have_files_changed(p);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	fd = signalfd(-1, &usr1, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return err_errno(err, EX_TEMPFAIL, "SIGUSR1");
	loop_watch(loop, fd, POLLIN, read_at_signal, p);
	if (p->conf->keys || p->conf->tls.cert)
		loop_every(loop, FILES_US, read_where_changed, p);
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
	p->router.origins = c->origins;
	p->router.n_origins = c->n_origins;
	p->router.any_host = !here && !c->n_hosts;
	return 0;
}

/* Connections, and what the program has besides. The soft limit is raised as far as that needs. */
static int check_descriptors(const struct http_program_conf *c, struct err *err)
{
	rlim_t wanted = c->max_connections + OTHER_DESCRIPTORS;
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) || l.rlim_cur >= wanted)
		return 0;
	if (l.rlim_max >= wanted) {
		l.rlim_cur = wanted;
		if (setrlimit(RLIMIT_NOFILE, &l) == 0)
			return 0;
	}
	return err_set(err, EX_CONFIG,
		       "the limit of descriptors is %llu: --max-conns %llu needs %llu (ulimit -n, "
		       "LimitNOFILE=), or say fewer",
		       (unsigned long long)l.rlim_max, (unsigned long long)c->max_connections,
		       (unsigned long long)wanted);
}

int http_program_listen(struct http_program *p, struct loop *loop, struct err *err)
{
	const struct http_program_conf *c = p->conf;
	const struct http_conf conf = { .listen = c->listen,
					.n_listen = c->n_listen,
					.transport = http_tls_transport(p),
					.protocol = p->parts->protocol,
					.head_bytes = (size_t)c->max_head,
					.most_connections = (size_t)c->max_connections,
					.most_per_address = HTTP_PROGRAM_PER_ADDRESS,
					.budget_bytes = (size_t)c->budget };
	struct buf places = { 0 };

	if (check_descriptors(c, err))
		return -1;
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
