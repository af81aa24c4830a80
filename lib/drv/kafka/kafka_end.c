#include "drv/kafka/kafka_end.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"

enum { END_S = 10, NEXT_S = 1 };

static bool left_behind;

struct ending {
	void (*end)(void *arg);
	void *arg;
};

static void *run_end(void *arg)
{
	struct ending e = *(struct ending *)arg;

	free(arg);
	e.end(e.arg);
	return NULL;
}

void kafka_end_by(void (*end)(void *arg), void *arg)
{
	struct ending *e = mem_zalloc(sizeof(*e));
	struct timespec until;
	pthread_t thread;

	*e = (struct ending){ .end = end, .arg = arg };
	if (thread_start(&thread, run_end, e)) {
		run_end(e);
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += left_behind ? NEXT_S : END_S;
	if (pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &until) == 0)
		return;
	pthread_detach(thread);
	if (!left_behind)
		log_warn("kafka: librdkafka does not end, and is left behind");
	left_behind = true;
}

bool kafka_left_behind(void)
{
	return left_behind;
}

static void destroy(void *rk)
{
	rd_kafka_destroy(rk);
}

void kafka_end(rd_kafka_t *rk)
{
	if (rk)
		kafka_end_by(destroy, rk);
}
