/* A list is walked once, element by element: blanks around it are dropped, what stands before "://"
 * is held against the protocol that was set, and the rest has to be one of
 *
 *	NAME  NAME:PORT  IPV6  [IPV6]  [IPV6]:PORT
 *
 * An address of IPv6 without brackets has no port: its last colon could be either. */
#include "drv/kafka/kafka_brokers.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "base/mem.h"

enum { HOST_BYTES = 253, MAX_PORT = 65535 };

static const char form[] = "HOST:PORT,... is wanted";

static struct slice trimmed_element(struct slice s)
{
	static const char blank[] = " \t\r\n";

	while (s.n && memchr(blank, s.p[0], sizeof(blank) - 1))
		s = slice(s.p + 1, s.n - 1);
	while (s.n && memchr(blank, s.p[s.n - 1], sizeof(blank) - 1))
		s.n--;
	return s;
}

static bool is_ipv6(struct slice host)
{
	char text[INET6_ADDRSTRLEN];
	const char *zone = memchr(host.p, '%', host.n);
	struct in6_addr ignored;

	if (zone)
		host.n = (size_t)(zone - host.p);
	if (host.n >= sizeof(text))
		return false;
	memcpy(text, host.p, host.n);
	text[host.n] = 0;
	return inet_pton(AF_INET6, text, &ignored) == 1;
}

/* Bytes beyond ASCII are the resolver's to judge. */
static bool is_host_name(struct slice host)
{
	static const char legal[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	for (size_t i = 0; i < host.n; i++)
		if ((unsigned char)host.p[i] < 0x80 && !memchr(legal, host.p[i], sizeof(legal) - 1))
			return false;
	return host.n && host.n <= HOST_BYTES;
}

static bool is_port_number(struct slice port)
{
	int v = 0;

	for (size_t i = 0; i < port.n; i++) {
		if (port.p[i] < '0' || port.p[i] > '9' || i == 5)
			return false;
		v = v * 10 + (port.p[i] - '0');
	}
	return v >= 1 && v <= MAX_PORT;
}

/* [HOST]:PORT, HOST:PORT, or a host alone, for which librdkafka takes port 9092. */
static int check_address(struct slice all, struct slice address, struct err *err)
{
	bool bracket = address.n && address.p[0] == '[';
	const char *end = address.p + address.n;
	const char *close = bracket ? memchr(address.p, ']', address.n) : NULL;
	const char *colon = close ? close + 1 : memchr(address.p, ':', address.n);
	struct slice host;

	if (!bracket && is_ipv6(address))
		return 0;
	if (bracket && !close)
		return err_set(err, EX_USAGE, "broker \"%.*s\": a bracket is not closed",
			       (int)all.n, all.p);
	host = bracket ? slice(address.p + 1, (size_t)(close - address.p - 1))
		       : slice(address.p, (size_t)((colon ? colon : end) - address.p));
	if (bracket ? !is_ipv6(host) : !is_host_name(host))
		return err_set(err, EX_USAGE, "broker \"%.*s\": \"%.*s\" is no host: %s",
			       (int)all.n, all.p, (int)host.n, host.p, form);
	if (!colon || colon == end)
		return 0;
	if (*colon != ':' || !is_port_number(slice(colon + 1, (size_t)(end - colon - 1))))
		return err_set(err, EX_USAGE,
			       "broker \"%.*s\": \"%.*s\" is no port, a number from 1 to %d: %s",
			       (int)all.n, all.p, (int)(end - colon - 1), colon + 1, MAX_PORT,
			       form);
	return 0;
}

static int check_protocol(struct slice all, struct slice protocol, const char *wanted,
			  struct err *err)
{
	static const char *const names[] = { "plaintext", "ssl", "sasl_plaintext", "sasl_ssl" };
	char *own = mem_dup(protocol.p, protocol.n);
	bool known = false;
	int rc = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		known = known || strcasecmp(own, names[i]) == 0;
	if (!known)
		rc = err_set(err, EX_USAGE,
			     "broker \"%.*s\": there is no protocol \"%s\": say HOST:PORT, "
			     "and for TLS or a login -X security.protocol=ssl, sasl_plaintext or "
			     "sasl_ssl",
			     (int)all.n, all.p, own);
	else if (strcasecmp(own, wanted) != 0)
		rc = err_set(err, EX_USAGE,
			     "broker \"%.*s\": the protocol is another one than "
			     "security.protocol, %s: say HOST:PORT, and -X security.protocol=%s",
			     (int)all.n, all.p, wanted, own);
	free(own);
	return rc;
}

static int read_broker(struct slice all, const char *protocol, struct err *err)
{
	const char *at = memmem(all.p, all.n, "://", 3);
	struct slice address = all;

	if (at) {
		if (check_protocol(all, slice(all.p, (size_t)(at - all.p)), protocol, err))
			return -1;
		address = slice(at + 3, all.n - (size_t)(at + 3 - all.p));
	}
	return check_address(all, address, err);
}

int kafka_brokers_read(const char *text, const char *protocol, struct buf *out, struct err *err)
{
	size_t before = out->n;

	for (const char *p = text;; p++) {
		size_t n = strcspn(p, ",");
		struct slice one = trimmed_element(slice(p, n));

		if (one.n && read_broker(one, protocol, err))
			return -1;
		if (one.n && out->n > before)
			buf_addc(out, ',');
		buf_adds(out, one);
		p += n;
		if (!*p)
			break;
	}
	if (out->n == before)
		return err_set(err, EX_USAGE, "no broker is named: -b HOST:PORT,...");
	return 0;
}
