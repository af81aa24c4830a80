#include "drv/redis/redis_error.h"

#include "tap.h"

#define OLD                                                                               \
	"ERR Error running script (call to f_694a5fe1ddb97a4c6a1bf299d9537c7d3d0f84e7): " \
	"@user_script:5: "
#define NEW " script: 694a5fe1ddb97a4c6a1bf299d9537c7d3d0f84e7, on @user_script:1."

static void test_meanings(void)
{
	static const struct {
		const char *text;
		int code;
	} cases[] = {
		/* temporary, as a plain answer, out of a script, out of an older server's script */
		{ "LOADING Redis is loading the dataset in memory", EX_TEMPFAIL },
		{ "BUSY Redis is busy running a script.", EX_TEMPFAIL },
		{ "READONLY You can't write against a read only replica.", EX_TEMPFAIL },
		{ "READONLY You can't write against a read only replica." NEW, EX_TEMPFAIL },
		{ OLD "READONLY You can't write against a read only replica.", EX_TEMPFAIL },
		{ OLD "@user_script: 5: -READONLY You can't write against a read only replica.",
		  EX_TEMPFAIL },
		{ OLD "@user_script: 5: -OOM command not allowed when used memory > 'maxmemory'.",
		  EX_TEMPFAIL },
		{ "OOM command not allowed when used memory > 'maxmemory'." NEW, EX_TEMPFAIL },
		{ "MASTERDOWN Link with MASTER is down", EX_TEMPFAIL },
		{ "CLUSTERDOWN The cluster is down", EX_TEMPFAIL },
		{ "MOVED 3999 127.0.0.1:6381", EX_TEMPFAIL },
		{ "ASK 3999 127.0.0.1:6381", EX_TEMPFAIL },
		{ "TRYAGAIN Multiple keys request during rehashing of slot", EX_TEMPFAIL },
		{ "MISCONF Redis is configured to save RDB snapshots", EX_TEMPFAIL },
		{ "NOREPLICAS Not enough good replicas to write.", EX_TEMPFAIL },
		{ "NOSCRIPT No matching script.", EX_TEMPFAIL },
		{ "UNBLOCKED force unblock", EX_TEMPFAIL },
		{ "ERR max number of clients reached", EX_TEMPFAIL },
		{ "ERR max number of clients + cluster connections reached", EX_TEMPFAIL },
		{ "ERR Script killed by user with SCRIPT KILL..." NEW, EX_TEMPFAIL },
		{ OLD "Script killed by user with SCRIPT KILL...", EX_TEMPFAIL },
		/* settings */
		{ "NOAUTH Authentication required.", EX_CONFIG },
		{ "WRONGPASS invalid username-password pair or user is disabled.", EX_CONFIG },
		{ "NOPERM this user has no permissions to run the 'hset' command", EX_CONFIG },
		{ "DENIED Redis is running in protected mode", EX_CONFIG },
		{ "WRONGTYPE Operation against a key holding the wrong kind of value" NEW,
		  EX_CONFIG },
		{ OLD "WRONGTYPE Operation against a key holding the wrong kind of value",
		  EX_CONFIG },
		{ "ERR unknown command 'EVALSHA', with args beginning with: ", EX_CONFIG },
		{ "ERR Unknown Redis command called from script" NEW, EX_CONFIG },
		{ OLD "@user_script: 5: Unknown Redis command called from Lua script", EX_CONFIG },
		{ "ERR The user executing the script can't run this command or subcommand" NEW,
		  EX_CONFIG },
		{ OLD "@user_script: 5: The user executing the script can't run this command or "
		      "subcommand",
		  EX_CONFIG },
		/* not known */
		{ "ERR Wrong number of args calling Redis command from script" NEW, EX_SOFTWARE },
		{ "ERR", EX_SOFTWARE },
		{ "", EX_SOFTWARE },
		{ "ODD thing", EX_SOFTWARE },
		/* words of users' names and operands, and words that only begin so */
		{ "NOPERM User BUSY has no permissions to run the 'get' command", EX_CONFIG },
		{ "NOPERM User max number of clients has no permissions", EX_CONFIG },
		{ "ERR unknown command 'LOADING', with args beginning with: 'READONLY' ",
		  EX_CONFIG },
		{ "ERR value LOADING is not an integer", EX_SOFTWARE },
		{ "ODD thing, killed by user", EX_SOFTWARE },
		{ "ODD unknown command", EX_SOFTWARE },
		{ "BUSYGROUP Consumer Group name already exists", EX_SOFTWARE },
		{ "BUSYKEY Target key name already exists.", EX_SOFTWARE },
		{ "ERR Error running script (call to f_x): READONLY", EX_TEMPFAIL },
		{ "ERR Error running script", EX_SOFTWARE },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int code = -1;
		enum sink_result r = redis_error_means(cases[i].text, &code);

		ok(code == cases[i].code && r == (code == EX_TEMPFAIL ? SINK_RETRY : SINK_FATAL),
		   "%d: %s", code, cases[i].text);
	}
}

static void test_codes(void)
{
	ok(redis_error_is("NOSCRIPT No matching script.", "NOSCRIPT"), "a code");
	ok(redis_error_is(OLD "WRONGTYPE no", "WRONGTYPE"), "out of a script");
	ok(!redis_error_is("ERR NOSCRIPT", "NOSCRIPT"), "not the code");
	ok(!redis_error_is("NOSCRIPTS", "NOSCRIPT"), "a longer one");
}

static void test_right(void)
{
	static const struct {
		const char *text, *command; /* NULL: none is named */
	} cases[] = {
		{ "NOPERM this user has no permissions to run the 'script|load' command",
		  "script|load" },
		{ "NOPERM this user has no permissions to run the 'script' command or its "
		  "subcommand",
		  "script" },
		{ "NOPERM User it's to run the 'x has no permissions to run the 'get' command",
		  "get" },
		{ "NOPERM this user has no permissions to access one of the keys used as "
		  "arguments",
		  "" },
		{ "NOPERM No permissions to access a key", "" },
		{ "NOPERM odd", NULL },
		{ "WRONGPASS to run the 'get' command", NULL },
		{ "", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct slice command = slice(NULL, 0);
		bool found = redis_error_right(cases[i].text, &command);

		ok(found == !!cases[i].command, "a right is named: %s", cases[i].text);
		if (found)
			ok(slice_is(command, cases[i].command), "it is %s", cases[i].command);
	}
}

int main(void)
{
	test_meanings();
	test_codes();
	test_right();
	return done();
}
