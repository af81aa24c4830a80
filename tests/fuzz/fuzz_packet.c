/* Packets over a socket pair, against the rule of io/packet.h done plainly. The input is
 * packets: two bytes of length, low first, and so many bytes (the mark first), or the end. A
 * length of 0x8000 and more repeats one byte, so that big packets cost little. An empty datagram
 * is the end of the peer to a reader: sent as a closed socket. */
#include "fuzz.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/packet.h"

/* The next packet of the input, in out. False: there is none. */
static bool next_packet(struct slice *s, struct buf *out)
{
	out->n = 0;
	if (s->n < 2)
		return false;
	unsigned low = fuzz_byte(s), length = low | fuzz_byte(s) << 8;
	if (length >= 0x8000) {
		length -= 0x8000;
		char mark = (char)fuzz_byte(s), fill = (char)fuzz_byte(s);
		memset(buf_room(out, length + 1), fill, length + 1);
		out->p[0] = mark;
		out->n = length + 1;
		return true;
	}
	if (length > s->n)
		length = (unsigned)s->n;
	buf_add(out, s->p, length);
	s->p += length;
	s->n -= length;
	return length > 0;
}

/* One message: what packet_receive says of what has arrived must be this. */
enum { OPEN, WHOLE, REFUSED };

static int model(const struct buf *packet, struct buf *message)
{
	char mark = packet->p[0];
	if ((mark != PACKET_MORE && mark != PACKET_LAST) || packet->n > 1 + PACKET_BYTES)
		return REFUSED;
	buf_add(message, packet->p + 1, packet->n - 1);
	return mark == PACKET_LAST ? WHOLE : OPEN;
}

static bool exchange(const int fd[2], const struct buf *packet, struct buf *got, struct buf *want)
{
	struct err err = ERR_INIT;
	int state = model(packet, want);
	MUST(send(fd[0], packet->p, packet->n, 0) == (ssize_t)packet->n);
	int rc = packet_receive(fd[1], got, &err);
	MUST(rc == (state == WHOLE  ? 1
		    : state == OPEN ? 0
				    : -1) &&
	     (rc >= 0 || (err.code == EX_DATAERR && err.msg[0])));
	if (state == REFUSED)
		return false;
	MUST(slice_eq(buf_slice(got), buf_slice(want)));
	if (state == WHOLE)
		got->n = want->n = 0;
	return true;
}

/* A message of ours comes back whole, whatever its size. */
static void check_send(const int fd[2], struct slice message, struct buf *got)
{
	struct err err = ERR_INIT;
	struct loop *l = loop_new();
	got->n = 0;
	MUST(packet_send(l, fd[0], message, &err) == 0 && packet_receive(fd[1], got, &err) == 1 &&
	     slice_eq(buf_slice(got), message));
	loop_free(l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice s = slice((const char *)data, n);
	struct buf packet = { 0 }, got = { 0 }, want = { 0 };
	struct err err = ERR_INIT;
	bool good = true;
	int fd[2], size = 1 << 20;
	MUST(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) == 0);
	MUST(setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) == 0);
	while (good && want.n < 1 << 20 && next_packet(&s, &packet))
		good = exchange(fd, &packet, &got, &want);
	if (good) {
		check_send(fd,
			   slice((const char *)data, n < 4 * PACKET_BYTES ? n : 4 * PACKET_BYTES),
			   &got);
		MUST(packet_receive(fd[1], &got, &err) == 0);
	}
	close(fd[0]);
	/* whoever looks into /proc/PID/fd just now keeps it open for a moment */
	MUST(poll(&(struct pollfd){ .fd = fd[1], .events = POLLIN }, 1, 10000) == 1);
	MUST(packet_receive(fd[1], &got, &err) == -1 && err.code == EX_TEMPFAIL);
	close(fd[1]);
	buf_fini(&packet);
	buf_fini(&got);
	buf_fini(&want);
	return 0;
}
