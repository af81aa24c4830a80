/* A token of the environment, or in a file of it. A token in a file is short-lived as a rule and
 * written anew by somebody else: so the file is read for each call, of which there is one a schema.
 * Where it cannot be read then, the last one is sent, and the registry judges it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "drv/registry/registry_internal.h"

enum { TOKEN_BYTES = 16384 };

/* Visible characters and nothing else: it is going to be a part of a header. */
static char *token_field(const char *token, size_t n)
{
	if (n == 0 || n >= TOKEN_BYTES - 1)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (token[i] <= ' ' || token[i] > '~')
			return NULL;
	return mem_printf("Authorization: Bearer %.*s", (int)n, token);
}

static int read_token_file(const char *path, char **field, struct err *err)
{
	char line[TOKEN_BYTES];
	FILE *f = fopen(path, "re");

	if (!f)
		return err_errno(err, EX_CONFIG, "HTA_REGISTRY_TOKEN: %s", path);
	if (!fgets(line, sizeof(line), f))
		line[0] = 0;
	fclose(f);
	*field = token_field(line, strcspn(line, "\r\n"));
	return *field ? 0
		      : err_set(err, EX_CONFIG,
				"HTA_REGISTRY_TOKEN: the first line of %s is no token", path);
}

int registry_token_open(struct registry *r, const char *set, struct err *err)
{
	if (!set)
		return 0;
	if (r->login)
		return err_set(err, EX_CONFIG,
			       "HTA_REGISTRY_LOGIN and HTA_REGISTRY_TOKEN: one of them, not both");
	if (set[0] == '@') {
		r->token_file = set + 1;
		return read_token_file(r->token_file, &r->token, err);
	}
	r->token = token_field(set, strlen(set));
	return r->token ? 0
			: err_set(err, EX_CONFIG,
				  "HTA_REGISTRY_TOKEN: that is no token; a file is @FILE");
}

const char *registry_token(struct registry *r)
{
	struct err ignored;
	char *field;

	if (r->token_file && read_token_file(r->token_file, &field, &ignored) == 0) {
		free(r->token);
		r->token = field;
	}
	return r->token;
}
