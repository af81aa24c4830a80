/* Listening sockets of a server. */
#ifndef NET_HTTP_LISTEN_H
#define NET_HTTP_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include "base/err.h"
#include "base/str.h"

enum { HTTP_ADDRESS_BYTES = 46 };

/* Opens what a place (http_conf.listen) names into fds, which has room for `most`; how many.
 * -1: nothing is open. Sockets do not block, have SO_REUSEADDR and TCP_NODELAY. */
int http_listen_open(const char *place, int *fds, size_t most, struct err *err);

/* The sockets that the service manager handed over (sd_listen_fds(3)): how many, 0: none. -1: one
 * of them is no listening stream socket. */
int http_listen_activated(int *fds, size_t most, struct err *err);

/* "192.0.2.1" (also of an address that IPv6 maps), "2001:db8::1", "unix". How many bytes. */
size_t http_address(const struct sockaddr_storage *a, char out[HTTP_ADDRESS_BYTES]);
bool http_address_loopback(const struct sockaddr_storage *a);

/* Adds "127.0.0.1:8080" of a socket's own end. *loopback: whether only this machine reaches it. */
void http_listen_place(int fd, struct buf *out, bool *loopback);

#endif
