/* Completions for three shells out of one table. What a value can be is read from how help shows
 * it: of "earliest|latest|TIME" the lower-case words are offered as they are, FILE and PATH are
 * files, DIR is a folder, and the rest is the user's to know. The scripts need nothing but the
 * shell: no bash-completion package. */
#include "tool/opt.h"

#include <ctype.h>

#include "tool/opt_internal.h"

struct value {
	struct buf words;
	bool files, dirs;
};

/* v->words: separated by spaces. */
static void completion_value_of(const struct opt *o, struct value *v)
{
	struct buf arg = { 0 };
	const char *p;

	v->words.n = 0;
	v->files = v->dirs = false;
	opt_arg(o, &arg);
	for (p = buf_z(&arg); *p; p += strcspn(p, "|"), p += *p == '|') {
		struct slice word = { p, strcspn(p, "|") };
		v->files |= slice_is(word, "FILE") || slice_is(word, "PATH");
		v->dirs |= slice_is(word, "DIR");
		if (!word.n || !islower((unsigned char)word.p[0]))
			continue;
		if (v->words.n)
			buf_addc(&v->words, ' ');
		buf_adds(&v->words, word);
	}
	buf_fini(&arg);
}

/* Text inside '...' of a shell where \ in front of the characters of `also` is wanted too. */
static void completion_quoted(struct buf *out, const char *text, const char *also,
			      const char *apostrophe)
{
	for (; *text; text++) {
		if (strchr(also, *text))
			buf_addc(out, '\\');
		if (*text == '\'')
			buf_addz(out, apostrophe);
		else
			buf_addc(out, *text);
	}
}

static void function_name(const char *program, struct buf *out)
{
	buf_addc(out, '_');
	for (; *program; program++)
		buf_addc(out, isalnum((unsigned char)*program) ? *program : '_');
}

/* ---- bash */
static void bash_value(const struct opt_group *groups, size_t n, const struct opt *o,
		       struct value *v, struct buf *out)
{
	char letter = opt_letter(groups, n, o);

	completion_value_of(o, v);
	buf_printf(out, "\t--%s", o->name);
	if (letter)
		buf_printf(out, "|-%c", letter);
	buf_addz(out, ")\n");
	if (v->words.n)
		buf_printf(out, "\t\tCOMPREPLY=($(compgen -W '%s' -- \"$cur\"))\n",
			   buf_z(&v->words));
	if (v->files || v->dirs)
		buf_printf(out,
			   "\t\tcompopt -o filenames 2>/dev/null\n"
			   "\t\tmapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -%c -- "
			   "\"$cur\")\n",
			   v->files ? 'f' : 'd');
	buf_addz(out, "\t\treturn ;;\n");
}

static void bash(const char *program, const struct opt_group *groups, size_t n, struct value *v,
		 struct buf *out)
{
	struct opt_at at = { 0 };
	const struct opt *o;
	void *self;

	function_name(program, out);
	buf_addz(out, "()\n{\n"
		      "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} i "
		      "options=1\n"
		      "\tCOMPREPLY=()\n"
		      "\tfor ((i = 1; i < COMP_CWORD; i++)); do [[ ${COMP_WORDS[i]} == -- ]] && "
		      "options= prev=; done\n"
		      "\tif [[ $cur == = ]]; then cur=; elif [[ $prev == = ]]; then "
		      "prev=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
		      "\tcase $prev in\n");
	while ((o = opt_each(groups, n, &at, &self)))
		if (opt_takes_value(o))
			bash_value(groups, n, o, v, out);
	buf_addz(out,
		 "\tesac\n\tif [[ $options && $cur == -* ]]; then\n\t\tCOMPREPLY=($(compgen -W '");
	for (at = (struct opt_at){ 0 }; (o = opt_each(groups, n, &at, &self));)
		buf_printf(out, "--%s ", o->name);
	buf_addz(out, "' -- \"$cur\"))\n\t\treturn\n\tfi\n"
		      "\tcompopt -o filenames 2>/dev/null\n"
		      "\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n}\ncomplete -F ");
	function_name(program, out);
	buf_printf(out, " %s\n", program);
}

/* ---- zsh */
static const char zsh_special[] = "[]:\\";

static void zsh_value(const struct opt *o, struct value *v, struct buf *out)
{
	struct buf arg = { 0 };
	const char *files = v->files ? "_files" : "_files -/";

	opt_arg(o, &arg);
	buf_addc(out, ':');
	completion_quoted(out, buf_z(&arg), zsh_special, "'\\''");
	buf_addc(out, ':');
	buf_fini(&arg);
	if (v->words.n && (v->files || v->dirs))
		buf_printf(out, "{compadd - %s; %s}", buf_z(&v->words), files);
	else if (v->words.n)
		buf_printf(out, "(%s)", buf_z(&v->words));
	else
		buf_addz(out, v->files || v->dirs ? files : " ");
}

static void zsh_option(const struct opt_group *groups, size_t n, const struct opt *o,
		       struct value *v, struct buf *out)
{
	char letter = opt_letter(groups, n, o);
	bool takes = opt_takes_value(o);

	buf_addz(out, "\t'");
	if (o->type == OPT_CALL)
		buf_addc(out, '*');
	else if (letter)
		buf_printf(out, "(-%c --%s)", letter, o->name);
	if (letter)
		buf_printf(out, "'{-%c%s,--%s%s}'", letter, takes ? "+" : "", o->name,
			   takes ? "=" : "");
	else
		buf_printf(out, "--%s%s", o->name, takes ? "=" : "");
	buf_addc(out, '[');
	completion_quoted(out, o->help, zsh_special, "'\\''");
	buf_addc(out, ']');
	completion_value_of(o, v);
	if (takes)
		zsh_value(o, v, out);
	buf_addz(out, "' \\\n");
}

static void zsh(const char *program, const struct opt_group *groups, size_t n, struct value *v,
		struct buf *out)
{
	struct opt_at at = { 0 };
	const struct opt *o;
	void *self;

	(void)program;
	buf_addz(out, "_arguments -s -S \\\n");
	while ((o = opt_each(groups, n, &at, &self)))
		zsh_option(groups, n, o, v, out);
	buf_addz(out, "\t'*:file:_files'\n");
}

/* ---- fish */
static void fish(const char *program, const struct opt_group *groups, size_t n, struct value *v,
		 struct buf *out)
{
	struct opt_at at = { 0 };
	const struct opt *o;
	void *self;

	while ((o = opt_each(groups, n, &at, &self))) {
		char letter = opt_letter(groups, n, o);
		buf_printf(out, "complete -c %s -l %s", program, o->name);
		if (letter)
			buf_printf(out, " -s %c", letter);
		completion_value_of(o, v);
		if (opt_takes_value(o))
			buf_addz(out, v->files ? " -r -F" : " -x");
		if (v->dirs)
			buf_addz(&v->words, v->words.n ? " (__fish_complete_directories)"
						       : "(__fish_complete_directories)");
		if (opt_takes_value(o) && v->words.n)
			buf_printf(out, " -a '%s'", buf_z(&v->words));
		buf_addz(out, " -d '");
		completion_quoted(out, o->help, "\\", "\\'");
		buf_addz(out, "'\n");
	}
}

void opt_completion(const char *program, const char *summary, const struct opt_group *groups,
		    size_t n, enum opt_shell shell, struct buf *out)
{
	struct value v = { 0 };

	if (shell == OPT_ZSH)
		buf_printf(out, "#compdef %s\n", program);
	buf_printf(out, "# %s: %s\n", program, summary);
	switch (shell) {
	case OPT_BASH:
		bash(program, groups, n, &v, out);
		break;
	case OPT_ZSH:
		zsh(program, groups, n, &v, out);
		break;
	case OPT_FISH:
		fish(program, groups, n, &v, out);
		break;
	}
	buf_fini(&v.words);
}
