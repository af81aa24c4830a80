#include "drv/redis/redis_url.h"

#include "tap.h"

static const char *shown(const char *text)
{
	return text ? text : "-";
}

static void test_good(void)
{
	static const struct {
		const char *text, *host, *path, *user, *password;
		int port, db;
	} cases[] = {
		{ "redis://", "127.0.0.1", "-", "-", "-", 6379, 0 },
		{ "redis://cache", "cache", "-", "-", "-", 6379, 0 },
		{ "redis://cache:1/2", "cache", "-", "-", "-", 1, 2 },
		{ "redis://cache/", "cache", "-", "-", "-", 6379, 0 },
		{ "redis://[::1]:7000/3", "::1", "-", "-", "-", 7000, 3 },
		{ "redis://[::1]", "::1", "-", "-", "-", 6379, 0 },
		{ "redis://:p@h", "h", "-", "-", "p", 6379, 0 },
		{ "redis://u:p@h:5", "h", "-", "u", "p", 5, 0 },
		{ "redis://u:@h", "h", "-", "u", "", 6379, 0 },
		{ "redis://u:a%2Fb%40%25@h/7", "h", "-", "u", "a/b@%", 6379, 7 },
		{ "redis://u:a@b:c@h", "h", "-", "u", "a@b:c", 6379, 0 },
		{ "redis://u@h", "h", "-", "u", "-", 6379, 0 },
		{ "redis://h?passfile=/a/b", "h", "-", "-", "-", 6379, 0 },
		{ "redis://:a?b@h:1/2?passfile=x", "h", "-", "-", "a?b", 1, 2 },
		{ "rediss://u:p@h", "h", "-", "u", "p", 6379, 0 },
		{ "unix://u@/s?db=3&passfile=/p", "-", "/s", "u", "-", 6379, 3 },
		{ "unix:///run/redis.sock", "-", "/run/redis.sock", "-", "-", 6379, 0 },
		{ "unix:///s?db=12", "-", "/s", "-", "-", 6379, 12 },
		{ "unix://u:p@/a%20b/s", "-", "/a b/s", "u", "p", 6379, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct err err = ERR_INIT;
		struct redis_url u;

		if (!ok(redis_url_parse(cases[i].text, &u, &err) == 0, "%s %s", cases[i].text,
			err.msg))
			continue;
		is_str(shown(u.host), cases[i].host, "host");
		is_str(shown(u.path), cases[i].path, "path");
		is_str(shown(u.user), cases[i].user, "user");
		is_str(shown(u.password), cases[i].password, "password");
		is_int(u.port, cases[i].port, "port");
		is_int(u.db, cases[i].db, "database");
		redis_url_fini(&u);
	}
}

static void test_settings(void)
{
	struct err err = ERR_INIT;
	struct redis_url u;

	ok(redis_url_parse("rediss://[::1]:7/2?cacert=/a/ca%20pem&sni=c&cert=x&key=y&passfile=/p",
			   &u, &err) == 0,
	   "settings %s", err.msg);
	ok(u.tls, "TLS");
	is_str(shown(u.host), "::1", "host");
	is_str(shown(u.cacert), "/a/ca pem", "cacert");
	is_str(shown(u.sni), "c", "sni");
	is_str(shown(u.cert), "x", "cert");
	is_str(shown(u.key), "y", "key");
	is_str(shown(u.passfile), "/p", "passfile");
	redis_url_fini(&u);
	ok(redis_url_parse("redis://h", &u, &err) == 0 && !u.tls && !u.cacert, "plain");
	redis_url_fini(&u);
}

static void test_bad(void)
{
	static const char *const cases[] = {
		"",
		"cache:6379",
		"http://cache",
		"redis://@cache",
		"redis://cache?cacert=/secret",
		"redis://cache?",
		"redis://cache?db=1",
		"redis://cache?passfile=",
		"redis://cache?passfile=/a&passfile=/secret",
		"rediss://cache?cert=/secret",
		"rediss://cache?key=/secret",
		"rediss://cache?cacert=/a&&sni=secret",
		"rediss://cache?insecure=1",
		"rediss://cache?cacert=%zzsecret",
		"unix:///s?cacert=/secret",
		"redis://u:secret@cache:port",
		"redis://cache:0",
		"redis://cache:65536",
		"redis://cache:",
		"redis://cache/x",
		"redis://cache/1/2",
		"redis://cache/12345678",
		"redis://[::1",
		"redis://[::1]6379",
		"redis://u:secret%@h",
		"redis://u:secret%4@h",
		"redis://u:secret%zz@h",
		"redis://u:secret%00@h",
		"redis://cache/-1",
		"unix://run/s",
		"unix:///s?db=",
		"unix:///s?db=x",
		"unix:///s?d=1",
		"unix://",
		"unix:///",
		"unix://:secret@s",
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct err err = ERR_INIT;
		struct redis_url u;

		ok(redis_url_parse(cases[i], &u, &err) == -1 && err.code == EX_USAGE,
		   "\"%s\" is refused: %s", cases[i], err.msg);
		ok(!strstr(err.msg, "secret"), "and its password is not told");
		ok(!u.host && !u.path && !u.user && !u.password, "and nothing is left");
	}
}

int main(void)
{
	test_good();
	test_settings();
	test_bad();
	return done();
}
