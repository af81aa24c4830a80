#include "tool/opt.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

static struct mine {
	bool flag, other;
	const char *text;
	uint64_t count, bytes;
	int64_t wait_us;
	double share, factor;
	int mode;
	char log[256];
} m;

static struct theirs {
	const char *text;
	bool flag;
} t;

static const char *const modes[] = { "fast", "exact", "slow", NULL };

static int call(void *self, const char *value, struct err *err)
{
	char *log = ((struct mine *)self)->log;

	if (value && strcmp(value, "bad") == 0)
		return err_set(err, EX_CONFIG, "no such thing");
	if (value && strcmp(value, "leave") == 0) {
		err_clear(err);
		return -1;
	}
	snprintf(log + strlen(log), sizeof m.log - strlen(log), "[%s]", value ? value : "-");
	return 0;
}

static int operand(void *self, const char *text, struct err *err)
{
	char *log = ((struct mine *)self)->log;

	snprintf(log + strlen(log), sizeof m.log - strlen(log), "<%s>", text);
	return strcmp(text, "refused") ? 0 : err_set(err, EX_USAGE, "refused it is");
}

static const struct opt table[] = {
	{ 'f', "flag", OPT_FLAG, offsetof(struct mine, flag), NULL, NULL, "a flag", 0, 0, NULL,
	  NULL, NULL, false, false },
	{ 'g', "other-flag", OPT_FLAG, offsetof(struct mine, other), NULL, NULL, "another flag", 0,
	  0, NULL, NULL, NULL, false, false },
	{ 't', "text", OPT_TEXT, offsetof(struct mine, text), "FILE|drop", NULL,
	  "it's [a] text: any\\thing", 0, 0, NULL, NULL, NULL, false, false },
	{ 'n', "count", OPT_COUNT, offsetof(struct mine, count), "N", "5", "how many", 1, 1000,
	  NULL, NULL, NULL, false, false },
	{ 0, "bytes", OPT_BYTES, offsetof(struct mine, bytes), "BYTES", "1MiB", "how large", 64,
	  1 << 30, NULL, NULL, NULL, false, false },
	{ 0, "wait", OPT_DURATION, offsetof(struct mine, wait_us), "DUR", "10s",
	  "how long this option waits before it "
	  "does what its help promises, which is told in so many words that they need a second "
	  "line",
	  10000, 9.3e18, NULL, NULL, NULL, false, false },
	{ 0, "share", OPT_PROBABILITY, offsetof(struct mine, share), "P", "50%", "a share", 0, 0,
	  NULL, NULL, NULL, false, false },
	{ 0, "factor", OPT_REAL, offsetof(struct mine, factor), "X", NULL, "a factor", -1, 1, NULL,
	  NULL, NULL, false, false },
	{ 0, "mode", OPT_CHOICE, offsetof(struct mine, mode), NULL, "exact", "how to go about it",
	  0, 0, modes, NULL, NULL, false, false },
	{ .letter = 'a',
	  .name = "call",
	  .type = OPT_CALL,
	  .arg = "VALUE",
	  .def = "shown",
	  .help = "calls",
	  .call = call,
	  .empty = true },
	{ 0, "do", OPT_CALL, 0, NULL, NULL, "calls without a value", 0, 0, NULL, call, NULL, false,
	  false },
	OPT_END,
};
static const struct opt their_table[] = {
	{ 'x', "their-text", OPT_TEXT, offsetof(struct theirs, text), "earliest|latest|TIME", NULL,
	  "theirs", 0, 0, NULL, NULL, NULL, false, false },
	{ 'f', "their-flag", OPT_FLAG, offsetof(struct theirs, flag), NULL, NULL,
	  "its letter is taken", 0, 0, NULL, NULL, NULL, false, false },
	{ 0, "text", OPT_TEXT, offsetof(struct theirs, text), "X", NULL, "its name is taken", 0, 0,
	  NULL, NULL, NULL, false, false },
	{ 0, "folder", OPT_TEXT, offsetof(struct theirs, text), "DIR", NULL, "a folder", 0, 0, NULL,
	  NULL, NULL, false, false },
	OPT_END,
};
static const struct opt_group groups[] = { { .table = table, .self = &m },
					   { .table = NULL },
					   { .table = their_table, .self = &t } };
enum { GROUPS = sizeof groups / sizeof groups[0] };

/* Words of the command line are separated by spaces; _ stands for an empty one. Returns the
 * code. */
static int parse(const char *line, struct err *err)
{
	static char words[512];
	static char *argv[64];
	int argc = 0;

	memset(&m, 0, sizeof m);
	memset(&t, 0, sizeof t);
	err_clear(err);
	snprintf(words, sizeof words, "%s", line);
	argv[argc++] = words;
	for (char *p = words; (p = strchr(p, ' ')); p++) {
		*p = '\0';
		argv[argc++] = p + 1;
	}
	argv[argc] = NULL;
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "_") == 0)
			*argv[i] = '\0';
	int rc = opt_parse(groups, GROUPS, operand, &m, argc, argv, err);
	ok((rc == 0 || rc == -1) && (rc == 0) == (err->code == 0), "%s: code and result agree",
	   line);
	return err->code;
}

static void good(void)
{
	struct err err = ERR_INIT;

	parse("prog", &err);
	ok(m.count == 5 && m.bytes == 1 << 20 && m.wait_us == 10000000 && m.share == 0.5 &&
		   m.mode == 1,
	   "defaults");
	ok(!m.flag && !m.text && m.factor == 0 && !m.log[0], "and nothing where there is none");
	parse("prog --flag -gn7 --bytes=64 --wait 1s --share 20% --factor -0.5 --mode slow", &err);
	ok(m.flag && m.other && m.count == 7 && m.bytes == 64 && m.wait_us == 1000000,
	   "flags, counts, bytes, durations");
	ok(m.share == 0.2 && m.factor == -0.5 && m.mode == 2, "probabilities, numbers, choices");
	parse("prog -fgt file one --count 1k -- -f two --", &err);
	ok(m.flag && m.other && m.count == 1000, "a bundle ends in an option with a value");
	is_str(m.text, "file", "in the next word");
	is_str(m.log, "<one><-f><two><-->", "operands anywhere, behind -- they are nothing else");
	parse("prog -a 1 x --call=2 - -a3 --do y --call --flag -t=v", &err);
	is_str(m.log, "[1]<x>[2]<->[3][-]<y>[--flag]", "all in the order of the command line");
	is_str(m.text, "=v", "a letter's value is what follows");
	parse("prog --call= --call _", &err);
	is_str(m.log, "[][]", "an empty value, where it means something");
	parse("prog --text=a=b --text c", &err);
	is_str(m.text, "c", "the last one holds");
	parse("prog -x a -f --text b --folder=c", &err);
	is_str(t.text, "c", "the second table has its own struct");
	ok(m.flag && !t.flag && strcmp(m.text, "b") == 0,
	   "a letter or name that is in both is the first's");
	parse("prog --their-flag", &err);
	ok(t.flag, "by its name it can be had");
}

static void bad(const char *line, int code, const char *msg)
{
	struct err err = ERR_INIT;

	is_int(parse(line, &err), code, line);
	is_str(err.msg, msg, line);
}

static void errors(void)
{
	struct err err = ERR_INIT;
	char prog[] = "prog", op[] = "x", call_[] = "--call", leave[] = "leave",
	     bogus[] = "--bogus";
	char *one[] = { prog, op, NULL }, *quiet[] = { prog, call_, leave, bogus, NULL };

	bad("prog --cuont 3", EX_USAGE, "unknown option \"--cuont\" (did you mean \"--count\"?)");
	bad("prog --othr-flag=3", EX_USAGE,
	    "unknown option \"--othr-flag\" (did you mean \"--other-flag\"?)");
	bad("prog --fac 3", EX_USAGE, "unknown option \"--fac\" (did you mean \"--factor\"?)");
	bad("prog --quux", EX_USAGE, "unknown option \"--quux\", see --help");
	bad("prog --=3", EX_USAGE, "unknown option \"--\", see --help");
	bad("prog -z", EX_USAGE, "unknown option \"-z\", see --help");
	bad("prog -fz", EX_USAGE, "unknown option \"-z\" in \"-fz\", see --help");
	bad("prog --count", EX_USAGE, "--count: the value is missing (N)");
	bad("prog -fn", EX_USAGE, "-n: the value is missing (N)");
	bad("prog --mode", EX_USAGE, "--mode: the value is missing (fast|exact|slow)");
	bad("prog --flag=1", EX_USAGE, "--flag: takes no value");
	bad("prog --do=1", EX_USAGE, "--do: takes no value");
	bad("prog --count 10x", EX_USAGE, "--count: \"10x\" is not a count (12, 64k, 2M, 1e6)");
	bad("prog -n0", EX_USAGE, "-n: \"0\" is too small, it goes from 1 to 1000");
	bad("prog -n 1001", EX_USAGE, "-n: \"1001\" is too large, it goes from 1 to 1000");
	bad("prog --bytes 2G", EX_USAGE, "--bytes: \"2G\" is too large, it goes from 64 to 1GiB");
	bad("prog --wait 1ms", EX_USAGE, "--wait: \"1ms\" is too small, at least 10ms is needed");
	bad("prog --factor 1.5", EX_USAGE, "--factor: \"1.5\" is too large, it goes from -1 to 1");
	bad("prog --mode fsat", EX_USAGE,
	    "--mode: \"fsat\" is none of fast, exact, slow (did you mean \"fast\"?)");
	bad("prog --mode quux", EX_USAGE, "--mode: \"quux\" is none of fast, exact, slow");
	bad("prog --call bad", EX_CONFIG, "--call: no such thing");
	bad("prog refused --quux", EX_USAGE, "refused it is");
	bad("prog --text=", EX_USAGE, "--text: the value is empty (a variable that is not set?)");
	bad("prog -t _", EX_USAGE, "-t: the value is empty (a variable that is not set?)");
	bad("prog -n _", EX_USAGE, "-n: the value is empty (a variable that is not set?)");
	bad("prog --mode _", EX_USAGE, "--mode: the value is empty (a variable that is not set?)");
	bad("prog one _", EX_USAGE, "an operand is empty (a variable that is not set?)");
	bad("prog -- _", EX_USAGE, "an operand is empty (a variable that is not set?)");
	is_int(opt_parse(groups, GROUPS, NULL, NULL, 2, one, &err), -1, "no operands are taken");
	is_str(err.msg, "unexpected operand \"x\", see --help", "and the one is named");
	err_clear(&err);
	is_int(opt_parse(groups, GROUPS, NULL, NULL, 4, quiet, &err), -1, "a call ends the parse");
	ok(err.code == 0 && !err.msg[0], "without an error, whatever follows");
	one[0] = NULL;
	is_int(opt_parse(groups, GROUPS, NULL, NULL, 0, one, &err), 0,
	       "no words at all, not even a program's name");
}

/* The words of a command line that may be wrong. */
static void given(const char *line, const char *names)
{
	static const char *const all[] = { "flag", "other-flag", "text", "count",
					   "call", "their-text", NULL };
	struct buf b = { 0 };
	char words[256], *argv[32];
	int argc = 0;

	snprintf(words, sizeof words, "%s", line);
	for (char *p = strtok(words, " "); p; p = strtok(NULL, " "))
		argv[argc++] = p;
	argv[argc] = NULL;
	for (const char *const *name = all; *name; name++)
		if (opt_given(groups, GROUPS, argc, argv, *name))
			buf_printf(&b, "%s ", *name);
	if (opt_given(groups, GROUPS, argc, argv, NULL))
		buf_addz(&b, "<>");
	is_str(buf_z(&b), names, line);
	buf_fini(&b);
}

static void what_is_given(void)
{
	given("prog", "");
	given("prog --flag --text x --their-text=y", "flag text their-text ");
	given("prog -fgt file", "flag other-flag text ");
	given("prog --bogus --count 10x --text x", "text count ");
	given("prog -zf -n 0 --mode fsat -x y", "flag count their-text ");
	given("prog --text --flag", "text ");
	given("prog -t -f -n", "text count ");
	given("prog -tflag --text", "text ");
	given("prog --text", "text ");
	given("prog --texts x --flags", "<>");
	given("prog --bogus x --flag", "flag <>");
	given("prog - --flag", "flag ");
	given("prog x -f", "flag <>");
	given("prog -- --flag", "<>");
	given("prog -f -- -", "flag ");
}

static void help(void)
{
	struct buf b = { 0 };

	int saved = dup(STDOUT_FILENO);
	if (saved < 0 ||
	    !freopen("/dev/null", "w", stdout)) /* no terminal, whose width would count */
		exit(EX_OSERR);
	opt_help(groups, GROUPS, &b);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	is_str(buf_z(&b),
	       "  -f, --flag                  a flag\n"
	       "  -g, --other-flag            another flag\n"
	       "  -t, --text FILE|drop        it's [a] text: any\\thing\n"
	       "  -n, --count N               how many (default 5)\n"
	       "      --bytes BYTES           how large (default 1MiB)\n"
	       "      --wait DUR              how long this option waits before it does what\n"
	       "                              its help promises, which is told in so many words\n"
	       "                              that they need a second line (default 10s)\n"
	       "      --share P               a share (default 50%)\n"
	       "      --factor X              a factor\n"
	       "      --mode fast|exact|slow  how to go about it (default exact)\n"
	       "  -a, --call VALUE            calls (default shown)\n"
	       "      --do                    calls without a value\n"
	       "\n"
	       "  -x, --their-text earliest|latest|TIME\n"
	       "                              theirs\n"
	       "      --their-flag            its letter is taken\n"
	       "      --folder DIR            a folder\n",
	       "help");
	b.n = 0;
	opt_help((const struct opt_group[]){ groups[0], { their_table, &t, true } }, 2, &b);
	ok(!strstr(buf_z(&b), "\n\n"), "groups that are joined have no line between them");
	buf_fini(&b);
}

/* What bash offers for a command line (words separated by spaces, the last is the one to
 * complete), one a line. */
static void bash_offers(const char *line, const char *want)
{
	struct buf script = { 0 }, got = { 0 };
	char piece[512];
	FILE *f;
	size_t n;

	opt_completion("hta-x", "a test", groups, GROUPS, OPT_BASH, &script);
	f = fopen("completion.bash", "w");
	fwrite(script.p, 1, script.n, f);
	fclose(f);
	buf_fini(&script);
	snprintf(piece, sizeof piece,
		 "LC_ALL=C bash --norc -uc '. ./completion.bash; COMP_WORDS=(%s); "
		 "COMP_CWORD=$((${#COMP_WORDS[@]}-1)); _hta_x; "
		 "for i in ${!COMPREPLY[@]}; do echo \"${COMPREPLY[i]}\"; done' 2>&1 | sort | tr "
		 "'\\n' ' '",
		 line);
	f = popen(piece, "r");
	while (f && (n = fread(piece, 1, sizeof piece, f)) > 0)
		buf_add(&got, piece, n);
	ok(f && pclose(f) == 0, "bash ran");
	is_str(buf_z(&got), want, line);
	buf_fini(&got);
}

static void completions(void)
{
	char dir[] = "/tmp/hta-opt-XXXXXX";
	struct buf b = { 0 };

	if (!mkdtemp(dir) || chdir(dir) || system("mkdir some && : >drive"))
		exit(EX_OSERR);
	bash_offers("hta-x --f", "--factor --flag --folder ");
	bash_offers("hta-x --mode \"\"", "exact fast slow ");
	bash_offers("hta-x --mode = e", "exact ");
	bash_offers("hta-x --mode =", "exact fast slow ");
	bash_offers("hta-x -f --text d", "drive drop ");
	bash_offers("hta-x -x \"\"", "earliest latest ");
	bash_offers("hta-x --folder \"\"", "some ");
	bash_offers("hta-x --wait \"\"", "");
	bash_offers("hta-x d", "drive ");
	bash_offers("hta-x -- --f", "");
	bash_offers("hta-x --mode -- d", "drive ");
	if (unlink("completion.bash") || unlink("drive") || rmdir("some") || chdir("/") ||
	    rmdir(dir))
		exit(EX_OSERR);

	opt_completion("hta-x", "a test", groups, GROUPS, OPT_ZSH, &b);
	buf_z(&b);
	ok(strncmp(b.p, "#compdef hta-x\n", 15) == 0, "zsh finds its program in the first line");
	ok(strstr(b.p, "\t'(-t --text)'{-t+,--text=}'[it'\\''s \\[a\\] text\\: "
		       "any\\\\thing]:FILE|drop:{compadd - drop; _files}' \\\n"),
	   "zsh: quoted, words and files");
	ok(strstr(b.p, "\t'--mode=[how to go about it]:fast|exact|slow:(fast exact slow)' \\\n"),
	   "zsh: choices");
	ok(strstr(b.p, "'*'{-a+,--call=}'[calls]:VALUE: ' \\\n"),
	   "zsh: what may repeat, and a value nobody can guess");
	b.n = 0;
	opt_completion("hta-x", "a test", groups, GROUPS, OPT_FISH, &b);
	buf_z(&b);
	ok(strstr(b.p, "complete -c hta-x -l text -s t -r -F -a 'drop' -d 'it\\'s [a] text: "
		       "any\\\\thing'\n"),
	   "fish: quoted, words and files");
	ok(strstr(b.p,
		  "complete -c hta-x -l mode -x -a 'fast exact slow' -d 'how to go about it'\n"),
	   "fish: choices");
	ok(strstr(b.p, "complete -c hta-x -l their-flag -d 'its letter is taken'\n"),
	   "fish: a flag");
	ok(strstr(b.p, "complete -c hta-x -l folder -x -a '(__fish_complete_directories)'"),
	   "fish: folders");
	buf_fini(&b);
}

int main(void)
{
	good();
	errors();
	what_is_given();
	help();
	completions();
	return done();
}
