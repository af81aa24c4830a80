#include "tool/cluster_options.h"

#include <string.h>

#include "base/mem.h"

static int add_setting(struct cluster_options *o, bool file, const char *value)
{
	o->setting = mem_grow(o->setting, o->settings + 1, sizeof(*o->setting));
	o->setting[o->settings++] = (struct cluster_setting){ .file = file, .text = value };
	return 0;
}

static int add_property(struct cluster_options *o, const char *value, const char *list,
			struct err *err)
{
	if (!strchr(value, '=') || value[0] == '=')
		return err_set(err, EX_USAGE, "\"%s\": say NAME=VALUE%s NAME=@FILE%s", value,
			       *list ? "," : " or", list);
	return add_setting(o, false, value);
}

int cluster_add_property(void *options, const char *value, struct err *err)
{
	return add_property(options, value, "", err);
}

int cluster_add_property_or_list(void *options, const char *value, struct err *err)
{
	struct cluster_options *o = options;

	if (strcmp(value, "list") != 0)
		return add_property(o, value, " or list", err);
	o->list = true;
	return 0;
}

int cluster_add_file(void *options, const char *value, struct err *err)
{
	(void)err;
	return add_setting(options, true, value);
}
