#include "source/wal_wait.h"

#include <stdio.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { POLL_MS = 20 };

static int watch_page(const struct wal_dir *dir)
{
	char path[64];
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	/* by the folder's descriptor: its path may be relative, or another one by now */
	snprintf(path, sizeof(path), "/proc/self/fd/%d/" WAL_PAGE, dir->fd);
	if (fd >= 0 && inotify_add_watch(fd, path, IN_MODIFY) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

int wal_wait_init(struct wal_wait *w, const struct wal_dir *dir, struct wal_page *page,
		  struct err *err)
{
	*w = (struct wal_wait){ .page = page, .inotify_fd = -1, .timer_fd = -1 };
	if (wal_page_wakes(page))
		w->inotify_fd = watch_page(dir);
	if (w->inotify_fd >= 0)
		return 0;
	w->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	return w->timer_fd < 0 ? err_errno(err, EX_TEMPFAIL, "timerfd") : 0;
}

void wal_wait_fini(struct wal_wait *w)
{
	if (w->inotify_fd >= 0)
		close(w->inotify_fd);
	if (w->timer_fd >= 0)
		close(w->timer_fd);
	w->inotify_fd = w->timer_fd = -1;
}

int wal_wait_for(struct wal_wait *w, int64_t end)
{
	struct itimerspec soon = { .it_value = { .tv_nsec = POLL_MS * 1000000L } };
	char events[4096];

	if (w->inotify_fd >= 0)
		while (read(w->inotify_fd, events, sizeof(events)) > 0)
			continue; /* what they told is seen below */
	else
		timerfd_settime(w->timer_fd, 0, &soon, NULL);
	if (wal_page_wait(w->page) > end)
		return -1;
	return w->inotify_fd >= 0 ? w->inotify_fd : w->timer_fd;
}
