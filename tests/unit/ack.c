/* Messages over the ack channel, and what the source makes of them. */
#include "tap.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/tm.h"
#include "io/packet.h"
#include "job/ack.h"

static char dir[] = "/tmp/hta-ack-XXXXXX";
static struct err err;

static char *path_of(const char *name)
{
	return mem_printf("%s/%s", dir, name);
}

static void listeners(void)
{
	char *path = path_of("a"), *file = path_of("file");
	struct packet_listener one, two;
	struct stat st;
	int fd = open(file, O_CREAT | O_WRONLY, 0600);

	ok(packet_listen(&one, path, &err) == 0, "listens");
	ok(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "mode 0600");
	ok(packet_listen(&two, path, &err) < 0 && err.code == EX_CONFIG,
	   "a live socket is refused");
	close(one.fd);
	one.fd = -1;
	ok(packet_listen(&two, path, &err) == 0, "a dead one is taken over");
	packet_unlisten(&two);
	ok(access(path, F_OK) < 0, "its name goes with it");
	ok(packet_connect(path, &err) < 0 && err.code == EX_TEMPFAIL, "nobody listens");
	ok(packet_listen(&two, file, &err) < 0 && err.code == EX_CONFIG && access(file, F_OK) == 0,
	   "a file is left alone");
	close(fd);
	unlink(file);
	free(one.path);
	free(path);
	free(file);
}

/* A message of many packets while nobody reads: it is received by a watch of the same loop. */
struct receiver {
	int fd, whole;
	struct buf message;
};

static void receive(void *arg, int fd, short revents)
{
	struct receiver *r = arg;

	(void)revents;
	if (packet_receive(fd, &r->message, &err) > 0)
		r->whole++;
}

static void messages(void)
{
	char *path = path_of("m");
	struct loop *l = loop_new();
	struct packet_listener s;
	struct receiver r = { 0 };
	struct buf big = { 0 };
	int fd;

	packet_listen(&s, path, &err);
	fd = packet_connect(path, &err);
	r.fd = packet_accept(&s);
	ok(fd >= 0 && r.fd >= 0, "connected");
	ok(packet_receive(r.fd, &r.message, &err) == 0, "nothing yet");
	ok(packet_send(l, fd, slice_z("hello"), &err) == 0 &&
		   packet_receive(r.fd, &r.message, &err) == 1,
	   "a message");
	is_bytes(r.message.p, r.message.n, "hello", "... is whole");
	r.message.n = 0;
	ok(packet_send(l, fd, slice_z(""), &err) == 0 &&
		   packet_receive(r.fd, &r.message, &err) == 1 && r.message.n == 0,
	   "an empty message");
	for (size_t i = 0; i < 3000000; i++)
		buf_addc(&big, (char)('a' + i % 23));
	loop_watch(l, r.fd, POLLIN, receive, &r);
	ok(packet_send(l, fd, buf_slice(&big), &err) == 0, "a message that no socket holds");
	while (!r.whole)
		loop_turn(l, INT64_MAX, &err);
	ok(r.whole == 1 && slice_eq(buf_slice(&r.message), buf_slice(&big)), "... comes as it was");
	close(fd);
	r.message.n = 0;
	ok(packet_receive(r.fd, &r.message, &err) < 0 && err.code == EX_TEMPFAIL,
	   "the peer has left");
	close(r.fd);
	packet_unlisten(&s);
	buf_fini(&r.message);
	buf_fini(&big);
	loop_free(l);
	free(path);
}

static struct ctl_inc inc;
static struct loop *loop;

static void say(int fd, const char *id, const char *members)
{
	char *text = mem_printf("{\"inc\":\"%s\",%s}", id, members);

	packet_send(loop, fd, slice_z(text), &err);
	free(text);
}

static struct ack_event next(struct ack *a)
{
	struct ack_event e = ack_next(a);
	int64_t until_us = tm_mono_us() + 60 * TM_S;

	while (e.kind == ACK_NONE && tm_mono_us() < until_us &&
	       loop_turn(loop, until_us, &err) >= 0)
		e = ack_next(a);
	return e;
}

static struct ack *begin(char **path, int *fd)
{
	struct ack *a;

	*path = path_of("s");
	loop = loop_new();
	ctl_inc_random(&inc);
	a = ack_new(loop, *path, &inc, &err);
	*fd = packet_connect(*path, &err);
	return a;
}

static void end(struct ack *a, char *path, int fd)
{
	ack_free(a);
	close(fd);
	loop_free(loop);
	free(path);
}

static void source_side(void)
{
	char *path;
	int fd, other;
	struct ack *a = begin(&path, &fd);
	struct ack_event e;

	other = packet_connect(path, &err);
	close(other); /* somebody who looks whether we live */
	other = packet_connect(path, &err);
	say(other, "0123456789abcdef", "\"k\":\"hello\",\"line\":{}");
	say(fd, inc.id, "\"k\":\"hello\",\"line\":{\"a\":[1]}");
	e = next(a);
	ok(e.kind == ACK_HELLO, "the hello of our own incarnation");
	is_bytes(e.line.p, e.line.n, "{\"a\":[1]}", "... as it came");
	say(fd, inc.id, "\"k\":\"probe\",\"line\":{\"n\":1}");
	say(fd, inc.id, "\"k\":\"ack\",\"e\":17,\"rows\":123");
	ok(next(a).kind == ACK_PROBE, "a probe");
	e = next(a);
	ok(e.kind == ACK_EPOCH && e.epoch == 17 && e.rows == 123, "an ack");
	ok(ack_next(a).kind == ACK_NONE, "no more");
	close(other);
	ack_ending(a);
	close(fd);
	while (!ack_closed(a) && loop_turn(loop, INT64_MAX, &err) >= 0)
		;
	ok(ack_closed(a), "after `end` the other end may go");
	end(a, path, open("/dev/null", O_RDONLY));
}

static void failures(void)
{
	char *path;
	int fd;
	struct ack *a = begin(&path, &fd);

	say(fd, inc.id, "\"k\":\"hello\",\"line\":{}");
	next(a);
	say(fd, inc.id, "\"k\":\"fail\",\"line\":{\"code\":65,\"s\":\"x\",\"msg\":\"m\"}");
	while (loop_turn(loop, INT64_MAX, &err) >= 0)
		;
	ok(err.code == 65 && !err.msg[0],
	   "a failure below stops the loop with its code, told already");
	end(a, path, fd);

	a = begin(&path, &fd);
	say(fd, inc.id, "\"k\":\"hello\",\"line\":{}");
	next(a);
	close(fd);
	while (loop_turn(loop, INT64_MAX, &err) >= 0)
		;
	ok(err.code == EX_TEMPFAIL, "a closed channel stops it with 75");
	end(a, path, open("/dev/null", O_RDONLY));

	a = begin(&path, &fd);
	say(fd, inc.id, "\"k\":\"hello\",\"line\":{}");
	next(a);
	loop_stop(loop, &(struct err){ .code = EX_TEMPFAIL });
	say(fd, inc.id, "\"k\":\"fail\",\"code\":78,\"msg\":\"m\"");
	ok(ack_last_word(a, 60 * TM_S, &err) && err.code == 78,
	   "the last word comes though the loop is stopped");
	end(a, path, fd);

	a = begin(&path, &fd);
	say(fd, inc.id, "\"k\":\"hello\",\"line\":{}");
	say(fd, inc.id, "\"k\":\"fail\",\"code\":64,\"msg\":\"m\"");
	loop_stop(loop, &(struct err){ .code = EX_TEMPFAIL });
	ok(ack_last_word(a, 60 * TM_S, &err) && err.code == 64,
	   "... and though nobody had come yet");
	end(a, path, fd);

	a = begin(&path, &fd);
	loop_stop(loop, &(struct err){ .code = EX_TEMPFAIL });
	ok(!ack_last_word(a, TM_S / 100, &err), "nobody comes");
	end(a, path, fd);
}

int main(void)
{
	char *clean;

	if (!mkdtemp(dir))
		return 1;
	listeners();
	messages();
	source_side();
	failures();
	clean = mem_printf("rm -r %s", dir);
	ok(system(clean) == 0, "cleaned up");
	free(clean);
	return done();
}
