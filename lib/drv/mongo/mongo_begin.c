/* libmongoc begins as it is loaded, also in a program that then reads Postgres: 7 ms, and a file in
 * /dev/shm, which a killed process leaves there, and of which a later process with the same id
 * complains on standard error. So its own calls of these two find ours, and the real ones come when
 * a store is opened. */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>

#include <mongoc/mongoc.h>

#include "base/err.h"
#include "drv/mongo/mongo_internal.h"

static bool begun;

__attribute__((visibility("default"))) void mongoc_init(void)
{
}

static void call_real(const char *name)
{
	void (*real)(void);

	*(void **)&real = dlsym(RTLD_NEXT, name);
	if (!real)
		BUG("libmongoc has no %s", name);
	real();
}

__attribute__((visibility("default"))) void mongoc_cleanup(void)
{
	if (begun)
		call_real("mongoc_cleanup");
}

/* Before there are threads, as the environment is no thread's own. */
__attribute__((constructor)) static void keep_out_of_shared_memory(void)
{
	setenv("MONGOC_DISABLE_SHM", "1", 0);
}

void mongo_begin(void)
{
	begun = true;
	call_real("mongoc_init");
}
