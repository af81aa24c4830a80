/* Messages between two processes of this machine: a unix SEQPACKET socket in the file system
 * (the ack channel).
 *
 * A packet is one byte, PACKET_MORE or PACKET_LAST, and up to PACKET_BYTES of a message; a
 * message is the packets up to and including a PACKET_LAST one, put together. So a message may
 * have any size up to PACKET_MESSAGE_MAX, its boundaries are the kernel's, and the end of the
 * peer is seen at once. Both directions are alike. Knows nothing of what messages say
 * (proto/ctl.h). */
#ifndef IO_PACKET_H
#define IO_PACKET_H

#include <sys/types.h>
#include "base/str.h"
#include "io/loop.h"

enum {
	PACKET_BYTES = 32 << 10,
	PACKET_MESSAGE_MAX = 64 << 20,
	PACKET_MORE = 'm',
	PACKET_LAST = 'e',
};

/* A listening socket with a name in the file system. {.fd = -1} is none. */
struct packet_listener {
	int fd;
	char *path;
	dev_t dev;
	ino_t ino;
};

/* Listens at path (absolute), mode 0600. A socket that nobody listens at is taken over, a live
 * one is refused (EX_CONFIG), as is a path that is no socket or too long for one; EX_IOERR
 * otherwise. The descriptor does not block. */
int packet_listen(struct packet_listener *s, const char *path, struct err *err);
/* Closes and removes the name if it is still this socket's. */
void packet_unlisten(struct packet_listener *s);

/* The next connection, which does not block and is the caller's, or -1: nobody is waiting. */
int packet_accept(const struct packet_listener *s);

/* A connection to a listener, which does not block and is the caller's. -1: EX_TEMPFAIL nobody
 * listens there (any more), EX_CONFIG the path is too long or not ours to use. */
int packet_connect(const char *path, struct err *err);

/* Sends one message, all of it; serves the loop while the socket is full. EX_TEMPFAIL: the peer
 * has left; else what loop_wait says. */
int packet_send(struct loop *l, int fd, struct slice message, struct err *err);

/* Takes what has arrived, never waits: appends to *message, which the caller keeps between calls
 * and empties (n = 0) after each whole one. 1: *message is whole; 0: nothing more now, wait for
 * POLLIN; -1: EX_TEMPFAIL the peer has left, EX_DATAERR not of this form. */
int packet_receive(int fd, struct buf *message, struct err *err);

#endif
