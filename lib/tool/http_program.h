/* What programs that are servers of HTTP have in common: options, where they listen and for whom,
 * TLS, keys, hosts, and keys and certificates read anew.
 *
 *	http_program_opts in the table of options, over a struct http_program_conf
 *	http_program_watch      before threads are made
 *	http_program_listen     then the server serves
 *	http_program_fini       after the server is freed
 *
 * Without keys only this machine is served, or --insecure consents. There any request has to name
 * this machine in Host, or a name of --host; elsewhere any name will do unless there are some. */
#ifndef TOOL_HTTP_PROGRAM_H
#define TOOL_HTTP_PROGRAM_H

#include "net/http_protocol.h"
#include "net/http_server.h"
#include "net/route.h"
#include "net/tls.h"
#include "tool/http_keys.h"
#include "tool/opt.h"

enum { HTTP_PROGRAM_HOSTS = 64, HTTP_PROGRAM_FILES = 4, HTTP_PROGRAM_PER_ADDRESS = 256 };

struct http_program_conf {
	const char *listen[HTTP_LISTEN], *hosts[HTTP_PROGRAM_HOSTS], *origins[HTTP_PROGRAM_HOSTS];
	size_t n_listen, n_hosts, n_origins;
	const char *keys, *new_key;
	struct tls_files tls; /* cert NULL: HTTP as it is */
	bool insecure;
	uint64_t max_head, max_connections, budget;
	int64_t drain_us;
};

/* What a build can speak beside HTTP/1.1 in the clear. */
struct http_parts {
	const struct tls_driver *tls;         /* what --cert is served by */
	const struct http_protocol *protocol; /* HTTP/2; NULL: none */
};

/* What tells whether a file is another one. */
struct http_file_stamp {
	int64_t us, bytes;
	uint64_t inode;
};

struct http_program {
	const struct http_program_conf *conf; /* borrowed; all else is {0} at first */
	const struct http_parts *parts;
	struct tls_files files; /* of tls */
	struct tls *tls;        /* NULL: none */
	struct http_server *server;
	struct http_keys keys;
	struct http_file_stamp stamps[HTTP_PROGRAM_FILES];
	/* of the one who serves: routes, arg, allow; the hosts are set here */
	struct router router;
	struct http_app app; /* answered, if it is wanted */
};

/* Entries of a table, `member` of `owner` being the conf. */
/* clang-format off */
#define HTTP_PROGRAM_LISTEN_OPT(owner, member)                                                   \
	{ .letter = 'l', .name = "listen", .type = OPT_CALL, .at = offsetof(owner, member),      \
	  .call = http_program_add_listen, .arg = "[ADDR:]PORT",                                 \
	  .help = "where to listen: PORT is this machine only, :PORT all addresses; may repeat" }
#define HTTP_PROGRAM_KEYS_OPTS(owner, member)                                                    \
	{ .name = "keys", .type = OPT_TEXT, .at = offsetof(owner, member.keys), .arg = "FILE",   \
	  .help = "who may do what; without it only this machine is served" },                   \
	{ .name = "new-key", .type = OPT_TEXT, .at = offsetof(owner, member.new_key),            \
	  .arg = "NAME", .help = "print a new key and its line for --keys, and leave" },         \
	{ .name = "insecure", .type = OPT_FLAG, .at = offsetof(owner, member.insecure),          \
	  .help = "serve other machines without keys" },                                         \
	{ .name = "host", .type = OPT_CALL, .at = offsetof(owner, member),                       \
	  .call = http_program_add_host, .arg = "NAME",                                          \
	  .help = "a name that requests may have in Host; may repeat. Default: on this machine " \
		  "only, localhost and its addresses, else all" },                               \
	{ .name = "allow-origin", .type = OPT_CALL, .at = offsetof(owner, member),               \
	  .call = http_program_add_origin, .arg = "URL",                                         \
	  .help = "pages of this origin may ask and read the answers (CORS); may repeat" }
#define HTTP_PROGRAM_TLS_OPTS(owner, member)                                                     \
	{ .name = "cert", .type = OPT_TEXT, .at = offsetof(owner, member.tls.cert),              \
	  .arg = "FILE", .help = "serve TLS with this certificate and those that lead to its "   \
		  "root, PEM; it and what goes with it are read anew at SIGUSR1" },              \
	{ .name = "key", .type = OPT_TEXT, .at = offsetof(owner, member.tls.key),                \
	  .arg = "FILE", .help = "the certificate's private key, PEM" },                         \
	{ .name = "client-ca", .type = OPT_TEXT, .at = offsetof(owner, member.tls.client_ca),    \
	  .arg = "FILE", .help = "who signs certificates of clients: one stands for the key of " \
		  "--keys whose id is its common name" }
#define HTTP_PROGRAM_LIMIT_OPTS(owner, member)                                                   \
	{ .name = "max-head", .type = OPT_BYTES, .at = offsetof(owner, member.max_head),         \
	  .arg = "BYTES", .def = "16k", .min = 1024, .max = 30 << 10,                            \
	  .help = "longest head of a request" },                                                 \
	{ .name = "max-conns", .type = OPT_COUNT, .at = offsetof(owner, member.max_connections), \
	  .arg = "N", .def = "4096", .min = 1, .max = 1000000,                                   \
	  .help = "most connections at a time" },                                                \
	{ .name = "budget", .type = OPT_BYTES, .at = offsetof(owner, member.budget),             \
	  .arg = "BYTES", .def = "256m", .min = 1 << 20, .max = 1e12,                            \
	  .help = "most bytes of bodies at a time" }
#define HTTP_PROGRAM_DRAIN_OPT(owner, member)                                                    \
	{ .name = "drain", .type = OPT_DURATION, .at = offsetof(owner, member.drain_us),         \
	  .arg = "DUR", .def = "10s",                                                            \
	  .help = "how long requests may take after the first signal" }
/* clang-format on */
int http_program_add_listen(void *conf, const char *value, struct err *err);
int http_program_add_host(void *conf, const char *value, struct err *err);
int http_program_add_origin(void *conf, const char *value, struct err *err);

/* EX_USAGE: nobody says where to listen, or files of TLS are missing. */
int http_program_check(const struct http_program_conf *conf, struct err *err);

/* Reads keys and certificate, now, at each SIGUSR1 and where a file has changed, which is looked at
 * every ten seconds: a file that is no good changes nothing then. EX_CONFIG.
 * Blocks the signal in this thread and those that it makes; SIGPIPE is ignored. */
int http_program_watch(struct http_program *p, struct loop *loop, struct err *err);

/* Makes the server and says where it listens. EX_CONFIG: other machines would be served without
 * keys, or the process may not have as many descriptors as connections. */
int http_program_listen(struct http_program *p, struct loop *loop, struct err *err);

void http_program_fini(struct http_program *p);

/* Until when the certificate is good, for Prometheus; nothing where there is none. */
void http_tls_metric(const struct http_program *p, struct buf *b);

/* ---- inside: http_tls.c; does nothing where no certificate is named */
int http_tls_check(const struct http_program_conf *conf, struct err *err); /* EX_USAGE */
int http_tls_open(struct http_program *p, struct err *err);                /* EX_CONFIG */
void http_tls_reload(struct http_program *p);
const struct http_transport *http_tls_transport(struct http_program *p);
void http_tls_fini(struct http_program *p);

#endif
