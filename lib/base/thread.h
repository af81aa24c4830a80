/* A thread that gets no signal: they are the main thread's, which waits for them. */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>

/* 0, or the errno of pthread_create. */
int thread_start(pthread_t *thread, void *(*run)(void *), void *arg);

#endif
