#include "drv/pg/pg_state.h"

#include "tap.h"

static void test_meanings(void)
{
	static const struct {
		const char *state;
		int login, code;
		const char *what;
	} cases[] = {
		{ "", 0, EX_TEMPFAIL, "a lost connection" },
		{ "", 1, EX_TEMPFAIL, "a refused connection" },
		/* temporary */
		{ "08000", 0, EX_TEMPFAIL, "connection_exception" },
		{ "08006", 0, EX_TEMPFAIL, "connection_failure" },
		{ "08P01", 0, EX_TEMPFAIL, "protocol_violation, all of a pooler's troubles" },
		{ "25006", 0, EX_TEMPFAIL, "read_only_sql_transaction" },
		{ "25P03", 0, EX_TEMPFAIL, "idle_in_transaction_session_timeout" },
		{ "25P04", 0, EX_TEMPFAIL, "transaction_timeout" },
		{ "40001", 0, EX_TEMPFAIL, "serialization_failure" },
		{ "40P01", 0, EX_TEMPFAIL, "deadlock_detected" },
		{ "53100", 0, EX_TEMPFAIL, "disk_full" },
		{ "53200", 0, EX_TEMPFAIL, "out_of_memory" },
		{ "53300", 1, EX_TEMPFAIL, "too_many_connections" },
		{ "53400", 0, EX_CONFIG, "configuration_limit_exceeded" },
		{ "55006", 0, EX_TEMPFAIL, "object_in_use" },
		{ "55P03", 0, EX_TEMPFAIL, "lock_not_available" },
		{ "55000", 1, EX_TEMPFAIL, "a database that takes no connections" },
		{ "57000", 0, EX_TEMPFAIL, "operator_intervention" },
		{ "57014", 0, EX_TEMPFAIL, "query_canceled" },
		{ "57P01", 0, EX_TEMPFAIL, "admin_shutdown" },
		{ "57P02", 0, EX_TEMPFAIL, "crash_shutdown" },
		{ "57P03", 1, EX_TEMPFAIL, "cannot_connect_now" },
		{ "57P04", 0, EX_TEMPFAIL, "database_dropped: the login tells" },
		{ "57P05", 0, EX_TEMPFAIL, "idle_session_timeout" },
		{ "58000", 0, EX_TEMPFAIL, "system_error" },
		{ "58030", 0, EX_TEMPFAIL, "io_error" },
		{ "72000", 0, EX_TEMPFAIL, "snapshot_too_old" },
		{ "XX000", 0, EX_TEMPFAIL, "internal_error" },
		/* settings */
		{ "0A000", 0, EX_CONFIG, "feature_not_supported" },
		{ "0LP01", 0, EX_CONFIG, "invalid_grant_operation" },
		{ "0P000", 0, EX_CONFIG, "invalid_role_specification" },
		{ "25001", 0, EX_CONFIG, "active_sql_transaction" },
		{ "25P02", 0, EX_CONFIG, "in_failed_sql_transaction" },
		{ "26000", 0, EX_CONFIG, "invalid_sql_statement_name" },
		{ "28000", 1, EX_CONFIG, "invalid_authorization_specification" },
		{ "28P01", 1, EX_CONFIG, "invalid_password" },
		{ "3D000", 1, EX_CONFIG, "invalid_catalog_name" },
		{ "3F000", 0, EX_CONFIG, "invalid_schema_name" },
		{ "42501", 0, EX_CONFIG, "insufficient_privilege" },
		{ "42704", 1, EX_CONFIG, "a setting that is unknown" },
		{ "42P01", 0, EX_CONFIG, "undefined_table" },
		{ "55000", 0, EX_CONFIG, "object_not_in_prerequisite_state" },
		{ "55P02", 1, EX_CONFIG, "cant_change_runtime_param" },
		{ "F0000", 1, EX_CONFIG, "config_file_error" },
		{ "HV000", 0, EX_CONFIG, "fdw_error" },
		/* the row */
		{ "21000", 0, EX_DATAERR, "cardinality_violation" },
		{ "22003", 0, EX_DATAERR, "numeric_value_out_of_range" },
		{ "22021", 0, EX_DATAERR, "character_not_in_repertoire" },
		{ "22P05", 0, EX_DATAERR, "untranslatable_character" },
		{ "23505", 0, EX_DATAERR, "unique_violation" },
		{ "23514", 0, EX_DATAERR, "check_violation" },
		{ "54000", 0, EX_DATAERR, "program_limit_exceeded" },
		{ "P0001", 0, EX_DATAERR, "raise_exception, of a trigger" },
		{ "QQ123", 0, EX_DATAERR, "a code of somebody's own" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int code = -1;
		enum sink_result r = pg_state_means(cases[i].state, cases[i].login, &code);

		ok(code == cases[i].code && r == (code == EX_TEMPFAIL ? SINK_RETRY : SINK_FATAL),
		   "%s %s: %d", cases[i].state, cases[i].what, code);
	}
}

/* As libpq 15 writes them, over two hosts, in other languages, with names that look like a code. */
static void test_find(void)
{
	static const struct {
		const char *text, *state, *message;
	} cases[] = {
		{ "connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  28P01: "
		  "password authentication failed for user \"a\"\nLOCATION:  auth_failed, "
		  "auth.c:334\n",
		  "28P01", "password authentication failed for user \"a\"" },
		{ "Verbindung zum Server auf \"127.0.0.1\", Port 5432 fehlgeschlagen: "
		  "SCHWERWIEGEND:  3D000: Datenbank \"x\" existiert nicht\n",
		  "3D000", "Datenbank \"x\" existiert nicht" },
		{ "connection to server at \"a\" failed: FATAL:  57P03: the database system is "
		  "starting up\nconnection to server at \"b\" failed: FATAL:  28000: no\n",
		  "28000", "no" },
		{ "connection to server at \"a\" failed: FATAL:  57P03: not yet\nconnection to "
		  "server at \"b\" failed: Connection refused\n",
		  "57P03", "not yet" },
		{ "FATAL:  28000: role \"x:  57P03: y\" does not exist\n", "28000",
		  "role \"x:  57P03: y\" does not exist" },
		{ "FATAL:  53300: sorry", "53300", "sorry" },
		{ "x:  ABCDE: ", "ABCDE", "" },
		{ "connection to server at \"127.0.0.1\", port 1 failed: Connection refused\n\tIs "
		  "the server running on that host and accepting TCP/IP connections?\n",
		  "", "-" },
		{ "could not translate host name \"missing.invalid\" to address: Name or service "
		  "not known\n",
		  "", "-" },
		{ "FATAL:  28p01: small", "", "-" },
		{ "FATAL: 28P01: one space", "", "-" },
		{ "FATAL:  28P0: four", "", "-" },
		{ "FATAL:  28P011: six", "", "-" },
		{ "FATAL:  28P01:", "", "-" },
		{ ":  ", "", "-" },
		{ "", "", "-" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char state[PG_STATE_CHARS + 1];
		struct slice message = slice_z("-");
		bool found = pg_state_find(cases[i].text, state, &message);

		is_str(state, cases[i].state, "the code");
		ok(found == (*cases[i].state != 0), "is told");
		is_bytes(message.p, message.n, cases[i].message, "the message");
	}
}

static void test_settings(void)
{
	static const struct {
		const char *name, *value;
		bool wrong;
	} cases[] = {
		{ "port", "5432", false },
		{ "port", "", false },
		{ "port", "1,65535", false },
		{ "port", " 5432 ", false },
		{ "port", "99999,5432", false },
		{ "port", "0", true },
		{ "port", "65536", true },
		{ "port", "-1", true },
		{ "port", "abc", true },
		{ "port", "5432x", true },
		{ "port", "abc,70000", true },
		{ "port", "99999999999999999999", true },
		{ "hostaddr", "", false },
		{ "hostaddr", "127.0.0.1", false },
		{ "hostaddr", "::1", false },
		{ "hostaddr", "fe80::1%eth0", false },
		{ "hostaddr", "foo,::1", false },
		{ "hostaddr", "foo", true },
		{ "hostaddr", "1.2.3", true },
		{ "keepalives", "1", false },
		{ "keepalives_idle", "", false },
		{ "keepalives_idle", "x", true },
		{ "keepalives_interval", "1s", true },
		{ "keepalives_count", "9999999999", true },
		{ "tcp_user_timeout", "x", true },
		{ "host", "missing", false },
		{ "host", "invalid", false },
		{ "password", "x", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		is_int(pg_state_setting_wrong(cases[i].name, cases[i].value), cases[i].wrong,
		       cases[i].value);
}

int main(void)
{
	test_meanings();
	test_find();
	test_settings();
	return done();
}
