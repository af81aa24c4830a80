/* How a cluster is reached, as command lines say it: where it answers, and settings of its client
 * library. Which settings there are, and what they do, the driver knows. */
#ifndef TOOL_CLUSTER_OPTIONS_H
#define TOOL_CLUSTER_OPTIONS_H

#include "tool/opt.h"

/* -X NAME=VALUE, or -F FILE of such lines. In the order of the command line. */
struct cluster_setting {
	bool file;
	const char *text;
};

struct cluster_options {
	const char *brokers;
	struct cluster_setting *setting; /* free() */
	size_t settings;
	bool list; /* -X list: the settings are to be shown */
};

/* For OPT_CALL over a struct cluster_options. EX_USAGE. */
int cluster_add_property(void *options, const char *value, struct err *err);
int cluster_add_property_or_list(void *options, const char *value, struct err *err);
int cluster_add_file(void *options, const char *value, struct err *err);

/* Members of an option table over `owner`, in which `member` is a struct cluster_options.
 * properties, call: "NAME=VALUE|NAME=@FILE" with cluster_add_property; with |list the other. */
/* clang-format off */
#define CLUSTER_BROKERS_OPT(owner, member, text)                                                \
	{ .letter = 'b', .name = "brokers", .type = OPT_TEXT,                                  \
	  .at = offsetof(owner, member.brokers), .arg = "HOST:PORT,...", .help = text }
#define CLUSTER_SETTINGS_OPTS(owner, member, properties, add_property)                          \
	{ .letter = 'X', .name = "property", .type = OPT_CALL, .at = offsetof(owner, member),   \
	  .call = add_property, .arg = properties,                                             \
	  .help = "setting of the client library, may repeat" },                               \
	{ .letter = 'F', .name = "config-file", .type = OPT_CALL, .at = offsetof(owner, member),\
	  .call = cluster_add_file, .arg = "FILE",                                             \
	  .help = "file of such settings, NAME=VALUE a line" }
/* clang-format on */

#endif
