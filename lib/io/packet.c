/* Taking over a dead socket is connect, unlink, bind: three steps that two programs could
 * interleave so that one unlinks the other's new socket. They hold a lock on the folder
 * meanwhile (flock, so nothing is left behind by a crash). */
#include "io/packet.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/mem.h"

static int address(const char *path, struct sockaddr_un *a, struct err *err)
{
	size_t n = strlen(path);

	if (n >= sizeof(a->sun_path))
		return err_set(err, EX_CONFIG,
			       "%s: too long for a socket (%zu bytes at most), choose a shorter "
			       "path with --ack",
			       path, sizeof(a->sun_path) - 1);
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	memcpy(a->sun_path, path, n + 1);
	return 0;
}

static int new_socket(struct err *err)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		err_errno(err, EX_IOERR, "unix socket");
	return fd;
}

/* Removes the socket at path if nobody listens there. */
static int remove_dead(const char *path, const struct sockaddr_un *a, struct err *err)
{
	struct stat st;
	int fd, failed;

	if (lstat(path, &st) < 0) {
		if (errno == ENOENT)
			return 0;
		return err_errno(err, EX_IOERR, "%s", path);
	}
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, EX_CONFIG,
			       "%s: is there and no socket, choose another path with --ack", path);
	fd = new_socket(err);
	if (fd < 0)
		return -1;
	failed = connect(fd, (const struct sockaddr *)a, sizeof(*a)) < 0 ? errno : 0;
	close(fd);
	if (failed == EACCES || failed == EPERM)
		return err_set(err, EX_CONFIG,
			       "%s: is somebody else's socket, choose another path with --ack",
			       path);
	if (failed != ECONNREFUSED && failed != ENOENT)
		return err_set(err, EX_CONFIG,
			       "%s: another source listens there, stop it or choose another path "
			       "with --ack",
			       path);
	if (unlink(path) < 0 && errno != ENOENT)
		return err_errno(err, EX_IOERR, "%s", path);
	return 0;
}

static int lock_folder(const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash && slash > path ? mem_dup(path, (size_t)(slash - path))
					  : mem_strdup(slash ? "/" : ".");
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0) {
		err_errno(err, EX_IOERR, "%s", dir);
	} else if (flock(fd, LOCK_EX) < 0) {
		err_errno(err, EX_IOERR, "lock %s", dir);
		close(fd);
		fd = -1;
	}
	free(dir);
	return fd;
}

int packet_listen(struct packet_listener *s, const char *path, struct err *err)
{
	struct sockaddr_un a;
	struct stat st;
	int lock;

	*s = (struct packet_listener){ .fd = -1 };
	if (address(path, &a, err) < 0)
		return -1;
	lock = lock_folder(path, err);
	if (lock < 0)
		return -1;
	if (remove_dead(path, &a, err) < 0)
		goto unlock;
	s->fd = new_socket(err);
	if (s->fd < 0)
		goto unlock;
	/* the name in the file system gets the socket's mode */
	if (fchmod(s->fd, 0600) < 0 || bind(s->fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    listen(s->fd, 4) < 0 || lstat(path, &st) < 0) {
		err_errno(err, EX_IOERR, "%s", path);
		close(s->fd);
		s->fd = -1;
		goto unlock;
	}
	s->path = mem_strdup(path);
	s->dev = st.st_dev;
	s->ino = st.st_ino;
unlock:
	close(lock);
	return s->fd < 0 ? -1 : 0;
}

void packet_unlisten(struct packet_listener *s)
{
	struct stat st;

	if (s->fd < 0)
		return;
	if (lstat(s->path, &st) == 0 && st.st_dev == s->dev && st.st_ino == s->ino)
		unlink(s->path);
	close(s->fd);
	free(s->path);
	*s = (struct packet_listener){ .fd = -1 };
}

int packet_accept(const struct packet_listener *s)
{
	return accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

int packet_connect(const char *path, struct err *err)
{
	struct sockaddr_un a;
	int fd;

	if (address(path, &a, err) < 0)
		return -1;
	fd = new_socket(err);
	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	err_errno(err, errno == EACCES || errno == EPERM ? EX_CONFIG : EX_TEMPFAIL, "%s", path);
	close(fd);
	return -1;
}

static int send_packet(struct loop *l, int fd, char mark, const char *p, size_t n, struct err *err)
{
	struct iovec v[2] = { { .iov_base = &mark, .iov_len = 1 },
			      { .iov_base = (void *)(uintptr_t)p, .iov_len = n } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };

	while (sendmsg(fd, &m, MSG_NOSIGNAL) < 0) {
		if (errno == EINTR)
			continue;
		if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN)
			return err_set(err, EX_TEMPFAIL,
				       "the ack channel was closed by its other end");
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			return err_errno(err, EX_IOERR, "ack channel");
		if (loop_wait(l, fd, POLLOUT, INT64_MAX, err) < 0)
			return -1;
	}
	return 0;
}

int packet_send(struct loop *l, int fd, struct slice message, struct err *err)
{
	while (message.n > PACKET_BYTES) {
		if (send_packet(l, fd, PACKET_MORE, message.p, PACKET_BYTES, err) < 0)
			return -1;
		message = slice(message.p + PACKET_BYTES, message.n - PACKET_BYTES);
	}
	return send_packet(l, fd, PACKET_LAST, message.p, message.n, err);
}

int packet_receive(int fd, struct buf *message, struct err *err)
{
	for (;;) {
		char mark;
		struct iovec v[2] = { { .iov_base = &mark, .iov_len = 1 },
				      { .iov_base = buf_room(message, PACKET_BYTES),
					.iov_len = PACKET_BYTES } };
		struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };
		ssize_t n = recvmsg(fd, &m, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return 0;
		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return err_set(err, EX_TEMPFAIL,
				       "the ack channel was closed by its other end");
		if (n < 0)
			return err_errno(err, EX_IOERR, "ack channel");
		if ((mark != PACKET_MORE && mark != PACKET_LAST) || (m.msg_flags & MSG_TRUNC))
			return err_set(err, EX_DATAERR,
				       "the ack channel brought a packet that is not ours");
		message->n += (size_t)(n - 1);
		if (message->n > PACKET_MESSAGE_MAX)
			return err_set(err, EX_DATAERR,
				       "the ack channel brought a message of more than %d bytes",
				       PACKET_MESSAGE_MAX);
		if (mark == PACKET_LAST)
			return 1;
	}
}
